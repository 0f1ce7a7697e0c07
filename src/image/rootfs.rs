//! The image around a plain root file system: one layer, an empty config, nothing else.

use std::collections::BTreeMap;

use super::{
    CanonicalError, Config, Digest, OwnLayer, PackedImage, Platform, annotation, assemble,
    canonical_json,
};

/// Makes the image of a base that is a plain root file system: a pure function of the platform and
/// the layer. It says what it was packed from.
///
/// # Errors
/// When canonical JSON cannot be written.
pub fn base_image(platform: &Platform, layer: &OwnLayer) -> Result<PackedImage, CanonicalError> {
    let source = base_source(platform, layer.diff_id)?.to_string();
    let annotations = BTreeMap::from([(annotation::SOURCE.to_owned(), source)]);
    let own = std::slice::from_ref(layer);
    assemble(None, Config::new(platform), own, "layerwright: plain root file system", annotations)
}

/// The digest of what such an image is packed from. It is known before the layer is compressed.
///
/// # Errors
/// When canonical JSON cannot be written.
pub fn base_source(platform: &Platform, diff_id: Digest) -> Result<Digest, CanonicalError> {
    let source = serde_json::json!({ "platform": platform, "diffId": diff_id });
    Ok(Digest::of(&canonical_json(&source)?))
}

#[cfg(test)]
mod tests {
    use super::{base_image, base_source};
    use crate::image::{Config, Descriptor, Digest, OwnLayer, Platform, annotation, media_type};

    #[test]
    fn the_image_says_its_layer_its_platform_and_its_source() {
        let platform: Platform = "linux/arm64".parse().unwrap();
        let descriptor = Descriptor::of(media_type::LAYER_GZIP, b"compressed");
        let layer = OwnLayer { descriptor: descriptor.clone(), diff_id: Digest::of(b"tar") };
        let image = base_image(&platform, &layer).unwrap();
        let manifest = image.manifest.parse_manifest().unwrap();
        assert_eq!(manifest.layers(), [descriptor]);
        let source = base_source(&platform, layer.diff_id).unwrap().to_string();
        assert_eq!(manifest.annotation(annotation::SOURCE), Some(source.as_str()));
        let config = Config::parse(&image.config_bytes).unwrap();
        assert_eq!((config.platform(), config.diff_ids()), (&platform, &[layer.diff_id][..]));
    }
}
