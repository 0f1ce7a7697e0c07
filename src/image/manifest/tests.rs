//! Manifests and indexes of every kind that stores have, and of kinds that they should not.

use serde_json::{Value, json};

use super::{Document, Index, LAYERS_LIMIT, ManifestError, RawManifest};
use crate::image::{Descriptor, Digest, Platform, media_type};

fn blob(media_type: &str, content: &str) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(content.as_bytes()), "size": content.len() })
}

fn raw(media_type: &str, document: &Value) -> RawManifest {
    RawManifest::new(media_type, document.to_string().into_bytes())
}

fn oci(layers: Vec<Value>) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": media_type::MANIFEST,
        "config": blob(media_type::CONFIG, "config"),
        "layers": layers,
    })
}

fn refused(raw: &RawManifest) -> ManifestError {
    match raw.parse() {
        Err(error) => error,
        Ok(document) => panic!("read as {document:?}"),
    }
}

#[test]
fn oci_and_docker_manifests_are_read_alike() {
    let layers = vec![blob(media_type::LAYER, "one"), blob(media_type::LAYER_ZSTD, "two")];
    let docker = json!({
        "schemaVersion": 2,
        "mediaType": media_type::DOCKER_MANIFEST,
        "config": blob(media_type::DOCKER_CONFIG, "config"),
        "layers": [blob(media_type::DOCKER_LAYER_GZIP, "one")],
    });
    for (raw, config, layers) in [
        (
            raw(media_type::MANIFEST, &oci(layers)),
            media_type::CONFIG,
            &[(media_type::LAYER, "one"), (media_type::LAYER_ZSTD, "two")][..],
        ),
        (
            raw(media_type::DOCKER_MANIFEST, &docker),
            media_type::DOCKER_CONFIG,
            &[(media_type::DOCKER_LAYER_GZIP, "one")],
        ),
    ] {
        let manifest = raw.parse_manifest().unwrap();
        assert_eq!(manifest.config(), &Descriptor::of(config, b"config"));
        let wanted: Vec<_> =
            layers.iter().map(|(kind, content)| Descriptor::of(kind, content.as_bytes())).collect();
        assert_eq!(manifest.layers(), wanted);
        assert_eq!(manifest.blobs().count(), wanted.len() + 1);
        assert!(manifest.annotations().is_empty());
    }
}

#[test]
fn kinds_that_are_not_supported_are_named() {
    let schema_1 = json!({ "schemaVersion": 1, "name": "x", "tag": "y", "fsLayers": [] });
    for kind in [
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/json",
        "",
    ] {
        let found = refused(&raw(kind, &schema_1));
        assert!(matches!(found, ManifestError::Kind { .. }), "{found:?}");
        let message = found.to_string();
        assert!(
            message.contains(&format!("{kind:?}")) && message.contains("schema 2"),
            "{message}"
        );
    }
    let long = refused(&raw(&"x".repeat(100_000), &schema_1)).to_string();
    assert!(long.len() < 400, "{} bytes of message", long.len());
    // Schema 1 under the media type of schema 2.
    let found = refused(&raw(media_type::DOCKER_MANIFEST, &schema_1));
    assert!(matches!(found, ManifestError::Malformed { .. }), "{found:?}");
}

#[test]
fn malformed_documents_are_refused() {
    let good = oci(vec![]);
    let without = |field: &str| {
        let mut document = good.clone();
        document.as_object_mut().unwrap().remove(field);
        document
    };
    let sized = |size: Value| {
        let mut document = good.clone();
        document["config"]["size"] = size;
        document
    };
    for document in [
        json!(null),
        json!([]),
        json!({}),
        without("config"),
        without("layers"),
        without("schemaVersion"),
        sized(json!(-1)),
        sized(json!("1")),
        sized(json!(1.5)),
    ] {
        let found = refused(&raw(media_type::MANIFEST, &document));
        assert!(matches!(found, ManifestError::Malformed { .. }), "{document}: {found:?}");
    }
    let cut = &good.to_string().into_bytes()[..40];
    let found = refused(&RawManifest::new(media_type::MANIFEST, cut.to_vec()));
    assert!(found.to_string().contains(&Digest::of(cut).to_string()), "{found}");
    let nested = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for kind in [media_type::MANIFEST, media_type::INDEX] {
        refused(&RawManifest::new(kind, nested.clone().into_bytes()));
    }
}

