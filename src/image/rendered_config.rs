//! The rendered-config image: a rendered config, packed from scratch (design, "Images").

use std::collections::BTreeMap;

use super::layer::{Entry, EntryKind, Layer, LayerError, write_layer};
use super::{
    CanonicalError, Config, Digest, OwnLayer, PackedImage, Platform, annotation, assemble,
    canonical_json,
};

/// Path of the canonical MachineConfig in the image.
const MACHINE_CONFIG_PATH: &str = "machine-config.json";

/// Path of its converted Ignition in the image.
const IGNITION_PATH: &str = "machine-config-ignition.json";

/// What a rendered-config image is packed from.
#[derive(Debug, Clone, Copy)]
pub struct RenderedConfig<'a> {
    /// Name of the MachineConfig.
    pub name: &'a str,
    /// The MachineConfig as canonical JSON.
    pub machine_config: &'a [u8],
    /// Its converted Ignition as canonical JSON.
    pub ignition: &'a [u8],
}

/// A rendered config cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Its layer cannot be written.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// Its config or manifest cannot be written.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl RenderedConfig<'_> {
    /// The digest of what is packed, whatever the image's own bytes: it stays when another version
    /// of this program writes the same files in other bytes.
    ///
    /// # Errors
    /// Does not happen; kept so that nothing can panic.
    pub fn source_digest(&self) -> Result<Digest, CanonicalError> {
        let files = BTreeMap::from([
            (MACHINE_CONFIG_PATH, Digest::of(self.machine_config)),
            (IGNITION_PATH, Digest::of(self.ignition)),
        ]);
        Ok(Digest::of(&canonical_json(&files)?))
    }
}

/// Packs a rendered config. The image is a pure function of it and the platform (I1).
///
/// # Errors
/// When it cannot be written.
pub fn pack_rendered_config(
    rendered: &RenderedConfig<'_>,
    platform: &Platform,
) -> Result<(PackedImage, Layer), PackError> {
    let layer = write_layer(vec![
        Entry::new(MACHINE_CONFIG_PATH, EntryKind::File(rendered.machine_config.to_vec()), 0o644),
        Entry::new(IGNITION_PATH, EntryKind::File(rendered.ignition.to_vec()), 0o644),
    ])?;
    let mut config = Config::new(platform);
    config.set_label(annotation::MACHINE_CONFIG, rendered.name);
    let source = rendered.source_digest()?.to_string();
    let annotations = BTreeMap::from([(annotation::SOURCE.to_owned(), source)]);
    let own = [OwnLayer { descriptor: layer.descriptor.clone(), diff_id: layer.diff_id }];
    let image = assemble(None, config, &own, "layerwright: rendered config", annotations)?;
    Ok((image, layer))
}
