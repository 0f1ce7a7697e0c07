//! Results of builds as layouts on disk, good and bad.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{OwnLayers, ResultError, place_base_layers, read_image_id, take_apart_now};
use crate::engine::buildah::BuildahError;
use crate::image::layer::{Entry, EntryKind, PLAIN_LAYER_LIMIT, write_layer};
use crate::image::{Config, Descriptor, Digest, OwnLayer, Platform, media_type};

/// A scratch directory with an exported image in it.
struct Exported {
    dir: TempDir,
    layers: Vec<Value>,
    diff_ids: Vec<Digest>,
}

/// The tar of a layer with one file of this length; its content does not compress well.
fn tar(name: &str, length: usize) -> Vec<u8> {
    let mix = |n: usize| (n.wrapping_mul(2_654_435_761) >> 13) as u8;
    let content = EntryKind::File((0..length).map(mix).collect());
    let layer = write_layer([Entry::new(name, content, 0o644)]).unwrap();
    match layer.descriptor.media_type.as_str() {
        media_type::LAYER => layer.bytes,
        _ => gunzip(&layer.bytes),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    // As a builder would: another level, and a time.
    let builder = flate2::GzBuilder::new().mtime(1_700_000_000);
    let mut encoder = builder.write(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    std::io::copy(&mut flate2::read::MultiGzDecoder::new(bytes), &mut tar).unwrap();
    tar
}

impl Exported {
    /// On a base of one layer, whose blob is not there.
    fn on_base() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("out/blobs/sha256")).unwrap();
        let mut exported = Self { dir, layers: Vec::new(), diff_ids: Vec::new() };
        exported.name_layer(media_type::LAYER, b"base tar", Digest::of(b"base tar"));
        exported
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn out(&self) -> std::path::PathBuf {
        self.path().join("out")
    }

    fn put(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        fs::write(self.out().join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        digest
    }

    /// Names a layer without putting its blob.
    fn name_layer(&mut self, kind: &str, blob: &[u8], diff_id: Digest) {
        let digest = Digest::of(blob);
        self.layers.push(json!({"mediaType": kind, "digest": digest, "size": blob.len()}));
        self.diff_ids.push(diff_id);
    }

    fn layer(mut self, kind: &str, blob: &[u8], diff_id: Digest) -> Self {
        self.put(blob);
        self.name_layer(kind, blob, diff_id);
        self
    }

    /// Writes config, manifest and index.
    fn write(self) -> Self {
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {"Labels": {"a": "b"}},
            "rootfs": {"type": "layers", "diff_ids": self.diff_ids},
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "config": {
                "mediaType": media_type::CONFIG, "digest": self.put(&config), "size": config.len(),
            },
            "layers": self.layers,
        });
        let manifest = self.put(manifest.to_string().as_bytes());
        self.index(&json!({ "manifests": [{ "digest": manifest }] }));
        self
    }

    fn index(&self, index: &Value) {
        fs::write(self.out().join("index.json"), index.to_string()).unwrap();
    }

    fn take_apart(&self) -> Result<(Config, OwnLayers), ResultError> {
        take_apart_now(self.path(), &base(), &[base_layer()])
    }

    fn refused(&self) -> ResultError {
        match self.take_apart() {
            Err(error) => error,
            Ok((_, layers)) => panic!("taken for good: {layers:?}"),
        }
    }
}

/// The base's layer as the base's manifest names it.
fn base_layer() -> Descriptor {
    Descriptor::of(media_type::LAYER_GZIP, b"base tar, compressed")
}

fn base() -> Config {
    let mut base = Config::new(&Platform::linux_amd64());
    base.add_layer(Digest::of(b"base tar"), "base");
    base
}

#[test]
fn the_layers_above_the_base_are_taken_and_its_blobs_are_not_read() {
    let (one, two) = (tar("one", 10), tar("two", 20));
    let exported = Exported::on_base()
        .layer(media_type::LAYER, &one, Digest::of(&one))
        .layer(media_type::LAYER_GZIP, &gzip(&two), Digest::of(&two))
        .write();
    let (config, layers) = exported.take_apart().unwrap();
    assert_eq!(config.labels().get("a").map(String::as_str), Some("b"));
    assert_eq!(layers.len(), 2);
    for ((layer, path), tar) in layers.iter().zip([one, two]) {
        // Small layers are plain, whatever the builder made of them.
        assert_eq!(layer.descriptor, Descriptor::of(media_type::LAYER, &tar));
        assert_eq!(layer.diff_id, Digest::of(&tar));
        assert!(fs::read(path.as_ref().unwrap()).unwrap() == tar);
    }
}

#[test]
fn a_large_layer_is_compressed_by_our_encoder_whatever_the_builder_used() {
    let tar = tar("large", PLAIN_LAYER_LIMIT);
    let twice = [gzip(&tar[..1_000_000]), gzip(&tar[1_000_000..])].concat();
    let mut found = Vec::new();
    for (kind, blob) in [
        (media_type::LAYER, tar.clone()),
        (media_type::LAYER_GZIP, gzip(&tar)),
        (media_type::LAYER_GZIP, twice),
    ] {
        let exported = Exported::on_base().layer(kind, &blob, Digest::of(&tar)).write();
        let (_, layers) = exported.take_apart().unwrap();
        let [(layer, path)] = layers.as_slice() else { panic!("{layers:?}") };
        assert_eq!(layer.diff_id, Digest::of(&tar));
        let bytes = fs::read(path.as_ref().unwrap()).unwrap();
        assert_eq!(layer.descriptor, Descriptor::of(media_type::LAYER_GZIP, &bytes));
        assert!(gunzip(&bytes) == tar);
        found.push(bytes);
    }
    assert!(found[0] == found[1] && found[1] == found[2], "one tar, several blobs");
}

