//! Taking the result of a build apart: the layers above the base are its own, everything below is
//! the base's, whatever the builder made of it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::BuildahError;
use crate::image::layer::Encoder;
use crate::image::{
    CONFIG_LIMIT, Config, ConfigError, Descriptor, Digest, DigestError, DigestWriter,
    MANIFEST_LIMIT, Manifest, ManifestError, OwnLayer, RawManifest, media_type,
};

/// The most bytes of one uncompressed layer that a build may give.
const LAYER_LIMIT: u64 = 64 * 1024 * 1024 * 1024;

/// What a builder gave is not what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// A file of the result is missing or unreadable.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A layer of the result cannot be read, or not be written in the published form.
    #[error("cannot turn {path} into {target}; is the disk of the cache directory full?")]
    Repack {
        /// The layer as the builder wrote it.
        path: PathBuf,
        /// The layer as it is to be published.
        target: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the result is larger than any such file.
    #[error("{path} has {size} bytes; the limit is {limit}")]
    Size {
        /// Which file.
        path: PathBuf,
        /// Its length in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The image ID is no digest.
    #[error("buildah reported no image ID")]
    ImageId(#[source] DigestError),
    /// The index of the exported layout is malformed.
    #[error("the index of the exported image is malformed")]
    Index(#[source] serde_json::Error),
    /// The exported layout does not have one image.
    #[error("the exported layout has {0} images, not one")]
    Images(usize),
    /// The manifest is malformed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The config is malformed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The result does not stand on the base.
    #[error("layer {index} of the result is not the base's layer {wanted}")]
    NotOnBase {
        /// Which layer, from 0 at the bottom.
        index: usize,
        /// The base's `diff_id`.
        wanted: Digest,
    },
    /// Manifest and config of the result disagree.
    #[error("the result has {layers} layers, but its config names {diff_ids}")]
    LayerCount {
        /// Layers in the manifest.
        layers: usize,
        /// `diff_ids` in the config.
        diff_ids: usize,
    },
    /// A layer is not what the config says.
    #[error("a layer of the result has diff_id {found}, not {wanted} as its config says")]
    DiffId {
        /// What its bytes give.
        found: Digest,
        /// What the config says.
        wanted: Digest,
    },
    /// A layer has a form that was not asked for.
    #[error("a layer of the result has media type {0:?}")]
    LayerType(String),
}

/// Reads the image ID that buildah wrote.
pub fn read_image_id(path: &Path) -> Result<Digest, ResultError> {
    let text = read(path, 200)?;
    String::from_utf8_lossy(&text).trim().parse().map_err(ResultError::ImageId)
}

/// Puts an empty file in the place of each base layer of the layout that the image is exported to:
/// the exporter then takes them for there already, and does not compress them all over again.
pub fn place_base_layers(out: &Path, base: &Config) -> Result<(), BuildahError> {
    for diff_id in base.diff_ids() {
        let path = blob_path(out, diff_id);
        File::create(&path).map_err(|source| BuildahError::File { path, source })?;
    }
    Ok(())
}

fn blob_path(out: &Path, digest: &Digest) -> PathBuf {
    out.join("blobs/sha256").join(digest.hex())
}

/// Layers above a base, lowest first, with the files that hold them. One that the base has too needs
/// no file.
type OwnLayers = Vec<(OwnLayer, Option<PathBuf>)>;

/// The config of the exported image, and its layers above the base in the form that layerwright
/// publishes, in files of `scratch`.
pub async fn take_apart(
    scratch: &Path,
    base: &Config,
    base_layers: &[Descriptor],
) -> Result<(Config, OwnLayers), BuildahError> {
    let (scratch, base, base_layers) = (scratch.to_owned(), base.clone(), base_layers.to_vec());
    // Compression of a large layer takes seconds: not on a thread that others wait for.
    let work = tokio::task::spawn_blocking(move || take_apart_now(&scratch, &base, &base_layers));
    match work.await {
        Ok(result) => Ok(result?),
        Err(error) => Err(BuildahError::Wait { source: io::Error::other(error) }),
    }
}

fn take_apart_now(
    scratch: &Path,
    base: &Config,
    base_layers: &[Descriptor],
) -> Result<(Config, OwnLayers), ResultError> {
    let out = scratch.join("out");
    let manifest = read_manifest(&out)?;
    let config = Config::parse(&read(&blob_path(&out, &manifest.config().digest), CONFIG_LIMIT)?)?;
    let (layers, diff_ids) = (manifest.layers(), config.diff_ids());
    if layers.len() != diff_ids.len() {
        let (layers, diff_ids) = (layers.len(), diff_ids.len());
        return Err(ResultError::LayerCount { layers, diff_ids });
    }
    for (index, wanted) in base.diff_ids().iter().enumerate() {
        if diff_ids.get(index) != Some(wanted) {
            return Err(ResultError::NotOnBase { index, wanted: *wanted });
        }
    }
    let own = layers.iter().zip(diff_ids).skip(base.diff_ids().len());
    let own = own
        .enumerate()
        .map(|(index, (layer, diff_id))| {
            // The exporter took the empty file in the place of the base's layer for this one.
            let of_base = base.diff_ids().iter().position(|of_base| of_base == diff_id);
            if let Some(descriptor) = of_base.and_then(|at| base_layers.get(at)) {
                let descriptor = descriptor.clone();
                return Ok((OwnLayer { descriptor, diff_id: *diff_id }, None));
            }
            let target = scratch.join(format!("layer-{index}"));
            let layer = repack(&blob_path(&out, &layer.digest), layer, *diff_id, &target)?;
            Ok((layer, Some(target)))
        })
        .collect::<Result<_, ResultError>>()?;
    Ok((config, own))
}

fn read_manifest(out: &Path) -> Result<Manifest, ResultError> {
    #[derive(serde::Deserialize)]
    struct Index {
        manifests: Vec<Entry>,
    }
    #[derive(serde::Deserialize)]
    struct Entry {
        digest: Digest,
    }
    let limit = MANIFEST_LIMIT as u64;
    let index: Index = serde_json::from_slice(&read(&out.join("index.json"), limit)?)
        .map_err(ResultError::Index)?;
    let [entry] = index.manifests.as_slice() else {
        return Err(ResultError::Images(index.manifests.len()));
    };
    let bytes = read(&blob_path(out, &entry.digest), limit)?;
    Ok(RawManifest::new(media_type::MANIFEST, bytes).parse_manifest()?)
}

/// Writes a layer again as layerwright would have: plain where it is small, else compressed by the
/// one encoder. Its `diff_id` must be what the config says.
fn repack(
    source: &Path,
    layer: &Descriptor,
    wanted: Digest,
    target: &Path,
) -> Result<OwnLayer, ResultError> {
    let file = File::open(source)
        .map_err(|error| ResultError::Read { path: source.to_owned(), source: error })?;
    let mut tar: Box<dyn Read> = match layer.media_type.as_str() {
        media_type::LAYER => Box::new(file),
        media_type::LAYER_GZIP => Box::new(MultiGzDecoder::new(io::BufReader::new(file))),
        other => return Err(ResultError::LayerType(other.chars().take(100).collect())),
    };
    // Either side may fail: both are named.
    let failed = |error| ResultError::Repack {
        path: source.to_owned(),
        target: target.to_owned(),
        source: error,
    };
    let written = File::create(target).and_then(|file| {
        let encoder = Encoder::new(DigestWriter::new(BufWriter::new(file)));
        let mut writer = DigestWriter::new(encoder);
        io::copy(&mut tar.by_ref().take(LAYER_LIMIT), &mut writer)?;
        let (encoder, diff_id, _) = writer.finish();
        let (blob, media_type) = encoder.finish()?;
        let (mut file, digest, size) = blob.finish();
        file.flush()?;
        Ok((Descriptor { media_type: media_type.to_owned(), digest, size }, diff_id))
    });
    let (descriptor, diff_id) = written.map_err(failed)?;
    if diff_id == wanted {
        Ok(OwnLayer { descriptor, diff_id })
    } else {
        Err(ResultError::DiffId { found: diff_id, wanted })
    }
}

/// Reads a small file.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ResultError> {
    let failed = |source| ResultError::Read { path: path.to_owned(), source };
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > limit {
        return Err(ResultError::Size { path: path.to_owned(), size, limit });
    }
    fs::read(path).map_err(failed)
}

#[cfg(test)]
mod tests;
