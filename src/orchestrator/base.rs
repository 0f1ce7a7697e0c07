//! Bases: finding the one that a pool builds on, and putting it into the store.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::{Context, OrchestratorError, PoolTask, Report};
use crate::engine::Scratch;
use crate::image::{
    Config, Descriptor, Digest, Document, OwnLayer, PackedImage, Platform, RawManifest, base_image,
};
use crate::plan::{Base, Streams};
use crate::store::layout::LayoutError;
use crate::store::rootfs::{PackedLayer, PlainRoot};
use crate::store::transfer::{self, StoredImage};
use crate::store::{AccessError, BlobSource, Home, Location, Reference, Store, StoreError};

/// A base that was found: what the plan knows of it, and where its bytes are.
#[derive(Debug)]
pub struct FoundBase {
    /// What the plan knows of it.
    pub base: Base,
    /// Its manifest for the pool's platform.
    pub manifest: RawManifest,
    blobs: Blobs,
    read: OnceCell<StoredImage>,
}

/// Where the blobs of a base are.
#[derive(Debug)]
enum Blobs {
    /// In a store that is not ours, or in another stream of ours.
    Store { home: Box<Home>, stream: String },
    /// In files of this process.
    Packed { image: Box<PackedImage>, layer: PackedLayer, _scratch: Scratch },
    /// In the pool's base stream already.
    Here { stream: String },
}

impl FoundBase {
    fn new(base: Base, manifest: RawManifest, blobs: Blobs) -> Self {
        Self { base, manifest, blobs, read: OnceCell::new() }
    }

    /// Its manifest and config, read once.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn read(&self, context: &Context) -> Result<&StoredImage, OrchestratorError> {
        self.read
            .get_or_try_init(|| async {
                let raw = self.manifest.clone();
                match &self.blobs {
                    Blobs::Store { home, stream } => {
                        Ok(transfer::read_image(home.as_ref(), stream, raw).await?)
                    }
                    Blobs::Here { stream } => {
                        Ok(transfer::read_image(&context.store, stream, raw).await?)
                    }
                    Blobs::Packed { image, .. } => {
                        let name = &self.base.name;
                        Ok(transfer::stored(name, raw, &image.config_bytes)?)
                    }
                }
            })
            .await
    }
}

/// Where a pool's base is.
///
/// # Errors
/// When nothing names one.
fn location(task: &PoolTask) -> Result<&Location, OrchestratorError> {
    task.base.as_ref().ok_or_else(|| OrchestratorError::NoBase { pool: task.pool.clone() })
}

/// Finds a pool's base where that is an image; `None` where it is a plain root file system. The
/// inner error says what is missing and what would provide it.
///
/// # Errors
/// When a store fails or what it holds is not usable.
pub async fn find_image(
    context: &Context,
    task: &PoolTask,
) -> Result<Option<Result<FoundBase, String>>, OrchestratorError> {
    match location(task)? {
        Location::Directory(_) | Location::Tar(_) => Ok(None),
        place => Ok(Some(resolve(context, place, &task.platform, "base").await?)),
    }
}

/// Finds a pool's base where that is a plain root file system. `current` is what the pool's base
/// stream holds now.
///
/// # Errors
/// When it cannot be read or packed.
pub async fn find_root(
    context: &Context,
    task: &PoolTask,
    current: Option<&RawManifest>,
    report: &dyn Report,
) -> Result<Result<FoundBase, String>, OrchestratorError> {
    let root = match location(task)? {
        Location::Directory(path) => PlainRoot::Directory(path.clone()),
        Location::Tar(path) => PlainRoot::Archive(path.clone()),
        place => return resolve(context, place, &task.platform, "base").await,
    };
    packed(context, task, root, current, report).await.map(Ok)
}

/// Finds an image in a store, for one platform. `what` is what messages call it.
///
/// # Errors
/// When the store fails or what it holds is not usable.
pub async fn resolve(
    context: &Context,
    location: &Location,
    platform: &Platform,
    what: &str,
) -> Result<Result<FoundBase, String>, OrchestratorError> {
    let name = location.to_string();
    let absent = || Ok(Err(format!("the {what} {name}: there is no such image; push it")));
    let (home, stream, reference) = match context.access.open_image(location).await {
        // A layout is made when the first image is put into it.
        Err(AccessError::Store(StoreError::Layout(LayoutError::Missing { .. }))) => {
            return absent();
        }
        opened => opened?,
    };
    let Some(named) = home.manifest(&stream, &reference).await? else { return absent() };
    let wrong =
        |source| OrchestratorError::Base { what: what.to_owned(), name: name.clone(), source };
    let digest = named.descriptor.digest;
    let manifest = match named.parse().map_err(wrong)? {
        Document::Manifest(_) => named,
        Document::Index(index) => {
            let child = index.select(platform).map_err(wrong)?.digest;
            let Some(manifest) = home.manifest(&stream, &Reference::Digest(child)).await? else {
                let missing = format!(
                    "the {what} {name} for {platform}: its index names {child}, which is not there"
                );
                return Ok(Err(missing));
            };
            manifest
        }
    };
    let platform_digest = manifest.descriptor.digest;
    let public_name = matches!(location, Location::Registry { .. }).then(|| name.clone());
    let base = Base { name, public_name, digest, platform_digest };
    Ok(Ok(FoundBase::new(base, manifest, Blobs::Store { home: Box::new(home), stream })))
}

