//! Images as they are put together: the rendered-config image, an image on a base, the stamp.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::{Value, json};

use super::layer::{Entry, EntryKind, Layer, write_layer};
use super::{
    Config, Descriptor, Digest, Manifest, OwnLayer, PackedImage, Platform, RawManifest,
    RenderedConfig, Stamp, annotation, assemble, media_type, pack_rendered_config, stamp,
};

const RENDERED: RenderedConfig<'_> =
    RenderedConfig { name: "rendered-layered-1", machine_config: b"{\"m\":1}", ignition: b"{}" };

/// The files of a layer: path, mode, owner, group, content.
fn files(layer: &Layer) -> Vec<(String, u32, u64, u64, String)> {
    let mut archive = tar::Archive::new(layer.bytes.as_slice());
    let read = |member: std::io::Result<tar::Entry<'_, _>>| {
        let mut member: tar::Entry<'_, &[u8]> = member.unwrap();
        let path = member.path().unwrap().display().to_string();
        let (mode, uid, gid) = {
            let header = member.header();
            (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap())
        };
        let mut content = String::new();
        member.read_to_string(&mut content).unwrap();
        (path, mode, uid, gid, content)
    };
    archive.entries().unwrap().map(read).collect()
}

fn file(path: &str, content: &str) -> (String, u32, u64, u64, String) {
    (path.to_owned(), 0o644, 0, 0, content.to_owned())
}

fn document(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// That config and manifest describe each other, and every own layer is where it belongs.
fn check_consistent(image: &PackedImage) -> (Manifest, Config) {
    let manifest = image.manifest.parse_manifest().unwrap();
    assert_eq!(manifest.config(), &image.config);
    assert_eq!(image.config, Descriptor::of(media_type::CONFIG, &image.config_bytes));
    assert_eq!(
        image.manifest.descriptor,
        Descriptor::of(media_type::MANIFEST, &image.manifest.bytes)
    );
    let config = Config::parse(&image.config_bytes).unwrap();
    assert_eq!(manifest.layers().len(), config.diff_ids().len());
    (manifest, config)
}

#[test]
fn a_rendered_config_image_has_two_files_and_a_label() {
    let platform = Platform::linux_amd64();
    let (image, layer) = pack_rendered_config(&RENDERED, &platform).unwrap();
    let wanted =
        [file("machine-config-ignition.json", "{}"), file("machine-config.json", "{\"m\":1}")];
    assert_eq!(files(&layer), wanted);
    let (manifest, config) = check_consistent(&image);
    assert_eq!(manifest.layers(), std::slice::from_ref(&layer.descriptor));
    assert_eq!((config.diff_ids(), config.platform()), (&[layer.diff_id][..], &platform));
    // A plain layer is its own diff_id.
    assert_eq!(layer.descriptor.digest, layer.diff_id);
    let config = document(&image.config_bytes);
    assert_eq!(config["config"], json!({"Labels": {"machineconfig": "rendered-layered-1"}}));
    assert_eq!(config["history"].as_array().map(Vec::len), Some(1));
    assert_eq!(config.get("created"), None, "no time is in it");
    let source = RENDERED.source_digest().unwrap().to_string();
    assert_eq!(manifest.annotations(), BTreeMap::from([(annotation::SOURCE, source.as_str())]));
}

#[test]
fn everything_given_and_nothing_else_is_in_the_digest() {
    let digest = |rendered: &RenderedConfig<'_>, platform: &str| {
        let (image, _) = pack_rendered_config(rendered, &platform.parse().unwrap()).unwrap();
        image.manifest.descriptor.digest
    };
    let all = [
        digest(&RENDERED, "linux/amd64"),
        digest(&RENDERED, "linux/arm64"),
        digest(&RENDERED, "linux/arm64/v8"),
        digest(&RenderedConfig { name: "other", ..RENDERED }, "linux/amd64"),
        digest(&RenderedConfig { machine_config: b"{}", ..RENDERED }, "linux/amd64"),
        digest(&RenderedConfig { ignition: b"{\"m\":1}", ..RENDERED }, "linux/amd64"),
    ];
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len());
    assert_eq!(digest(&RENDERED, "linux/amd64"), all[0]);
}

