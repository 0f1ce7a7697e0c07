//! Bases: finding the one that a pool builds on, and putting it into the store.

use super::{Context, OrchestratorError, PoolTask, Report};
use crate::image::{Descriptor, Digest, Document, RawManifest, annotation};
use crate::plan::{Base, Streams};
use crate::store::rootfs::{self, PackedRootfs};
use crate::store::{BlobSource, Home, Location, Reference, Store, transfer};

/// A base that was found: what the plan knows of it, and where its bytes are.
#[derive(Debug)]
pub struct FoundBase {
    /// What the plan knows of it.
    pub base: Base,
    /// The base's name where others can use it too: in a registry.
    pub public_name: Option<String>,
    /// Its manifest for the pool's platform.
    pub manifest: RawManifest,
    /// Where its blobs are.
    blobs: Blobs,
}

#[derive(Debug)]
enum Blobs {
    /// In a store that is not ours, or in another stream of ours.
    Store { home: Home, stream: String },
    /// In files of this process.
    Packed(PackedRootfs),
    /// In the pool's base stream already.
    Here,
}

/// Finds a pool's base. `current` is what the pool's base stream holds now. The inner error says
/// what is missing and what would provide it.
///
/// # Errors
/// When a store fails or what it holds is not usable.
pub async fn find(
    context: &Context,
    task: &PoolTask,
    current: Option<&RawManifest>,
    report: &dyn Report,
) -> Result<Result<FoundBase, String>, OrchestratorError> {
    let location =
        task.base.as_ref().ok_or_else(|| OrchestratorError::NoBase { pool: task.pool.clone() })?;
    match location {
        Location::Registry { .. } | Location::Layout { .. } => {
            stored(context, task, location).await
        }
        Location::Directory(_) | Location::Tar(_) => {
            packed(context, task, location, current, report).await.map(Ok)
        }
    }
}

async fn stored(
    context: &Context,
    task: &PoolTask,
    location: &Location,
) -> Result<Result<FoundBase, String>, OrchestratorError> {
    let name = location.to_string();
    let (home, stream, reference) = context.access.open_image(location)?;
    let Some(named) = home.manifest(&stream, &reference).await? else {
        return Ok(Err(format!("the base {name}: push it, or name another base")));
    };
    let wrong = |source| OrchestratorError::Base { name: name.clone(), source };
    let manifest = match named.parse().map_err(wrong)? {
        Document::Manifest(_) => named.clone(),
        Document::Index(index) => {
            let child = index.select(&task.platform).map_err(wrong)?.digest;
            match home.manifest(&stream, &Reference::Digest(child)).await? {
                Some(manifest) => manifest,
                None => {
                    return Ok(Err(format!(
                        "the image {child} for {}, which the base {name} names but does not have",
                        task.platform
                    )));
                }
            }
        }
    };
    let base = Base {
        name: name.clone(),
        digest: named.descriptor.digest,
        platform_digest: manifest.descriptor.digest,
    };
    let public_name = matches!(location, Location::Registry { .. }).then_some(name);
    Ok(Ok(FoundBase { base, public_name, manifest, blobs: Blobs::Store { home, stream } }))
}

/// A plain root file system is packed only when the base stream does not hold it already: its
/// digest is found in one read, its compression takes many times as long.
async fn packed(
    context: &Context,
    task: &PoolTask,
    location: &Location,
    current: Option<&RawManifest>,
    report: &dyn Report,
) -> Result<FoundBase, OrchestratorError> {
    let name = location.to_string();
    let reading = report.begin(&format!("reading {name}"), None);
    let source = rootfs::source_digest(location, &task.platform).await?;
    drop(reading);
    let held = current.filter(|manifest| source_of(manifest) == Some(source));
    let (manifest, blobs) = match held {
        Some(manifest) => (manifest.clone(), Blobs::Here),
        None => {
            let _packing = report.begin(&format!("packing {name}"), None);
            let packed = rootfs::pack(location, &task.platform, &context.cache).await?;
            (packed.manifest.clone(), Blobs::Packed(packed))
        }
    };
    let digest = manifest.descriptor.digest;
    let base = Base { name, digest, platform_digest: digest };
    Ok(FoundBase { base, public_name: None, manifest, blobs })
}

/// The digest of the root file system that a base was packed from.
fn source_of(manifest: &RawManifest) -> Option<Digest> {
    let manifest = manifest.parse_manifest().ok()?;
    manifest.annotation(annotation::SOURCE)?.parse().ok()
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
    match &found.blobs {
        Blobs::Here => {}
        Blobs::Packed(packed) => {
            let config = BlobSource::Bytes(packed.config.clone());
            let layer = BlobSource::File(packed.layer_file().to_owned());
            let blobs = vec![(packed.config_descriptor.clone(), config), (packed.layer.clone(), layer)];
            let _pushing = report.begin(&format!("storing {}", found.base.name), None);
            transfer::put_blobs(store, &to, blobs).await?;
        }
        Blobs::Store { home, stream } => {
            let image = transfer::read_image(home, stream, found.manifest.clone()).await?;
            check_platform(task, found, image.config.platform())?;
            let blobs: Vec<Descriptor> = image.manifest.blobs().cloned().collect();
            let bytes = blobs.iter().map(|blob| blob.size).sum();
            let copying = report.begin(&format!("copying {}", found.base.name), Some(bytes));
            let moved = |bytes| copying.moved(bytes);
            transfer::copy_blobs(home, stream, store, &to, &blobs, &moved).await?;
        }
    }
    transfer::tag_all(store, &to, &found.manifest, &["latest"]).await?;
    Ok(())
}

/// A base for another platform would build, and give an image that does not start.
pub fn check_platform(
    task: &PoolTask,
    found: &FoundBase,
    platform: &crate::image::Platform,
) -> Result<(), OrchestratorError> {
    if platform.satisfies(&task.platform) {
        return Ok(());
    }
    Err(OrchestratorError::BasePlatform {
        name: found.base.name.clone(),
        found: platform.clone(),
        pool: task.pool.clone(),
        wanted: task.platform.clone(),
    })
}
