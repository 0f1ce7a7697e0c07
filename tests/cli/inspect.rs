//! `layerwright inspect`

use std::collections::BTreeMap;

use layerwright::image::{
    Config, Descriptor, Digest, OwnLayer, PackedImage, Platform, RawManifest, annotation, assemble,
    media_type,
};
use layerwright::plan::{Inputs, Recipe, RecipeClass};
use layerwright::store::{
    Access, BlobSource, Home, Location, Reference, Store as _, StoreLocation,
};
use serde_json::{Value, json};

use crate::support::program::{digest_of, machine_config, run};
use crate::support::registry::Distribution;

const NAME: &str = "rendered-minimal-00000000000000000000000000000001";

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// Puts an image with these labels and annotations, and gives its manifest.
async fn put(home: &Home, tag: &str, labels: Pairs<'_>, says: Pairs<'_>) -> PackedImage {
    put_with(home, tag, labels, says, media_type::LAYER).await
}

/// The same with a layer of this type.
async fn put_with(
    home: &Home,
    tag: &str,
    labels: Pairs<'_>,
    says: Pairs<'_>,
    layer_type: &str,
) -> PackedImage {
    let blob = b"a layer".to_vec();
    let layer = Descriptor::of(layer_type, &blob);
    let own = OwnLayer { diff_id: layer.digest, descriptor: layer.clone() };
    let mut config = Config::new(&Platform::linux_amd64());
    for (name, value) in labels {
        config.set_label(name, value);
    }
    let says = says.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let image = assemble(None, config, &[own], "test", says.collect::<BTreeMap<_, _>>()).unwrap();
    let config = BlobSource::Bytes(image.config_bytes.clone());
    home.put_blob("s", &layer, BlobSource::Bytes(blob)).await.unwrap();
    home.put_blob("s", &image.config, config).await.unwrap();
    home.put_manifest("s", &Reference::Tag(tag.to_owned()), &image.manifest).await.unwrap();
    image
}

/// Both homes of a store, and how its images are named there.
fn homes(server: &Distribution, dir: &std::path::Path) -> [(Home, String); 2] {
    let host = server.host();
    let registry = StoreLocation::Registry { host: host.clone(), prefix: String::new() };
    let layout = StoreLocation::Layout(dir.to_owned());
    let open = |location| Access::default().open_store(&location).unwrap();
    [(open(registry), format!("{host}/s")), (open(layout), format!("oci:{}:s", dir.display()))]
}

fn inspect(reference: &str) -> Value {
    run(["inspect", reference, "--output", "json"]).json()
}

#[test]
fn a_rendered_config_image_says_what_it_is() {
    let server = Distribution::start();
    let scratch = tempfile::tempdir().unwrap();
    for (_, to) in homes(&server, &scratch.path().join("images")) {
        let config = machine_config("minimal.json");
        let line = run(["push-rendered", config.to_str().unwrap(), "--to", &to]).line();
        let reference = format!("{to}:latest");
        let found = inspect(&reference);
        assert_eq!(found["reference"], reference);
        assert_eq!(found["digest"], digest_of(&line));
        assert_eq!(found["mediaType"], media_type::MANIFEST);
        assert_eq!(found["platform"], "linux/amd64");
        assert_eq!(found["labels"], json!({ annotation::MACHINE_CONFIG: NAME }));
        assert_eq!(found["inputs"], Value::Null);
        let layers = found["layers"].as_array().unwrap();
        assert_eq!((layers.len(), &layers[0]["mediaType"]), (1, &json!(media_type::LAYER)));
        assert!(layers[0]["size"].as_u64().unwrap() > 1024, "{found}");
        let names: Vec<&String> = found["annotations"].as_object().unwrap().keys().collect();
        assert_eq!(names, [annotation::SOURCE]);

        let text = run(["inspect", &reference]).good();
        for wanted in [
            reference.as_str(),
            digest_of(&line),
            "linux/amd64",
            layers[0]["digest"].as_str().unwrap(),
            &format!("machineconfig={NAME}"),
        ] {
            assert!(text.contains(wanted), "{wanted:?} is not in: {text}");
        }
    }
    // By its digest, too.
    let reference = format!("{}/s:latest", server.host());
    let digest = inspect(&reference)["digest"].as_str().unwrap().to_owned();
    let by_digest = format!("{}/s@{digest}", server.host());
    assert_eq!(inspect(&by_digest)["digest"], digest.as_str());
}