#[test]
fn the_source_digest_tells_the_two_files_apart() {
    let swapped = RenderedConfig {
        machine_config: RENDERED.ignition,
        ignition: RENDERED.machine_config,
        ..RENDERED
    };
    let source = |rendered: &RenderedConfig<'_>| rendered.source_digest().unwrap();
    assert_ne!(source(&RENDERED), source(&swapped));
    // The name is in the MachineConfig; the label alone is no content.
    assert_eq!(source(&RENDERED), source(&RenderedConfig { name: "other", ..RENDERED }));
}

fn layer(path: &str) -> Layer {
    write_layer([Entry::new(path, EntryKind::File(b"x".to_vec()), 0o644)]).unwrap()
}

fn own(layer: &Layer) -> OwnLayer {
    OwnLayer { descriptor: layer.descriptor.clone(), diff_id: layer.diff_id }
}

/// A base as Docker makes it, with fields that layerwright does not know.
fn docker_base() -> (Manifest, Config) {
    let config = json!({
        "architecture": "amd64", "os": "linux", "docker_version": "1",
        "config": {"Labels": {"ostree.commit": "c"}, "Cmd": ["/sbin/init"]},
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(b"tar")]},
        "history": [{"created_by": "base"}],
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::DOCKER_MANIFEST,
        "config": {
            "mediaType": media_type::DOCKER_CONFIG, "digest": Digest::of(b"config"), "size": 6,
        },
        "layers": [{
            "mediaType": media_type::DOCKER_LAYER_GZIP, "digest": Digest::of(b"blob"), "size": 4,
            "annotations": {"kept": "yes"}, "urls": ["https://example.com/blob"],
        }],
    });
    let raw = RawManifest::new(media_type::DOCKER_MANIFEST, manifest.to_string().into_bytes());
    let config = Config::parse(config.to_string().as_bytes()).unwrap();
    (raw.parse_manifest().unwrap(), config)
}

#[test]
fn a_base_keeps_its_bytes_and_gets_oci_media_types() {
    let (base, config) = docker_base();
    let layer = layer("etc/own");
    let image = assemble(Some(&base), config, &[own(&layer)], "test", BTreeMap::new()).unwrap();
    let (manifest, config) = check_consistent(&image);
    assert_eq!(
        manifest.layers(),
        [Descriptor::of(media_type::LAYER_GZIP, b"blob"), layer.descriptor]
    );
    assert_eq!(config.diff_ids(), [Digest::of(b"tar"), layer.diff_id]);
    let manifest = document(&image.manifest.bytes);
    assert_eq!(manifest["mediaType"], media_type::MANIFEST);
    assert_eq!(manifest["layers"][0]["annotations"], json!({"kept": "yes"}));
    assert_eq!(manifest["layers"][0]["urls"], json!(["https://example.com/blob"]));
    assert_eq!(manifest.get("annotations"), None);
    let config = document(&image.config_bytes);
    assert_eq!(config["docker_version"], "1");
    assert_eq!(config["config"]["Cmd"], json!(["/sbin/init"]));
    assert_eq!(config["history"], json!([{"created_by": "base"}, {"created_by": "test"}]));
}

/// An unstamped image, as a record holds it.
fn content() -> (PackedImage, Manifest, Config) {
    let (base, config) = docker_base();
    let annotations = [
        (annotation::KEY, "the key"),
        (annotation::INPUTS, "{\"the\":\"inputs\"}"),
        (annotation::ENGINE, "buildah 1"),
        (annotation::VERSION, "0.1.0"),
        ("com.example.other", "stays behind"),
    ];
    let annotations = annotations.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let image =
        assemble(Some(&base), config, &[own(&layer("etc/own"))], "test", annotations).unwrap();
    let (manifest, config) = check_consistent(&image);
    (image, manifest, config)
}

