//! Reading from a real registry, also from one whose disk has rotted.

use std::fs;

use layerwright::image::{Descriptor, Digest, media_type};
use layerwright::store::registry::{Class, Registry, RegistryError};
use layerwright::store::{BlobSource, RawManifest, Reference, Store as _};
use tokio::io::AsyncReadExt as _;

use super::support::registry::Distribution;
use super::{bytes, image, open, registry_error};

fn latest() -> Reference {
    Reference::Tag("latest".into())
}

/// Pushes an image with this layer to `x:latest`.
async fn push(registry: &Registry, layer: &[u8]) -> (RawManifest, Descriptor) {
    let manifest = image(b"{}", layer);
    let descriptor = Descriptor::of(media_type::LAYER, layer);
    for (descriptor, blob) in [
        (Descriptor::of(media_type::CONFIG, b"{}"), b"{}".to_vec()),
        (descriptor.clone(), layer.to_vec()),
    ] {
        let source = BlobSource::Bytes(blob);
        registry.put_blob("x", &descriptor, source).await.unwrap();
    }
    registry.put_manifest("x", &latest(), &manifest).await.unwrap();
    (manifest, descriptor)
}

/// Reads a blob to its end or error.
async fn read(registry: &Registry, blob: &Descriptor) -> (Vec<u8>, Option<RegistryError>) {
    let mut out = Vec::new();
    match registry.blob("x", blob).await {
        Err(error) => (out, Some(registry_error::<()>(Err(error)))),
        Ok(mut reader) => {
            let end = reader.read_to_end(&mut out).await;
            let error = end.err().map(|error| error.downcast().unwrap());
            (out, error)
        }
    }
}

#[tokio::test]
async fn what_was_put_is_read_back() {
    let server = Distribution::start();
    let registry = open(server.host());
    let layer = bytes(1_000_000);
    let (manifest, blob) = push(&registry, &layer).await;
    let start = server.mark();
    for reference in [latest(), Reference::Digest(manifest.descriptor.digest)] {
        let found = registry.manifest("x", &reference).await.unwrap().unwrap();
        assert_eq!(found.bytes, manifest.bytes);
        assert_eq!(found.descriptor, manifest.descriptor);
        let found = registry.head("x", &reference).await.unwrap();
        assert_eq!(found.as_ref(), Some(&manifest.descriptor));
    }
    assert!(registry.has_blob("x", &blob).await.unwrap());
    let (found, error) = read(&registry, &blob).await;
    assert!(error.is_none(), "{error:?}");
    assert!(found == layer, "the blob differs");
    assert_eq!(
        server.verbs_since(start).join(", "),
        "GET 200, HEAD 200, GET 200, HEAD 200, HEAD 200, GET 200"
    );
    assert_eq!(registry.describe("x"), format!("{}/os/x", server.host()));
}

#[tokio::test]
async fn what_is_not_there_is_absent_and_a_blob_an_error() {
    let server = Distribution::start();
    let registry = open(server.host());
    let nothing = Descriptor::of(media_type::LAYER, b"nothing");
    for stream in ["no-such-repository", "x"] {
        let digest = Reference::Digest(Digest::of(b""));
        let tag = Reference::Tag("no-such-tag".into());
        assert_eq!(registry.head(stream, &tag).await.unwrap(), None);
        assert!(registry.manifest(stream, &tag).await.unwrap().is_none());
        assert_eq!(registry.head(stream, &digest).await.unwrap(), None);
        assert!(!registry.has_blob(stream, &nothing).await.unwrap());
        let error = registry_error(registry.blob(stream, &nothing).await.map(|_| ()));
        let text = error.to_string();
        assert!(text.contains("404 Not Found"), "{text}");
        assert!(text.contains(&format!("{}/os/{stream}", server.host())), "{text}");
        push(&registry, b"layer").await;
    }
}

#[tokio::test]
async fn a_blob_that_has_rotted_never_ends_cleanly() {
    let server = Distribution::start();
    let registry = open(server.host());
    let layer = bytes(300_000);
    let (_, blob) = push(&registry, &layer).await;
    let file = server.blob_file(&blob.digest.to_string());

    let mut flipped = layer.clone();
    flipped[299_999] ^= 1;
    for (rotten, fault) in [
        (flipped.as_slice(), "Digest"),
        (&layer[..100_000], "TooShort"),
        (&[layer.as_slice(), b"x"].concat(), "TooLong"),
    ] {
        fs::write(&file, rotten).unwrap();
        let (found, error) = read(&registry, &blob).await;
        assert!(found.len() < layer.len(), "{fault}: all of it came out");
        let error = error.unwrap();
        assert_eq!(error.class(), Class::Protocol, "{error}");
        let text = format!("{error:?}");
        assert!(text.contains(&format!("fault: {fault}")), "{text}");
    }

    // A copy of it into another registry is not completed either.
    fs::write(&file, &flipped).unwrap();
    let second = Distribution::start();
    let copy = open(second.host());
    let source = BlobSource::Reader(registry.blob("x", &blob).await.unwrap());
    let error = registry_error(copy.put_blob("x", &blob, source).await);
    assert_eq!(error.class(), Class::Protocol, "{error}");
    assert!(!copy.has_blob("x", &blob).await.unwrap());
}

#[tokio::test]
async fn a_manifest_that_has_rotted_is_refused() {
    let server = Distribution::start();
    let registry = open(server.host());
    let (manifest, _) = push(&registry, b"layer").await;
    let digest = manifest.descriptor.digest;
    let mut rotten = manifest.bytes.clone();
    rotten.push(b'\n');
    fs::write(server.blob_file(&digest.to_string()), rotten).unwrap();
    for reference in [latest(), Reference::Digest(digest)] {
        let error = registry_error(registry.manifest("x", &reference).await);
        assert_eq!(error.class(), Class::Protocol, "{error}");
    }
}