#[test]
fn digests_that_cannot_be_used_are_refused() {
    for digest in [format!("sha512:{}", "0".repeat(128)), "sha256:abc".to_owned(), String::new()] {
        let mut layer = blob(media_type::LAYER, "one");
        layer["digest"] = json!(digest);
        let found = refused(&raw(media_type::MANIFEST, &oci(vec![layer])));
        assert!(
            matches!(found, ManifestError::Digest { .. } | ManifestError::Malformed { .. }),
            "{digest}: {found:?}"
        );
    }
}

#[test]
fn there_is_a_limit_of_layers() {
    let with = |count| raw(media_type::MANIFEST, &oci(vec![blob(media_type::LAYER, "x"); count]));
    assert_eq!(with(LAYERS_LIMIT).parse_manifest().unwrap().layers().len(), LAYERS_LIMIT);
    let found = refused(&with(LAYERS_LIMIT + 1));
    assert!(matches!(found, ManifestError::Layers { count: 1025, .. }), "{found:?}");
}

fn entry(content: &str, platform: Option<Value>) -> Value {
    let mut entry = blob(media_type::MANIFEST, content);
    if let Some(platform) = platform {
        entry["platform"] = platform;
    }
    entry
}

fn index(media_type: &str, entries: Vec<Value>) -> Index {
    let document = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": entries });
    match raw(media_type, &document).parse().unwrap() {
        Document::Index(index) => index,
        Document::Manifest(_) => panic!("an index was read as a manifest"),
    }
}

#[test]
fn the_first_image_that_fits_a_platform_is_selected() {
    let on = |os: &str, architecture: &str| Some(json!({"os": os, "architecture": architecture}));
    let arm =
        |variant: &str| Some(json!({"os": "linux", "architecture": "arm", "variant": variant}));
    let entries = vec![
        entry("attestation", on("unknown", "unknown")),
        entry("nothing said", None),
        entry("windows", on("windows", "amd64")),
        entry("amd64", on("linux", "amd64")),
        entry("amd64 again", on("linux", "amd64")),
        entry("v6", arm("v6")),
        entry("v7", arm("v7")),
    ];
    for kind in [media_type::INDEX, media_type::DOCKER_INDEX] {
        let index = index(kind, entries.clone());
        for (platform, wanted) in [
            ("linux/amd64", "amd64"),
            ("linux/amd64/v3", "amd64"),
            ("linux/arm/v7", "v7"),
            ("linux/arm", "v6"),
            ("windows/amd64", "windows"),
        ] {
            let found = index.select(&platform.parse::<Platform>().unwrap()).unwrap();
            assert_eq!(found.digest, Digest::of(wanted.as_bytes()), "{platform}");
        }
        let error = index.select(&"linux/s390x".parse::<Platform>().unwrap()).unwrap_err();
        let message = error.to_string();
        for wanted in ["linux/s390x", "linux/amd64", "linux/arm/v7", &index.digest().to_string()] {
            assert!(message.contains(wanted), "{wanted} is not in: {message}");
        }
    }
    let empty = index(media_type::INDEX, vec![]);
    let error = empty.select(&Platform::linux_amd64()).unwrap_err();
    assert!(error.to_string().ends_with("it has none"), "{error}");
}

#[test]
fn an_index_is_no_image() {
    let document = json!({ "schemaVersion": 2, "manifests": [] });
    let error = raw(media_type::INDEX, &document).parse_manifest().unwrap_err();
    assert!(matches!(error, ManifestError::IsIndex { .. }), "{error:?}");
}

#[test]
fn hostile_platforms_do_not_make_messages_endless() {
    let platform = json!({ "os": "o".repeat(100_000), "architecture": "amd64" });
    let index = index(media_type::INDEX, vec![entry("x", Some(platform)); 100]);
    let error = index.select(&Platform::linux_amd64()).unwrap_err().to_string();
    assert!(error.len() < 5_000, "{} bytes of message", error.len());
}