fn says(base_name: Option<&str>) -> Stamp<'_> {
    Stamp {
        pool: "layered",
        machine_config_name: "rendered-layered-1",
        machine_config: b"{\"m\":1}",
        base_name,
        base_digest: Digest::of(b"index"),
        base_platform_digest: Digest::of(b"manifest"),
        content: Digest::of(b"content"),
    }
}

#[test]
fn a_stamp_adds_one_layer_with_the_current_config() {
    let (_, content, config) = content();
    let (image, layer) = stamp(&content, &config, &says(None)).unwrap();
    let wanted = [file("etc/machine-config-daemon/currentconfig", "{\"m\":1}")];
    assert_eq!(files(&layer), wanted);
    let (manifest, stamped) = check_consistent(&image);
    let (below, top) = manifest.layers().split_at(content.layers().len());
    assert_eq!((below, top), (content.layers(), std::slice::from_ref(&layer.descriptor)));
    assert_eq!(stamped.diff_ids()[..config.diff_ids().len()], *config.diff_ids());
}

#[test]
fn a_stamp_says_everything_in_annotations_and_all_but_the_inputs_in_labels() {
    let (_, content, config) = content();
    let (image, _) = stamp(&content, &config, &says(Some("registry.example.com/base:1"))).unwrap();
    let (manifest, stamped) = check_consistent(&image);
    let current = Digest::of(b"{\"m\":1}").to_string();
    let [index, platform, unstamped] =
        [&b"index"[..], b"manifest", b"content"].map(|b| Digest::of(b).to_string());
    let wanted = BTreeMap::from([
        (annotation::KEY, "the key"),
        (annotation::INPUTS, "{\"the\":\"inputs\"}"),
        (annotation::ENGINE, "buildah 1"),
        (annotation::VERSION, "0.1.0"),
        (annotation::MACHINE_CONFIG, "rendered-layered-1"),
        (annotation::POOL, "layered"),
        (annotation::CURRENT_CONFIG, current.as_str()),
        (annotation::CONTENT, unstamped.as_str()),
        (annotation::BASE_NAME, "registry.example.com/base:1"),
        (annotation::BASE_DIGEST, index.as_str()),
        (annotation::BASE_PLATFORM, platform.as_str()),
    ]);
    assert_eq!(manifest.annotations(), wanted);
    let labels: BTreeMap<&str, &str> =
        stamped.labels().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let wanted = BTreeMap::from([
        ("ostree.commit", "c"),
        (annotation::KEY, "the key"),
        (annotation::ENGINE, "buildah 1"),
        (annotation::VERSION, "0.1.0"),
        (annotation::MACHINE_CONFIG, "rendered-layered-1"),
        (annotation::POOL, "layered"),
    ]);
    assert_eq!(labels, wanted);
}

#[test]
fn a_base_that_only_this_machine_can_name_is_not_named() {
    let (_, content, config) = content();
    let (image, _) = stamp(&content, &config, &says(None)).unwrap();
    let (manifest, _) = check_consistent(&image);
    assert_eq!(manifest.annotation(annotation::BASE_NAME), None);
    assert!(manifest.annotation(annotation::BASE_DIGEST).is_some());
}

#[test]
fn two_pools_share_everything_but_the_stamp() {
    let (_, content, config) = content();
    let (one, layer) = stamp(&content, &config, &says(None)).unwrap();
    let other = Stamp { pool: "worker", ..says(None) };
    let (two, same_layer) = stamp(&content, &config, &other).unwrap();
    assert_ne!(one.manifest.descriptor.digest, two.manifest.descriptor.digest);
    assert_eq!(layer, same_layer, "the same config is the same layer");
}
