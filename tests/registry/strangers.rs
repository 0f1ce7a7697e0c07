//! Servers that are no registries, or hang, or never stop: every answer is an error, and bounded.

use std::io;
use std::time::Duration;

use futures_util::stream;
use layerwright::image::{Descriptor, media_type};
use layerwright::store::registry::{
    Class, Registry, RegistryError, RegistryOptions, ReplyFault, Timeouts,
};
use layerwright::store::{BlobSource, Reference, Store as _};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::StreamReader;

use super::support::scripted::{Answer, Scripted, Seen, reply};
use super::{bytes, image, open, options, registry_error};

const BLOB: &[u8] = b"blob";
const CHUNK: usize = 64 * 1024;

fn latest() -> Reference {
    Reference::Tag("latest".into())
}

fn layer() -> Descriptor {
    Descriptor::of(media_type::LAYER, BLOB)
}

async fn put(registry: &Registry) -> Result<(), layerwright::store::StoreError> {
    let source = BlobSource::Bytes(BLOB.to_vec());
    registry.put_blob("x", &layer(), source).await
}

/// A client that does not wait for long.
fn impatient(host: String) -> Registry {
    let short = Duration::from_secs(1);
    Registry::new(RegistryOptions {
        timeouts: Timeouts { connect: short, exchange: short, idle: short, upload: short },
        ..options(host)
    })
    .unwrap()
}

fn fault<T: std::fmt::Debug>(result: Result<T, layerwright::store::StoreError>) -> ReplyFault {
    match registry_error(result) {
        RegistryError::Protocol { fault, .. } => *fault,
        other => panic!("no fault of the protocol: {other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_says_200_to_everything_is_no_registry() {
    let server = Scripted::start(|_| {
        reply("200 OK", &[("content-type", "text/html")], b"<html>hello</html>")
    });
    let registry = open(server.host());
    let manifest = image(b"{}", BLOB);
    for fault in [
        fault(registry.head("x", &latest()).await),
        fault(registry.manifest("x", &latest()).await),
        fault(registry.put_manifest("x", &latest(), &manifest).await),
        fault(put(&registry).await),
        fault(registry.mount_blob("x", &layer(), "y").await),
    ] {
        assert!(
            matches!(fault, ReplyFault::NotAManifest(_) | ReplyFault::Status { status: 200 }),
            "{fault:?}"
        );
    }
    assert!(registry.has_blob("x", &layer()).await.is_err());
    assert!(registry.blob("x", &layer()).await.is_err());
}

#[tokio::test]
async fn statuses_that_make_no_sense_are_errors() {
    for status in ["999 What", "299 Odd", "304 Not Modified", "600 Beyond", "202 Accepted"] {
        let server = Scripted::start(move |_| reply(status, &[], b""));
        let registry = open(server.host());
        assert!(registry.head("x", &latest()).await.is_err(), "{status}");
        assert!(registry.blob("x", &layer()).await.is_err(), "{status}");
        assert!(registry.has_blob("x", &layer()).await.is_err(), "{status}");
        assert!(put(&registry).await.is_err(), "{status}");
    }
    for garbage in [&b"\0\0\0\0"[..], b"HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", b"", b"HTTP/1.1 20"] {
        let server = Scripted::start(move |_| Answer::Bytes(garbage.to_vec()));
        let error = registry_error(open(server.host()).head("x", &latest()).await);
        assert_eq!(error.class(), Class::Unavailable, "{error}");
    }
}

#[tokio::test]
async fn replies_without_end_are_cut_off() {
    let header = b"x-more: 0123456789abcdef\r\n".repeat(100);
    let server = Scripted::start(move |seen: &Seen| match seen.method.as_str() {
        "HEAD" => Answer::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), header.clone()),
        _ if seen.path.contains("/missing") => {
            Answer::Endless(b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec(), vec![b'x'; 64 * 1024])
        }
        _ => Answer::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 64 * 1024]),
    });
    let registry = open(server.host());
    registry_error(registry.head("x", &latest()).await);
    let found = fault(registry.manifest("x", &latest()).await);
    assert!(matches!(found, ReplyFault::ManifestTooLong { .. }), "{found:?}");
    let mut reader = registry.blob("x", &layer()).await.unwrap();
    let mut out = Vec::new();
    let error = reader.read_to_end(&mut out).await.unwrap_err();
    assert!(error.to_string().contains("more than the 4 bytes"), "{error}");
    assert!(out.is_empty());
    let error = registry_error(registry.blob("missing", &layer()).await.map(|_| ()));
    assert!(error.to_string().contains("404"), "{error}");
    drop(reader);
    // What the client takes is bounded: 4 MiB of manifest, little of the others, and what the
    // sockets hold.
    assert!(server.sent() < 40 << 20, "{} bytes", server.sent());
}