#[tokio::test]
async fn the_inputs_of_a_build_are_shown() {
    let server = Distribution::start();
    let scratch = tempfile::tempdir().unwrap();
    let recipe = Recipe {
        class: RecipeClass::Run,
        text: "FROM ${BASE}\n".to_owned(),
        arguments: BTreeMap::new(),
    };
    let base = Digest::of(b"base");
    let platform = Platform::linux_amd64();
    let inputs = Inputs::new(recipe, platform, base, BTreeMap::new(), BTreeMap::new());
    let text = inputs.canonical().unwrap();
    let says = [(annotation::INPUTS, text.as_str()), (annotation::KEY, "the key")];
    for (home, name) in homes(&server, &scratch.path().join("images")) {
        put(&home, "built", &[(annotation::KEY, "the key")], &says).await;
        let found = inspect(&format!("{name}:built"));
        assert_eq!(found["inputs"], serde_json::to_value(&inputs).unwrap());
        assert_eq!(found["annotations"], json!({ annotation::KEY: "the key" }));
        let text = run(["inspect", &format!("{name}:built")]).good();
        assert!(text.contains(&format!("base: {}", base.short())), "{text}");
        assert!(text.contains("recipe.class: run"), "{text}");
    }
}

#[tokio::test]
async fn an_index_names_its_images() {
    let server = Distribution::start();
    let scratch = tempfile::tempdir().unwrap();
    for (home, name) in homes(&server, &scratch.path().join("images")) {
        let mut entries = Vec::new();
        for (architecture, label) in [("amd64", "1"), ("arm64", "2")] {
            let image = put(&home, architecture, &[("x", label)], &[]).await;
            let Descriptor { media_type, digest, size } = image.manifest.descriptor;
            entries.push(json!({
                "mediaType": media_type, "digest": digest, "size": size,
                "platform": { "os": "linux", "architecture": architecture },
            }));
        }
        let images = entries.clone();
        // One that says nothing, and one that says what it should not.
        let mut silent = entries[0].clone();
        silent.as_object_mut().unwrap().remove("platform");
        let mut hostile = entries[0].clone();
        hostile["platform"]["os"] = json!("\u{1b}[2Jlinux");
        entries.extend([silent, hostile]);
        let document =
            json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": entries });
        let index = RawManifest::new(media_type::INDEX, document.to_string().into_bytes());
        home.put_manifest("s", &Reference::Tag("all".to_owned()), &index).await.unwrap();

        let reference = format!("{name}:all");
        let found = inspect(&reference);
        assert_eq!(found["reference"], reference);
        assert_eq!(found["digest"], index.descriptor.digest.to_string());
        let listed = found["images"].as_array().unwrap();
        assert_eq!(listed.len(), 4);
        for (listed, image) in listed.iter().zip(&images) {
            assert_eq!((&listed["digest"], &listed["size"]), (&image["digest"], &image["size"]));
        }
        let platforms: Vec<&Value> = listed.iter().map(|image| &image["platform"]).collect();
        let (amd64, arm64) = (json!("linux/amd64"), json!("linux/arm64"));
        assert_eq!(platforms, [&amd64, &arm64, &Value::Null, &Value::Null]);

        let text = run(["inspect", &reference]).good();
        assert_eq!(text.lines().count(), 5, "{text}");
        let arm64 = format!("linux/arm64 {}", images[1]["digest"].as_str().unwrap());
        assert!(text.contains(&arm64) && text.contains("no platform"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}

#[tokio::test]
async fn an_image_cannot_play_with_the_terminal() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("images");
    let location = StoreLocation::Layout(dir.clone());
    let home = Access::default().open_store(&location).unwrap();
    let hostile = "\u{1b}]0;title\u{7}\r\nlabel fake=\u{9b}2J\u{202e}";
    put_with(&home, "t", &[(hostile, hostile)], &[(hostile, hostile)], hostile).await;
    let reference = format!("oci:{}:s:t", dir.display());
    let text = run(["inspect", &reference]).good();
    let wrong = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(wrong), "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with("label fake")), "{text}");
    assert_eq!(inspect(&reference)["labels"][hostile], hostile, "JSON has it as it is");
}

#[test]
fn what_is_not_there_is_named() {
    let server = Distribution::start();
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("images");
    let reference = format!("{}/no/such:tag", server.host());
    let stderr = run(["inspect", &reference]).failed(1);
    assert!(stderr.contains(&format!("there is no image {reference}")), "{stderr}");
    let layout = format!("oci:{}:s:t", dir.display());
    let stderr = run(["inspect", &layout]).failed(1);
    assert!(stderr.contains("there is no OCI image layout"), "{stderr}");
    assert!(!dir.exists(), "looking makes no layout");
    let config = machine_config("minimal.json");
    let to = format!("oci:{}:other", dir.display());
    run(["push-rendered", config.to_str().unwrap(), "--to", &to]).line();
    let stderr = run(["inspect", &layout]).failed(1);
    assert!(stderr.contains(&format!("there is no image {layout}")), "{stderr}");
    // Without a name, the only image there is.
    let only = format!("oci:{}", dir.display());
    assert_eq!(inspect(&only)["labels"][annotation::MACHINE_CONFIG], NAME);
    assert!(only.parse::<Location>().is_ok());
}
