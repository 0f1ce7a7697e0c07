//! The image around a plain root file system: one layer, an empty config, nothing else.

use serde_json::{Map, Value, json};

use super::{CanonicalError, Descriptor, Digest, Platform, canonical_json, media_type};

/// An image of one layer, ready to be put into a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// What `config` is.
    pub config_descriptor: Descriptor,
    /// The image config (image-spec, config.md).
    pub config: Vec<u8>,
    /// What `manifest` is.
    pub manifest_descriptor: Descriptor,
    /// The image manifest (image-spec, manifest.md).
    pub manifest: Vec<u8>,
}

/// Makes the image of a base that is a plain root file system: a pure function of the platform, the
/// digest of the tar archive and the layer that holds it.
///
/// # Errors
/// When canonical JSON cannot be written.
pub fn base_image(
    platform: &Platform,
    diff_id: &Digest,
    layer: &Descriptor,
) -> Result<BaseImage, CanonicalError> {
    let mut fields = Map::new();
    fields.insert("architecture".to_owned(), json!(platform.architecture));
    fields.insert("os".to_owned(), json!(platform.os));
    if let Some(variant) = &platform.variant {
        fields.insert("variant".to_owned(), json!(variant));
    }
    fields.insert("config".to_owned(), json!({}));
    fields.insert("rootfs".to_owned(), json!({ "type": "layers", "diff_ids": [diff_id] }));
    let config = canonical_json(&Value::Object(fields))?;
    let config_descriptor = Descriptor::of(media_type::CONFIG, &config);
    let manifest = canonical_json(&json!({
        "schemaVersion": 2,
        "mediaType": media_type::MANIFEST,
        "config": link(&config_descriptor),
        "layers": [link(layer)],
    }))?;
    let manifest_descriptor = Descriptor::of(media_type::MANIFEST, &manifest);
    Ok(BaseImage { config_descriptor, config, manifest_descriptor, manifest })
}

fn link(descriptor: &Descriptor) -> Value {
    json!({
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    })
}

#[cfg(test)]
mod tests {
    use super::base_image;
    use crate::image::{Descriptor, Digest, Platform, media_type};

    #[test]
    fn the_documents_are_what_the_specification_says() {
        let layer = Descriptor::of(media_type::LAYER, b"layer");
        let platform: Platform = "linux/arm/v7".parse().unwrap();
        let image = base_image(&platform, &Digest::of(b"tar"), &layer).unwrap();
        assert_eq!(
            String::from_utf8(image.config.clone()).unwrap(),
            format!(
                "{{\"architecture\":\"arm\",\"config\":{{}},\"os\":\"linux\",\"rootfs\":\
                 {{\"diff_ids\":[\"{}\"],\"type\":\"layers\"}},\"variant\":\"v7\"}}",
                Digest::of(b"tar")
            )
        );
        assert_eq!(
            String::from_utf8(image.manifest.clone()).unwrap(),
            format!(
                "{{\"config\":{{\"digest\":\"{}\",\"mediaType\":\"{}\",\"size\":{}}},\"layers\":\
                 [{{\"digest\":\"{}\",\"mediaType\":\"{}\",\"size\":5}}],\"mediaType\":\"{}\",\
                 \"schemaVersion\":2}}",
                Digest::of(&image.config),
                media_type::CONFIG,
                image.config.len(),
                Digest::of(b"layer"),
                media_type::LAYER,
                media_type::MANIFEST
            )
        );
        assert_eq!(
            image.manifest_descriptor,
            Descriptor::of(media_type::MANIFEST, &image.manifest)
        );
    }
}
