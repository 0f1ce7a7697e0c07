//! An image from its parts: a base or nothing below, own layers above, and a config.

use std::collections::BTreeMap;

use super::{CanonicalError, Config, Descriptor, Digest, Manifest, RawManifest, write_manifest};

/// A layer that is not the base's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLayer {
    /// The blob.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed tar.
    pub diff_id: Digest,
}

/// An image without the bytes of its layers.
#[derive(Debug, Clone)]
pub struct PackedImage {
    /// The manifest.
    pub manifest: RawManifest,
    /// Descriptor of the config blob.
    pub config: Descriptor,
    /// The config blob.
    pub config_bytes: Vec<u8>,
}

/// Puts `own` layers on a base and writes config and manifest. `config` is the config of what is
/// below; `created_by` becomes the line of history of each own layer.
///
/// # Errors
/// As [`Config::write`].
pub fn assemble(
    base: Option<&Manifest>,
    mut config: Config,
    own: &[OwnLayer],
    created_by: &str,
    annotations: BTreeMap<String, String>,
) -> Result<PackedImage, CanonicalError> {
    for layer in own {
        config.add_layer(layer.diff_id, created_by);
    }
    let (config, config_bytes) = config.write()?;
    let layers: Vec<Descriptor> = own.iter().map(|layer| layer.descriptor.clone()).collect();
    let manifest = write_manifest(base, &layers, &config, annotations)?;
    Ok(PackedImage { manifest, config, config_bytes })
}