#[test]
fn an_image_on_another_base_is_refused() {
    let own = tar("own", 1);
    let mut exported = Exported::on_base().layer(media_type::LAYER, &own, Digest::of(&own));
    exported.diff_ids[0] = Digest::of(b"other tar");
    let found = exported.write().refused();
    let wanted = Digest::of(b"base tar");
    assert!(matches!(found, ResultError::NotOnBase { index: 0, wanted: w } if w == wanted));
    // Nor is one that is a part of the base.
    let mut exported = Exported::on_base();
    (exported.layers, exported.diff_ids) = (vec![], vec![]);
    assert!(matches!(exported.write().refused(), ResultError::NotOnBase { index: 0, .. }));
}

#[test]
fn a_layer_that_is_not_what_the_config_says_is_refused() {
    let own = tar("own", 1);
    let wrong = Digest::of(b"wrong");
    for (kind, blob) in [(media_type::LAYER, own.clone()), (media_type::LAYER_GZIP, gzip(&own))] {
        let found = Exported::on_base().layer(kind, &blob, wrong).write().refused();
        match found {
            ResultError::DiffId { found, wanted } => {
                assert_eq!((found, wanted), (Digest::of(&own), wrong));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_layer_that_cannot_be_unpacked_is_refused() {
    let own = tar("own", 1);
    let diff_id = Digest::of(&own);
    let cut = &gzip(&own)[..40];
    for blob in [&own[..], cut, b""] {
        let exported = Exported::on_base().layer(media_type::LAYER_GZIP, blob, diff_id).write();
        let found = exported.refused();
        assert!(
            matches!(found, ResultError::Read { .. } | ResultError::DiffId { .. }),
            "{found:?}"
        );
    }
    let mut exported = Exported::on_base();
    exported.name_layer(media_type::LAYER, &own, diff_id);
    let found = exported.write().refused();
    assert!(found.to_string().contains(&diff_id.hex()), "{found}: it names the missing file");
}

#[test]
fn a_layer_of_a_foreign_type_is_refused() {
    let own = tar("own", 1);
    for kind in [media_type::LAYER_ZSTD, media_type::DOCKER_LAYER_GZIP, "text/plain"] {
        let found = Exported::on_base().layer(kind, &own, Digest::of(&own)).write().refused();
        assert!(matches!(&found, ResultError::LayerType(found) if found == kind), "{found:?}");
    }
}

#[test]
fn a_layer_that_the_base_has_too_is_the_bases_own() {
    // The exporter leaves it out, because the empty file in its place is there already.
    let exported =
        Exported::on_base().layer(media_type::LAYER, b"base tar", Digest::of(b"base tar")).write();
    place_base_layers(&exported.out(), &base()).unwrap();
    let (_, layers) = exported.take_apart().unwrap();
    let diff_id = Digest::of(b"base tar");
    assert_eq!(layers, [(OwnLayer { descriptor: base_layer(), diff_id }, None)]);
}

#[test]
fn a_config_with_another_number_of_layers_is_refused() {
    let own = tar("own", 1);
    let mut exported = Exported::on_base().layer(media_type::LAYER, &own, Digest::of(&own));
    exported.diff_ids.pop();
    let found = exported.write().refused();
    assert!(matches!(found, ResultError::LayerCount { layers: 2, diff_ids: 1 }), "{found:?}");
}

#[test]
fn a_layout_without_one_good_image_is_refused() {
    let exported = Exported::on_base().write();
    for (index, wanted) in [
        (json!({ "manifests": [] }), "has 0 images"),
        (
            json!({ "manifests": [{"digest": Digest::of(b"a")}, {"digest": Digest::of(b"b")}] }),
            "has 2",
        ),
        (json!({ "manifests": [{"digest": "sha256:../../x"}] }), "malformed"),
        (json!([]), "malformed"),
        (json!({ "manifests": [{"digest": Digest::of(b"gone")}] }), "cannot read"),
        (json!({ "manifests": [{"digest": exported.put(b"[]")}] }), "malformed"),
    ] {
        exported.index(&index);
        let found = exported.refused().to_string();
        assert!(found.contains(wanted), "{index} gave {found}");
    }
}

#[test]
fn files_that_are_too_large_are_not_read() {
    let exported = Exported::on_base().write();
    let index = fs::File::create(exported.out().join("index.json")).unwrap();
    index.set_len(1 << 40).unwrap();
    let found = exported.refused();
    assert!(matches!(found, ResultError::Size { size: 0x100_0000_0000, .. }), "{found:?}");
}

#[test]
fn an_image_id_is_a_digest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image-id");
    let id = Digest::of(b"config");
    fs::write(&path, format!("{id}\n")).unwrap();
    assert_eq!(read_image_id(&path).unwrap(), id);
    for text in ["", "sha256:12", &"x".repeat(1000)] {
        fs::write(&path, text).unwrap();
        assert!(read_image_id(&path).is_err(), "{text}");
    }
}

#[test]
fn base_layers_that_cannot_be_placed_are_named() {
    let found = place_base_layers(Path::new("/does/not/exist"), &base()).unwrap_err();
    match found {
        BuildahError::File { path, .. } => {
            assert!(path.ends_with(Digest::of(b"base tar").hex()), "{}", path.display());
        }
        other => panic!("{other:?}"),
    }
}
