//! Bringing images into a real registry, request by request.

use std::io::{self, Write as _};

use layerwright::image::{Descriptor, Digest, media_type};
use layerwright::store::registry::{Class, ContentFault, RegistryError};
use layerwright::store::{BlobSource, RawManifest, Reference, Store as _};

use super::support::registry::{Distribution, Mark};
use super::{bytes, image, open, registry_error};

fn latest() -> Reference {
    Reference::Tag("latest".into())
}

/// The requests since `mark`, as methods and statuses.
fn requests(server: &Distribution, mark: Mark) -> String {
    server.verbs_since(mark).join(", ")
}

#[tokio::test]
async fn a_small_image_takes_five_requests_and_one_when_nothing_changed() {
    let server = Distribution::start();
    let registry = open(server.host());
    let (config, layer) = (b"{}".to_vec(), bytes(64 * 1024));
    let manifest = image(&config, &layer);

    let start = server.mark();
    assert_eq!(registry.head("base", &latest()).await.unwrap(), None);
    assert_eq!(requests(&server, start), "HEAD 404");

    let start = server.mark();
    for (kind, blob) in [(media_type::CONFIG, config), (media_type::LAYER, layer)] {
        let descriptor = Descriptor::of(kind, &blob);
        registry.put_blob("base", &descriptor, BlobSource::Bytes(blob)).await.unwrap();
    }
    registry.put_manifest("base", &latest(), &manifest).await.unwrap();
    assert_eq!(requests(&server, start), "POST 202, PUT 201, POST 202, PUT 201, PUT 201");
    let paths: Vec<_> = server.since(start).into_iter().map(|r| r.path).collect();
    assert!(paths.iter().all(|path| path.starts_with("/v2/os/base/")));

    let start = server.mark();
    let found = registry.head("base", &latest()).await.unwrap();
    assert_eq!(found, Some(manifest.descriptor.clone()));
    assert_eq!(requests(&server, start), "HEAD 200");

    let start = server.mark();
    let digest = Reference::Digest(manifest.descriptor.digest);
    registry.put_manifest("base", &digest, &manifest).await.unwrap();
    let other = Reference::Tag("v1".into());
    registry.put_manifest("base", &other, &manifest).await.unwrap();
    assert_eq!(requests(&server, start), "PUT 201, PUT 201");
    let found = registry.head("base", &other).await.unwrap();
    assert_eq!(found, Some(manifest.descriptor));
}

#[tokio::test]
async fn a_large_blob_is_sent_once_from_a_file_or_a_reader() {
    let server = Distribution::start();
    let registry = open(server.host());
    let blob = bytes(5 * 1024 * 1024 + 7);
    let descriptor = Descriptor::of(media_type::LAYER, &blob);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&blob).unwrap();

    for (stream, wanted) in
        [("from-file", "HEAD 404, POST 202, PUT 201"), ("from-file", "HEAD 200")]
    {
        let start = server.mark();
        let source = BlobSource::File(file.path().to_owned());
        registry.put_blob(stream, &descriptor, source).await.unwrap();
        assert_eq!(requests(&server, start), wanted, "{stream}");
    }

    let second = Distribution::start();
    let copy = open(second.host());
    let start = second.mark();
    let reader = registry.blob("from-file", &descriptor).await.unwrap();
    let source = BlobSource::Reader(reader);
    copy.put_blob("copied", &descriptor, source).await.unwrap();
    assert_eq!(requests(&second, start), "HEAD 404, POST 202, PUT 201");
    let stored = std::fs::read(second.blob_file(&descriptor.digest.to_string())).unwrap();
    assert!(stored == blob, "the copy differs");
}

#[tokio::test]
async fn an_empty_blob_can_be_put() {
    let server = Distribution::start();
    let registry = open(server.host());
    let descriptor = Descriptor::of(media_type::LAYER, b"");
    let empty = tempfile::NamedTempFile::new().unwrap();
    for source in [BlobSource::Bytes(Vec::new()), BlobSource::File(empty.path().to_owned())] {
        registry.put_blob("x", &descriptor, source).await.unwrap();
    }
    assert!(registry.has_blob("x", &descriptor).await.unwrap());
}

#[tokio::test]
async fn bytes_that_are_visibly_not_the_blob_cost_no_request() {
    let server = Distribution::start();
    let registry = open(server.host());
    let descriptor = Descriptor::of(media_type::LAYER, b"right");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"too long").unwrap();
    let start = server.mark();
    for (source, fault) in [
        (BlobSource::Bytes(b"wrong".to_vec()), "Digest"),
        (BlobSource::Bytes(b"less".to_vec()), "TooShort"),
        (BlobSource::File(file.path().to_owned()), "TooLong"),
        (BlobSource::File("/does/not/exist".into()), ""),
    ] {
        let error = registry_error(registry.put_blob("x", &descriptor, source).await);
        assert_eq!(error.class(), Class::Io, "{error}");
        match error {
            RegistryError::Content { fault: found, .. } => {
                assert!(format!("{found:?}").starts_with(fault), "{found:?}");
            }
            RegistryError::Source { source, .. } => {
                assert_eq!(source.kind(), io::ErrorKind::NotFound);
                assert!(source.to_string().contains("/does/not/exist"));
            }
            other => panic!("{other:?}"),
        }
    }
    let mut manifest = image(b"{}", b"layer");
    manifest.bytes.push(b'\n');
    let error = registry_error(registry.put_manifest("x", &latest(), &manifest).await);
    assert!(matches!(error, RegistryError::Content { .. }), "{error}");
    let manifest = image(b"{}", b"layer");
    let elsewhere = Reference::Digest(Digest::of(b""));
    let error = registry_error(registry.put_manifest("x", &elsewhere, &manifest).await);
    assert!(matches!(error, RegistryError::Content { .. }), "{error}");
    assert_eq!(requests(&server, start), "");
}

