//! The OCI image layout home of a store (image-spec, image-layout.md): a directory that skopeo,
//! buildah and umoci read too.
//!
//! A stream's tags are reference names `STREAM:TAG` in `index.json`; streams share their blobs. Each
//! file is written beside its place, verified, made durable and renamed, blobs before the index that
//! leads to them: a reader sees the old image or the new, and a process that is killed anywhere
//! leaves a good layout (I3, I5). The index is changed under a lock: of several processes nothing is
//! lost. Programs that know nothing of that lock must not write at the same time.
//!
//! This room decides what a layout on disk is. What an image is, `image/` decides.

mod blobs;
mod directory;
mod error;
mod index;
mod manifests;
mod site;

use std::path::Path;
use std::sync::Arc;

use self::site::{Site, State};
use super::registry::check_tag;
use super::{BlobReader, BlobSource, RawManifest, Reference, Store, StoreError};
use crate::image::Descriptor;

pub use error::LayoutError;

/// Longest reference name that is written, in bytes: a repository's and a tag's longest.
const NAME_LIMIT: usize = 384;

/// An OCI image layout.
#[derive(Debug, Clone)]
pub struct Layout {
    site: Arc<Site>,
}

impl Layout {
    /// Opens a layout that is there.
    ///
    /// # Errors
    /// When there is none, or one of an unknown version, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, LayoutError> {
        let layout = Self::open_or_create(dir)?;
        match layout.site.state()? {
            State::Layout => Ok(layout),
            State::Nothing | State::Empty => Err(LayoutError::Missing { dir: dir.to_owned() }),
        }
    }

    /// Opens a layout, or an empty or missing directory that becomes one when something is put.
    /// Nothing is written before that.
    ///
    /// # Errors
    /// When the directory holds something else or a layout of an unknown version, or cannot be read.
    pub fn open_or_create(dir: &Path) -> Result<Self, LayoutError> {
        let site = Site::new(dir);
        site.state()?;
        Ok(Self { site: Arc::new(site) })
    }

    /// Its directory, as it was given.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.site.dir()
    }

    /// The manifest under a reference name as other programs write it, for example `rhel-coreos`;
    /// without a name, the only one that there is. `None` where there is none.
    ///
    /// # Errors
    /// When the name stands for several images, or none was given and there are several; when the
    /// layout is damaged or cannot be read.
    pub async fn named(&self, name: Option<&str>) -> Result<Option<RawManifest>, LayoutError> {
        let name = name.map(ToOwned::to_owned);
        self.blocking(move |site| {
            let found = match name {
                Some(name) => manifests::find(site, &name)?,
                None => manifests::only(site)?,
            };
            found.map(|descriptor| manifests::read(site, descriptor)).transpose()
        })
        .await
    }

    /// Does work that waits for the disk where that holds nobody up.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Site) -> Result<T, LayoutError> + Send + 'static,
    ) -> Result<T, LayoutError> {
        let site = Arc::clone(&self.site);
        tokio::task::spawn_blocking(move || work(&site))
            .await
            .unwrap_or_else(|_| Err(LayoutError::BrokenOff { dir: self.dir().to_owned() }))
    }
}

impl Store for Layout {
    fn describe(&self, stream: &str) -> String {
        let dir = self.dir().display();
        if stream.is_empty() { format!("oci:{dir}") } else { format!("oci:{dir}:{stream}") }
    }

    /// Also `None` where the index names a manifest that is not there in its full length: putting it
    /// again repairs that, while [`Store::manifest`] says what is wrong.
    async fn head(
        &self,
        stream: &str,
        reference: &Reference,
    ) -> Result<Option<Descriptor>, StoreError> {
        let name = reference_name(stream, reference);
        let reference = reference.clone();
        let found = self.blocking(move |site| match (name, reference) {
            (_, Reference::Digest(digest)) => {
                Ok(manifests::read_digest(site, digest)?.map(|manifest| manifest.descriptor))
            }
            (name, Reference::Tag(_)) => {
                let Some(found) = manifests::find(site, &name)? else {
                    return Ok(None);
                };
                Ok(blobs::has(site, &found)?.then_some(found))
            }
        });
        Ok(found.await?)
    }