#[tokio::test]
async fn a_reply_that_stops_is_given_up() {
    let server = Scripted::start(|seen| match seen.method.as_str() {
        "GET" => Answer::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbl".to_vec()),
        _ => Answer::Stall(Vec::new()),
    });
    let registry = impatient(server.host());
    let timeouts = [
        registry_error(registry.head("x", &latest()).await),
        registry_error(registry.manifest("x", &latest()).await),
        registry_error(put(&registry).await),
    ];
    let mut reader = registry.blob("x", &layer()).await.unwrap();
    let error = reader.read_to_end(&mut Vec::new()).await.unwrap_err();
    for error in timeouts.into_iter().chain([error.downcast().unwrap()]) {
        assert!(matches!(error, RegistryError::Timeout { .. }), "{error:?}");
        assert_eq!(error.class(), Class::Unavailable);
    }
}

#[tokio::test]
async fn a_blob_whose_connection_breaks_is_an_error() {
    let whole = bytes(100_000);
    let descriptor = Descriptor::of(media_type::LAYER, &whole);
    let server = Scripted::start(move |_| {
        reply("200 OK", &[("content-length", "100000")], &whole[..70_000])
    });
    let registry = open(server.host());
    let mut reader = registry.blob("x", &descriptor).await.unwrap();
    let mut out = Vec::new();
    assert!(reader.read_to_end(&mut out).await.is_err());
    assert!(out.len() <= 70_000);
}

/// Gives a piece of a blob every 250 ms; stops after `pieces`.
fn slow(blob: &[u8], pieces: usize) -> BlobSource {
    let whole: Vec<_> = blob.chunks(CHUNK).map(<[u8]>::to_vec).collect();
    let pieces = stream::unfold((whole.into_iter(), pieces), |(mut rest, left)| async move {
        if left == 0 {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        let piece = rest.next()?;
        Some((Ok::<_, io::Error>(io::Cursor::new(piece)), (rest, left - 1)))
    });
    BlobSource::Reader(Box::pin(StreamReader::new(Box::pin(pieces))))
}

#[tokio::test]
async fn an_upload_is_given_up_when_it_stops_not_when_it_is_slow() {
    let server = Scripted::start(|seen| match seen.method.as_str() {
        "HEAD" => reply("404 Not Found", &[], b""),
        "POST" => reply("202 Accepted", &[("location", "/u")], b""),
        _ => reply("201 Created", &[], b""),
    });
    let blob = bytes(8 * CHUNK);
    let descriptor = Descriptor::of(media_type::LAYER, &blob);
    let registry = impatient(server.host());
    let put = registry.put_blob("x", &descriptor, slow(&blob, usize::MAX));
    put.await.unwrap();
    let uploaded = server.seen().pop().unwrap();
    assert!(uploaded.body == blob && uploaded.complete);

    let put = registry.put_blob("x", &descriptor, slow(&blob, 4));
    let error = registry_error(put.await);
    assert!(matches!(error, RegistryError::Timeout { .. }), "{error:?}");
}
