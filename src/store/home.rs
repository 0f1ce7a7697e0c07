//! Either home of a store, for callers that are told at run time which one it is.

use super::layout::Layout;
use super::registry::Registry;
use super::{BlobReader, BlobSource, RawManifest, Reference, Store, StoreError};
use crate::image::Descriptor;

/// A store in one of its two homes.
#[derive(Debug)]
pub enum Home {
    /// In a registry.
    Registry(Box<Registry>),
    /// In an OCI image layout on disk.
    Layout(Layout),
}

/// Hands a call on to whichever home it is.
macro_rules! either {
    ($home:expr, $store:ident => $call:expr) => {
        match $home {
            Home::Registry($store) => $call,
            Home::Layout($store) => $call,
        }
    };
}

impl Store for Home {
    fn describe(&self, stream: &str) -> String {
        either!(self, store => store.describe(stream))
    }

    async fn head(
        &self,
        stream: &str,
        reference: &Reference,
    ) -> Result<Option<Descriptor>, StoreError> {
        either!(self, store => store.head(stream, reference).await)
    }

    async fn manifest(
        &self,
        stream: &str,
        reference: &Reference,
    ) -> Result<Option<RawManifest>, StoreError> {
        either!(self, store => store.manifest(stream, reference).await)
    }

    async fn blob(&self, stream: &str, blob: &Descriptor) -> Result<BlobReader, StoreError> {
        either!(self, store => store.blob(stream, blob).await)
    }

    async fn has_blob(&self, stream: &str, blob: &Descriptor) -> Result<bool, StoreError> {
        either!(self, store => store.has_blob(stream, blob).await)
    }

    async fn put_blob(
        &self,
        stream: &str,
        blob: &Descriptor,
        source: BlobSource,
    ) -> Result<(), StoreError> {
        either!(self, store => store.put_blob(stream, blob, source).await)
    }

    async fn mount_blob(
        &self,
        stream: &str,
        blob: &Descriptor,
        from: &str,
    ) -> Result<bool, StoreError> {
        either!(self, store => store.mount_blob(stream, blob, from).await)
    }

    async fn put_manifest(
        &self,
        stream: &str,
        reference: &Reference,
        manifest: &RawManifest,
    ) -> Result<(), StoreError> {
        either!(self, store => store.put_manifest(stream, reference, manifest).await)
    }
}
