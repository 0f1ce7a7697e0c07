//! The rendered-config image: a rendered config, packed from scratch (design, "Images").

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use super::layer::{Entry, EntryKind, Layer, LayerError, write_layer};
use super::{
    CanonicalError, Config, Digest, DigestWriter, OwnLayer, PackedImage, Platform, annotation,
    assemble, canonical_json, media_type,
};

/// The largest layer of a rendered-config image that is worth reading, in bytes.
pub const RENDERED_LAYER_LIMIT: u64 = 64 * 1024 * 1024;

/// The most bytes that such a layer is unpacked to.
const UNPACKED_LIMIT: u64 = 4 * RENDERED_LAYER_LIMIT;

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
        source_of(Digest::of(self.machine_config), Digest::of(self.ignition))
    }
}

fn source_of(machine_config: Digest, ignition: Digest) -> Result<Digest, CanonicalError> {
    let files = [(MACHINE_CONFIG_PATH, machine_config), (IGNITION_PATH, ignition)];
    Ok(Digest::of(&canonical_json(&BTreeMap::from(files))?))
}

/// The source digest of a rendered-config image, by the files that its layer holds and not by what
/// it says of itself. `None` where the layer holds anything but these two files.
#[must_use]
pub fn rendered_source(layer_type: &str, layer: &[u8]) -> Option<Digest> {
    let tar: Box<dyn Read + '_> = match layer_type {
        media_type::LAYER => Box::new(layer),
        media_type::LAYER_GZIP => Box::new(MultiGzDecoder::new(layer)),
        _ => return None,
    };
    let (mut machine_config, mut ignition) = (None, None);
    for member in tar::Archive::new(tar.take(UNPACKED_LIMIT)).entries().ok()? {
        let mut member = member.ok()?;
        let slot = match &*member.path_bytes() {
            path if path == MACHINE_CONFIG_PATH.as_bytes() => &mut machine_config,
            path if path == IGNITION_PATH.as_bytes() => &mut ignition,
            _ => return None,
        };
        let mut content = DigestWriter::new(io::sink());
        let copied = io::copy(&mut member, &mut content).ok()?;
        let is_file = member.header().entry_type().is_file() && copied == member.size();
        let (_, digest, _) = content.finish();
        if !is_file || slot.replace(digest).is_some() {
            return None;
        }
    }
    source_of(machine_config?, ignition?).ok()
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

#[cfg(test)]
mod tests {
    use super::{RenderedConfig, pack_rendered_config, rendered_source};
    use crate::image::layer::{Entry, EntryKind, write_layer};
    use crate::image::{Platform, media_type};

    const RENDERED: RenderedConfig<'static> =
        RenderedConfig { name: "r", machine_config: b"{}", ignition: b"[]" };

    #[test]
    fn the_source_is_found_again_in_the_layer() {
        let (_, layer) = pack_rendered_config(&RENDERED, &Platform::linux_amd64()).unwrap();
        let found = rendered_source(&layer.descriptor.media_type, &layer.bytes);
        assert_eq!(found, Some(RENDERED.source_digest().unwrap()));
    }

    #[test]
    fn a_layer_with_other_files_has_another_source_or_none() {
        let file =
            |path: &str, text: &[u8]| Entry::new(path, EntryKind::File(text.to_vec()), 0o644);
        let source = |entries: Vec<Entry>| {
            rendered_source(media_type::LAYER, &write_layer(entries).unwrap().bytes)
        };
        let good = file("machine-config.json", b"{}");
        let other = source(vec![good.clone(), file("machine-config-ignition.json", b"evil")]);
        assert!(other.is_some() && other != Some(RENDERED.source_digest().unwrap()));
        assert_eq!(source(vec![good.clone()]), None);
        let ignition = file("machine-config-ignition.json", b"[]");
        assert_eq!(source(vec![good.clone(), ignition.clone(), file("more", b"")]), None);
        let link = EntryKind::Symlink(b"machine-config.json".to_vec());
        assert_eq!(source(vec![good, Entry::new("machine-config-ignition.json", link, 0)]), None);
        assert_eq!(rendered_source(media_type::LAYER, b"no tar"), None);
        assert_eq!(rendered_source("application/x", b""), None);
    }
}
