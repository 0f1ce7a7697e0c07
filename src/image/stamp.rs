//! The stamp: the last, cheap step that turns a built image into one pool's image (design,
//! "Images").

use std::collections::BTreeMap;

use super::layer::{Entry, EntryKind, Layer, write_layer};
use super::rendered_config::PackError;
use super::{Config, Digest, Manifest, OwnLayer, PackedImage, annotation, assemble};

/// Where the stamped image holds its MachineConfig. The directory is in every content image: the
/// converted Ignition writes `mcd_content.json` there.
const CURRENT_CONFIG_PATH: &str = "etc/machine-config-daemon/currentconfig";

/// What a stamp says.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The pool.
    pub pool: &'a str,
    /// Name of the rendered config.
    pub machine_config_name: &'a str,
    /// The rendered config as canonical JSON.
    pub machine_config: &'a [u8],
    /// The base as the user named it, where that is a name that others can use: in a registry.
    pub base_name: Option<&'a str>,
    /// The digest behind that name.
    pub base_digest: Digest,
    /// The digest of the base's manifest for the platform.
    pub base_platform_digest: Digest,
    /// Digest of the unstamped image.
    pub content: Digest,
}

/// Stamps an unstamped image, whose annotations say key, inputs, engine and version: these are
/// taken over, as annotations and, but for the long inputs, as labels.
///
/// # Errors
/// When the layer, the config or the manifest cannot be written.
pub fn stamp(
    content: &Manifest,
    config: &Config,
    stamp: &Stamp<'_>,
) -> Result<(PackedImage, Layer), PackError> {
    let current_config = EntryKind::File(stamp.machine_config.to_vec());
    let layer = write_layer([Entry::new(CURRENT_CONFIG_PATH, current_config, 0o644)])?;
    let mut config = config.clone();
    let mut annotations = BTreeMap::new();
    config.set_label(annotation::MACHINE_CONFIG, stamp.machine_config_name);
    config.set_label(annotation::POOL, stamp.pool);
    for name in [annotation::KEY, annotation::ENGINE, annotation::VERSION, annotation::INPUTS] {
        if let Some(value) = content.annotation(name) {
            annotations.insert(name.to_owned(), value.to_owned());
            if name != annotation::INPUTS {
                config.set_label(name, value);
            }
        }
    }
    annotations.extend(
        [
            (annotation::MACHINE_CONFIG, stamp.machine_config_name.to_owned()),
            (annotation::POOL, stamp.pool.to_owned()),
            (annotation::CURRENT_CONFIG, Digest::of(stamp.machine_config).to_string()),
            (annotation::CONTENT, stamp.content.to_string()),
            (annotation::BASE_DIGEST, stamp.base_digest.to_string()),
            (annotation::BASE_PLATFORM, stamp.base_platform_digest.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if let Some(name) = stamp.base_name {
        annotations.insert(annotation::BASE_NAME.to_owned(), name.to_owned());
    }
    let own = [OwnLayer { descriptor: layer.descriptor.clone(), diff_id: layer.diff_id }];
    let image = assemble(Some(content), config, &own, "layerwright: stamp", annotations)?;
    Ok((image, layer))
}