    async fn manifest(
        &self,
        stream: &str,
        reference: &Reference,
    ) -> Result<Option<RawManifest>, StoreError> {
        match *reference {
            Reference::Digest(digest) => {
                Ok(self.blocking(move |site| manifests::read_digest(site, digest)).await?)
            }
            Reference::Tag(_) => Ok(self.named(Some(&reference_name(stream, reference))).await?),
        }
    }

    async fn blob(&self, _: &str, descriptor: &Descriptor) -> Result<BlobReader, StoreError> {
        Ok(self.read_blob(descriptor).await?)
    }

    async fn has_blob(&self, _: &str, descriptor: &Descriptor) -> Result<bool, StoreError> {
        let wanted = descriptor.clone();
        Ok(self.blocking(move |site| blobs::has(site, &wanted)).await?)
    }

    async fn put_blob(
        &self,
        _: &str,
        descriptor: &Descriptor,
        source: BlobSource,
    ) -> Result<(), StoreError> {
        Ok(self.write_blob(descriptor, source).await?)
    }

    /// Streams share their blobs: what is there is mounted.
    async fn mount_blob(
        &self,
        stream: &str,
        descriptor: &Descriptor,
        _: &str,
    ) -> Result<bool, StoreError> {
        self.has_blob(stream, descriptor).await
    }

    /// What the manifest names has to be there. Under a digest it is kept as a blob only.
    async fn put_manifest(
        &self,
        stream: &str,
        reference: &Reference,
        manifest: &RawManifest,
    ) -> Result<(), StoreError> {
        let name = match reference {
            Reference::Digest(_) => None,
            Reference::Tag(tag) => Some(checked_name(stream, tag)?),
        };
        let (reference, manifest) = (reference.clone(), manifest.clone());
        Ok(self
            .blocking(move |site| manifests::put(site, name.as_deref(), &reference, &manifest))
            .await?)
    }
}

/// The name of a stream's tag in the index: `STREAM:TAG`, or the tag alone for the stream "".
fn reference_name(stream: &str, reference: &Reference) -> String {
    if stream.is_empty() { reference.to_string() } else { format!("{stream}:{reference}") }
}

/// A name to be written: one that all readers find (image-spec, annotations.md, on
/// `org.opencontainers.image.ref.name`) and take apart at its one colon.
fn checked_name(stream: &str, tag: &str) -> Result<String, LayoutError> {
    let name = reference_name(stream, &Reference::Tag(tag.to_owned()));
    let part = |text: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+@/".contains(&byte);
        let edge = |byte: Option<u8>| {
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        text.bytes().all(inner) && edge(text.bytes().next()) && edge(text.bytes().last())
    };
    let good =
        check_tag(tag).is_ok() && (stream.is_empty() || part(stream)) && name.len() <= NAME_LIMIT;
    if good {
        Ok(name)
    } else {
        Err(LayoutError::Name { name: name.chars().take(NAME_LIMIT).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::checked_name;

    #[test]
    fn names_are_those_that_all_readers_take_apart_alike() {
        for (stream, tag, name) in [
            ("layered-mco-content", "latest", "layered-mco-content:latest"),
            ("", "rhel-coreos", "rhel-coreos"),
            ("os/pool", "rendered-pool-0a1b", "os/pool:rendered-pool-0a1b"),
            ("x", "_1.", "x:_1."),
        ] {
            assert_eq!(checked_name(stream, tag).unwrap(), name);
        }
        let long = "t".repeat(400);
        for (stream, tag) in [
            ("", ""),
            ("x", ""),
            ("x:y", "z"),
            ("x", "y:z"),
            ("x ", "y"),
            ("x", "y\n"),
            ("-x", "y"),
            ("x/", "y"),
            ("x", "y/z"),
            ("x", "y@z"),
            ("x", "é"),
            ("x", &long),
        ] {
            assert!(checked_name(stream, tag).is_err(), "{stream:?} {tag:?}");
        }
    }
}