/// A plain root file system is packed only when the base stream does not hold it already: its
/// digest is found in one read, its compression takes many times as long.
async fn packed(
    context: &Context,
    task: &PoolTask,
    root: PlainRoot,
    current: Option<&RawManifest>,
    report: &dyn Report,
) -> Result<FoundBase, OrchestratorError> {
    let name = root.to_string();
    let root = Arc::new(root);
    let reading = report.begin(&format!("reading {name}"), None);
    let found = tokio::task::spawn_blocking({
        let root = Arc::clone(&root);
        move || root.diff_id()
    });
    let diff_id = found.await??;
    drop(reading);
    let stream = Streams(&task.pool).base();
    let (manifest, blobs) = match current.filter(|held| is_base_of(held, &task.platform, diff_id)) {
        Some(held) => (held.clone(), Blobs::Here { stream }),
        None => {
            let _packing = report.begin(&format!("packing {name}"), None);
            let scratch = context.scratch()?;
            let dir = scratch.path().to_owned();
            let layer = tokio::task::spawn_blocking(move || root.pack(&dir)).await??;
            let (descriptor, diff_id) = (layer.descriptor.clone(), layer.diff_id);
            let image = base_image(&task.platform, &OwnLayer { descriptor, diff_id })?;
            (
                image.manifest.clone(),
                Blobs::Packed { image: Box::new(image), layer, _scratch: scratch },
            )
        }
    };
    let digest = manifest.descriptor.digest;
    let base = Base { name, public_name: None, digest, platform_digest: digest };
    Ok(FoundBase::new(base, manifest, blobs))
}

/// Whether a manifest is the one that packing a root file system gives: around whatever compressed
/// layer it names, everything must be as it would be packed now. Only the layer's bytes are not read
/// for that; whoever unpacks them checks them against the config.
fn is_base_of(held: &RawManifest, platform: &Platform, diff_id: Digest) -> bool {
    let Ok(manifest) = held.parse_manifest() else { return false };
    let [layer] = manifest.layers() else { return false };
    let layer = OwnLayer { descriptor: layer.clone(), diff_id };
    base_image(platform, &layer).is_ok_and(|packed| packed.manifest == *held)
}

/// Puts a base into the pool's base stream: its blobs, then its manifest under `latest`.
///
/// # Errors
/// When a store fails or the base is for another platform.
pub async fn tag(
    context: &Context,
    task: &PoolTask,
    found: &FoundBase,
    report: &dyn Report,
) -> Result<(), OrchestratorError> {
    let (store, to) = (&context.store, Streams(&task.pool).base());
    let image = found.read(context).await?;
    check_platform(task, found, &image.config)?;
    let blobs: Vec<Descriptor> = image.manifest.blobs().cloned().collect();
    let bytes = blobs.iter().map(|blob| blob.size).sum();
    let storing = report.begin(&format!("storing {}", found.base.name), Some(bytes));
    match &found.blobs {
        Blobs::Here { .. } => {}
        Blobs::Packed { image, layer, .. } => {
            let config = BlobSource::Bytes(image.config_bytes.clone());
            let file = BlobSource::File(layer.file.to_path_buf());
            let blobs = vec![(image.config.clone(), config), (layer.descriptor.clone(), file)];
            transfer::put_blobs(store, &to, blobs).await?;
        }
        Blobs::Store { home, stream } => {
            let moved = |bytes| storing.moved(bytes);
            transfer::copy_blobs(home.as_ref(), stream, store, &to, &blobs, &moved).await?;
        }
    }
    transfer::tag_all(store, &to, &found.manifest, &["latest"]).await?;
    Ok(())
}

/// A base for another platform would build, and give an image that does not start.
///
/// # Errors
/// When the base is for another platform than the pool.
pub fn check_platform(
    task: &PoolTask,
    found: &FoundBase,
    config: &Config,
) -> Result<(), OrchestratorError> {
    if config.platform().satisfies(&task.platform) {
        return Ok(());
    }
    Err(OrchestratorError::BasePlatform {
        name: found.base.name.clone(),
        found: config.platform().clone(),
        pool: task.pool.clone(),
        wanted: task.platform.clone(),
    })
}
