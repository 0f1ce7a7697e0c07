//! The registry client against the real distribution registry, and against replies that no real
//! registry gives.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests throughout, helpers included"
)]

mod support;

#[path = "registry/authentication.rs"]
mod authentication;
#[path = "registry/contents.rs"]
mod contents;
#[path = "registry/replies.rs"]
mod replies;
#[path = "registry/strangers.rs"]
mod strangers;
#[path = "registry/tls.rs"]
mod tls;
#[path = "registry/uploads.rs"]
mod uploads;

use layerwright::image::{Descriptor, media_type};
use layerwright::store::registry::{Registry, RegistryError, RegistryOptions};
use layerwright::store::{RawManifest, StoreError};

/// The streams of the registry at `host`, below `os`.
fn open(host: String) -> Registry {
    Registry::new(options(host)).unwrap()
}

fn options(host: String) -> RegistryOptions {
    RegistryOptions { host, prefix: "os".into(), ..RegistryOptions::default() }
}

/// The registry's error in a store's.
fn registry_error<T: std::fmt::Debug>(result: Result<T, StoreError>) -> RegistryError {
    match result {
        Err(StoreError::Registry(error)) => error,
        other => panic!("no error of a registry: {other:?}"),
    }
}

/// `length` bytes that do not repeat every few.
fn bytes(length: usize) -> Vec<u8> {
    let mix = |n: usize| (n.wrapping_mul(2_654_435_761) >> 13) as u8;
    (0..length).map(mix).collect()
}

/// An image of the given blobs: the first is its config.
fn image(config: &[u8], layer: &[u8]) -> RawManifest {
    let (config, layer) =
        (Descriptor::of(media_type::CONFIG, config), Descriptor::of(media_type::LAYER, layer));
    let descriptor = |d: &Descriptor| {
        format!(r#"{{"digest":"{}","mediaType":"{}","size":{}}}"#, d.digest, d.media_type, d.size)
    };
    let text = format!(
        r#"{{"config":{},"layers":[{}],"mediaType":"{}","schemaVersion":2}}"#,
        descriptor(&config),
        descriptor(&layer),
        media_type::MANIFEST
    );
    RawManifest::new(media_type::MANIFEST, text.into_bytes())
}