#[tokio::test]
async fn a_wrong_stream_is_never_completed_and_its_upload_is_cancelled() {
    let server = Distribution::start();
    let registry = open(server.host());
    let right = bytes(300_000);
    let descriptor = Descriptor::of(media_type::LAYER, &right);
    let mut flipped = right.clone();
    flipped[0] ^= 1;
    let longer = [right.as_slice(), b"x"].concat();
    for (wrong, wanted) in
        [(flipped.as_slice(), "Digest"), (&right[..200_000], "TooShort"), (&longer, "TooLong")]
    {
        let start = server.mark();
        let reader = Box::pin(io::Cursor::new(wrong.to_vec()));
        let put = registry.put_blob("x", &descriptor, BlobSource::Reader(reader));
        let error = registry_error(put.await);
        let RegistryError::Content { fault, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(format!("{fault:?}").starts_with(wanted), "{fault:?}");
        assert_eq!(error.class(), Class::Io);
        let verbs = server.verbs_since(start);
        assert!(verbs.contains(&"DELETE 204".to_owned()), "{verbs:?}");
        assert!(!verbs.contains(&"PUT 201".to_owned()), "{verbs:?}");
        assert!(!registry.has_blob("x", &descriptor).await.unwrap());
    }
    // The same, right, goes through afterwards.
    let reader = Box::pin(io::Cursor::new(right));
    registry.put_blob("x", &descriptor, BlobSource::Reader(reader)).await.unwrap();
}

#[tokio::test]
async fn a_source_that_fails_is_told_from_the_registry() {
    let server = Distribution::start();
    let registry = open(server.host());
    let descriptor = Descriptor::of(media_type::LAYER, &bytes(100_000));
    let broken = tokio::io::AsyncReadExt::chain(
        io::Cursor::new(bytes(70_000)),
        tokio_util::io::StreamReader::new(futures_util::stream::iter([Err::<&[u8], _>(
            io::Error::other("the disk fell out"),
        )])),
    );
    let source = BlobSource::Reader(Box::pin(broken));
    let error = registry_error(registry.put_blob("x", &descriptor, source).await);
    assert_eq!(error.class(), Class::Io);
    let RegistryError::Source { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(source.to_string(), "the disk fell out");
}

#[tokio::test]
async fn a_blob_is_mounted_or_its_session_used() {
    let server = Distribution::start();
    let registry = open(server.host());
    let blob = bytes(200_000);
    let descriptor = Descriptor::of(media_type::LAYER, &blob);
    let put = registry.put_blob("from", &descriptor, BlobSource::Bytes(blob.clone()));
    put.await.unwrap();

    let start = server.mark();
    let mounted = registry.mount_blob("to", &descriptor, "from").await;
    assert!(mounted.unwrap());
    assert_eq!(requests(&server, start), "POST 201");
    assert!(registry.has_blob("to", &descriptor).await.unwrap());

    let missing = bytes(100_001);
    let descriptor = Descriptor::of(media_type::LAYER, &missing);
    let start = server.mark();
    let mounted = registry.mount_blob("to", &descriptor, "from").await;
    assert!(!mounted.unwrap());
    let put = registry.put_blob("to", &descriptor, BlobSource::Bytes(missing));
    put.await.unwrap();
    assert_eq!(requests(&server, start), "POST 202, PUT 201");
    assert!(registry.has_blob("to", &descriptor).await.unwrap());
}

#[tokio::test]
async fn a_manifest_whose_blobs_are_missing_is_refused_and_says_so() {
    let server = Distribution::start();
    let registry = open(server.host());
    let manifest = image(b"{}", b"layer");
    let error = registry_error(registry.put_manifest("x", &latest(), &manifest).await);
    assert!(error.names_missing_content(), "{error}");
    assert_eq!(error.class(), Class::Refused);
    let text = error.to_string();
    let wanted = format!(
        "cannot put manifest latest into {}/os/x: the registry answered 400 Bad Request (blob unknown to registry",
        server.host()
    );
    assert!(text.starts_with(&wanted), "{text}");
}

#[tokio::test]
async fn names_that_cannot_be_cost_no_request() {
    let server = Distribution::start();
    let registry = open(server.host());
    let start = server.mark();
    let manifest = RawManifest::new(media_type::MANIFEST, b"{}".to_vec());
    let tag = Reference::Tag("a/../b".into());
    for stream in ["../x", "Upper", "a//b", "a?b", "a%2fb"] {
        let error = registry_error(registry.head(stream, &latest()).await);
        assert_eq!(error.class(), Class::Setup, "{stream}: {error}");
    }
    assert!(registry.manifest("x", &tag).await.is_err());
    assert!(registry.put_manifest("x", &tag, &manifest).await.is_err());
    assert_eq!(requests(&server, start), "");
}

#[tokio::test]
async fn a_media_type_that_breaks_headers_is_refused() {
    let server = Distribution::start();
    let registry = open(server.host());
    let manifest = RawManifest::new("a/b\r\nx: y", b"{}".to_vec());
    let error = registry_error(registry.put_manifest("x", &latest(), &manifest).await);
    let RegistryError::Content { fault, .. } = error else {
        panic!("{error:?}");
    };
    assert!(matches!(fault, ContentFault::MediaType(_)));
}
