//! Moving images into a store: blobs first, several at once, then the manifest (I3).

use futures_util::{TryStreamExt, stream};
use tokio::io::AsyncReadExt;

use super::{BlobSource, RawManifest, Reference, Store, StoreError};
use crate::image::layer::Layer;
use crate::image::{
    CONFIG_LIMIT, Config, ConfigError, Descriptor, Manifest, ManifestError, PackedImage,
};

/// Blobs that are moved at the same time.
const AT_ONCE: usize = 4;

/// An image could not be read or moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A store would not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A manifest cannot be used.
    #[error("at {place}")]
    Manifest {
        /// Where it was read.
        place: String,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// A config cannot be used.
    #[error("at {place}")]
    Config {
        /// Where it was read.
        place: String,
        /// What is wrong with it.
        source: ConfigError,
    },
    /// A config is larger than any config.
    #[error("at {place}: the config {blob} has {size} bytes; the limit is {CONFIG_LIMIT}")]
    ConfigSize {
        /// Where it was found.
        place: String,
        /// The config's digest.
        blob: crate::image::Digest,
        /// The length its manifest gives.
        size: u64,
    },
    /// A blob broke off while it was read.
    #[error("cannot read blob {blob} at {place}")]
    Read {
        /// Where it was read.
        place: String,
        /// The blob's digest.
        blob: crate::image::Digest,
        /// Why.
        source: std::io::Error,
    },
}

impl TransferError {
    /// Whether the image is missing a part or is not what it should be, while the store works:
    /// reading it again would give the same.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Store(error) => error.is_damage(),
            Self::Manifest { .. } | Self::Config { .. } | Self::ConfigSize { .. } => true,
            // Both homes say so when bytes are not what their descriptor says.
            Self::Read { source, .. } => source.kind() == std::io::ErrorKind::InvalidData,
        }
    }
}

/// An image that was read from a store: its manifest and its config.
#[derive(Debug, Clone)]
pub struct StoredImage {
    /// The manifest, byte for byte.
    pub raw: RawManifest,
    /// The manifest, read.
    pub manifest: Manifest,
    /// The config.
    pub config: Config,
}

/// Reads the config of an image.
///
/// # Errors
/// When the manifest or the config is not usable, or the store fails.
pub async fn read_image(
    store: &impl Store,
    stream: &str,
    raw: RawManifest,
) -> Result<StoredImage, TransferError> {
    let place = || store.describe(stream);
    let manifest = raw
        .parse_manifest()
        .map_err(|source| TransferError::Manifest { place: place(), source })?;
    let blob = manifest.config();
    if blob.size > CONFIG_LIMIT {
        let (blob, size) = (blob.digest, blob.size);
        return Err(TransferError::ConfigSize { place: place(), blob, size });
    }
    let bytes = read_blob(store, stream, blob).await?;
    stored(&place(), raw, &bytes)
}

/// Reads a small blob into memory; how small, the caller sees to.
///
/// # Errors
/// When the store fails, or the blob is not what its descriptor says.
pub async fn read_blob(
    store: &impl Store,
    stream: &str,
    blob: &Descriptor,
) -> Result<Vec<u8>, TransferError> {
    let mut bytes = Vec::new();
    let read = store.blob(stream, blob).await?.read_to_end(&mut bytes).await;
    let place = || store.describe(stream);
    let failed = |source| TransferError::Read { place: place(), blob: blob.digest, source };
    read.map_err(failed)?;
    Ok(bytes)
}

/// An image whose manifest and config are at hand. `place` is where they were had.
///
/// # Errors
/// When one of them is not usable.
pub fn stored(place: &str, raw: RawManifest, config: &[u8]) -> Result<StoredImage, TransferError> {
    let place = || place.to_owned();
    let manifest = raw
        .parse_manifest()
        .map_err(|source| TransferError::Manifest { place: place(), source })?;
    let config =
        Config::parse(config).map_err(|source| TransferError::Config { place: place(), source })?;
    Ok(StoredImage { raw, manifest, config })
}

/// Makes all blobs of an image part of a stream, from a stream of the same store. A store that will
/// not mount them gets them sent.
///
/// # Errors
/// When the store fails.
pub async fn mount_all(
    store: &impl Store,
    stream: &str,
    from: &str,
    blobs: &[Descriptor],
) -> Result<(), StoreError> {
    stream::iter(blobs.iter().map(Ok))
        .try_for_each_concurrent(AT_ONCE, |blob| async move {
            // Mounting again what is there is no harmless repetition: distribution 2.8 writes its
            // link anew, and whoever pulls the blob in that moment gets a 500.
            if store.has_blob(stream, blob).await? || store.mount_blob(stream, blob, from).await? {
                return Ok(());
            }
            let reader = store.blob(from, blob).await?;
            store.put_blob(stream, blob, BlobSource::Reader(reader)).await
        })
        .await
}

/// Copies all blobs of an image from one store to another; those that are there stay. `moved` is
/// told the number of bytes of each blob that is done.
///
/// # Errors
/// When one of the stores fails.
pub async fn copy_blobs(
    source: &impl Store,
    from: &str,
    target: &impl Store,
    to: &str,
    blobs: &[Descriptor],
    moved: &(dyn Fn(u64) + Sync),
) -> Result<(), StoreError> {
    stream::iter(blobs.iter().map(Ok))
        .try_for_each_concurrent(AT_ONCE, |blob| async move {
            if !target.has_blob(to, blob).await? {
                let reader = source.blob(from, blob).await?;
                target.put_blob(to, blob, BlobSource::Reader(reader)).await?;
            }
            moved(blob.size);
            Ok(())
        })
        .await
}

/// Puts blobs that are at hand, several at once.
///
/// # Errors
/// When the store fails.
pub async fn put_blobs(
    store: &impl Store,
    stream: &str,
    blobs: Vec<(Descriptor, BlobSource)>,
) -> Result<(), StoreError> {
    stream::iter(blobs.into_iter().map(Ok))
        .try_for_each_concurrent(AT_ONCE, |(blob, source)| async move {
            store.put_blob(stream, &blob, source).await
        })
        .await
}

/// Pushes an image that is at hand: its layers and config, then the manifest under each tag. Layers
/// that it shares with others are in the stream already.
///
/// # Errors
/// When the store fails.
pub async fn push_image(
    store: &impl Store,
    stream: &str,
    image: &PackedImage,
    layer: &Layer,
    tags: &[&str],
) -> Result<(), StoreError> {
    let blobs = vec![
        (layer.descriptor.clone(), BlobSource::Bytes(layer.bytes.clone())),
        (image.config.clone(), BlobSource::Bytes(image.config_bytes.clone())),
    ];
    put_blobs(store, stream, blobs).await?;
    tag_all(store, stream, &image.manifest, tags).await
}

/// Puts a manifest under several tags, one after the other: the last one is the one that others
/// follow.
///
/// # Errors
/// When the store fails.
pub async fn tag_all(
    store: &impl Store,
    stream: &str,
    manifest: &RawManifest,
    tags: &[&str],
) -> Result<(), StoreError> {
    for tag in tags {
        store.put_manifest(stream, &Reference::Tag((*tag).to_owned()), manifest).await?;
    }
    Ok(())
}
