//! Where images live: one trait, two homes, a registry and an OCI image layout on disk.
//!
//! A store holds *streams*. In a registry a stream is a repository under the store's prefix; in a
//! layout its tags are reference names `STREAM:TAG`.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use tokio::io::AsyncRead;

pub use crate::image::RawManifest;
use crate::image::{Descriptor, Digest};

pub mod layout;
pub mod registry;
pub mod rootfs;

mod access;
mod content;
mod home;
mod location;
pub mod transfer;
mod verified;

pub use access::{Access, AccessError, split_name};
pub use content::ContentFault;
pub use home::Home;
pub use location::{Location, LocationError, StoreLocation};

/// What names a manifest within a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A tag: it may move.
    Tag(String),
    /// A digest: it never does.
    Digest(Digest),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// The bytes of a blob as they arrive. The reader checks length and digest as it goes: a wrong
/// blob ends in an error, never in a clean end of file.
pub type BlobReader = Pin<Box<dyn AsyncRead + Send>>;

/// Where the bytes of a blob to be put come from. The store checks them against the descriptor.
pub enum BlobSource {
    /// In memory.
    Bytes(Vec<u8>),
    /// A file on disk.
    File(PathBuf),
    /// Another store, while they are read.
    Reader(BlobReader),
}

impl fmt::Debug for BlobSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Reader(_) => f.write_str("Reader"),
        }
    }
}

/// What a store can do. Blobs go before the manifests that name them; a tag moves last, with the
/// manifest it names (I3).
pub trait Store: Send + Sync {
    /// How messages call `stream` here: `registry.example.com/os/layered-base` or
    /// `oci:./images:layered-base`.
    fn describe(&self, stream: &str) -> String;

    /// The descriptor of a manifest, without its bytes; `None` where there is none.
    fn head(
        &self,
        stream: &str,
        reference: &Reference,
    ) -> impl Future<Output = Result<Option<Descriptor>, StoreError>> + Send;

    /// A manifest or index; `None` where there is none.
    fn manifest(
        &self,
        stream: &str,
        reference: &Reference,
    ) -> impl Future<Output = Result<Option<RawManifest>, StoreError>> + Send;

    /// A blob that a manifest of this stream names.
    fn blob(
        &self,
        stream: &str,
        descriptor: &Descriptor,
    ) -> impl Future<Output = Result<BlobReader, StoreError>> + Send;

    /// Whether the stream has this blob.
    fn has_blob(
        &self,
        stream: &str,
        descriptor: &Descriptor,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Puts a blob.
    fn put_blob(
        &self,
        stream: &str,
        descriptor: &Descriptor,
        source: BlobSource,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Makes a blob of the stream `from` part of `stream` without sending it. `false` where the
    /// store would not: the blob has to be put.
    fn mount_blob(
        &self,
        stream: &str,
        descriptor: &Descriptor,
        from: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Puts a manifest under a tag or its digest.
    fn put_manifest(
        &self,
        stream: &str,
        reference: &Reference,
        manifest: &RawManifest,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl StoreError {
    /// Whether the object that was asked for is missing or not what it is named, while the store
    /// itself works: asking again would give the same.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Registry(error) => error.is_damage(),
            Self::Layout(error) => error.is_damage(),
        }
    }

    /// Whether what was named as a store cannot be one: the user named the wrong thing.
    #[must_use]
    pub fn is_input(&self) -> bool {
        match self {
            Self::Registry(error) => matches!(error, registry::RegistryError::Name(_)),
            Self::Layout(error) => error.is_input(),
        }
    }
}

/// A store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// At a registry.
    #[error(transparent)]
    Registry(#[from] registry::RegistryError),
    /// In an OCI image layout on disk.
    #[error(transparent)]
    Layout(#[from] layout::LayoutError),
}
