//! The image around a plain root file system: one layer, an empty config, nothing else.

use std::collections::BTreeMap;

use super::{CanonicalError, Config, OwnLayer, PackedImage, Platform, assemble};

/// Makes the image of a base that is a plain root file system: a pure function of the platform and
/// the layer.
///
/// # Errors
/// When canonical JSON cannot be written.
pub fn base_image(platform: &Platform, layer: &OwnLayer) -> Result<PackedImage, CanonicalError> {
    let (config, own) = (Config::new(platform), std::slice::from_ref(layer));
    assemble(None, config, own, "layerwright: plain root file system", BTreeMap::new())
}

#[cfg(test)]
mod tests {
    use super::base_image;
    use crate::image::{Config, Descriptor, Digest, OwnLayer, Platform, media_type};

    #[test]
    fn the_image_says_its_layer_and_its_platform() {
        let platform: Platform = "linux/arm64".parse().unwrap();
        let descriptor = Descriptor::of(media_type::LAYER_GZIP, b"compressed");
        let layer = OwnLayer { descriptor: descriptor.clone(), diff_id: Digest::of(b"tar") };
        let image = base_image(&platform, &layer).unwrap();
        assert_eq!(image.manifest.parse_manifest().unwrap().layers(), [descriptor]);
        let config = Config::parse(&image.config_bytes).unwrap();
        assert_eq!((config.platform(), config.diff_ids()), (&platform, &[layer.diff_id][..]));
    }
}
