//! Manifests and indexes: read from hostile bytes, written as canonical JSON (OCI image-spec,
//! manifest.md and image-index.md; Docker image manifest v2 schema 2).

use std::collections::BTreeMap;

use oci_spec::image as spec;

use super::{
    CanonicalError, Descriptor, Digest, DigestError, Platform, canonical_json, media_type,
};

/// The most bytes a manifest or index may have (distribution-spec, "Pushing Manifests").
pub const MANIFEST_LIMIT: usize = 4 * 1024 * 1024;

/// The most layers that are read from a manifest; container runtimes stop at 127 or so.
const LAYERS_LIMIT: usize = 1024;

/// A manifest or index as it is stored; the bytes are what the descriptor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawManifest {
    /// Media type, digest and length of `bytes`.
    pub descriptor: Descriptor,
    /// The document, byte for byte.
    pub bytes: Vec<u8>,
}

impl RawManifest {
    /// Describes `bytes` as a manifest of this media type.
    #[must_use]
    pub fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        Self { descriptor: Descriptor::of(media_type, &bytes), bytes }
    }

    /// Reads the document.
    ///
    /// # Errors
    /// When it is malformed, or of a kind that is not supported.
    pub fn parse(&self) -> Result<Document, ManifestError> {
        let digest = self.descriptor.digest;
        let malformed = |source| ManifestError::Malformed { digest, source };
        match self.descriptor.media_type.as_str() {
            media_type::MANIFEST | media_type::DOCKER_MANIFEST => {
                let document = serde_json::from_slice(&self.bytes).map_err(malformed)?;
                Manifest::from_spec(document, digest)
                    .map(|found| Document::Manifest(Box::new(found)))
            }
            media_type::INDEX | media_type::DOCKER_INDEX => {
                let document = serde_json::from_slice(&self.bytes).map_err(malformed)?;
                Index::from_spec(&document, digest).map(Document::Index)
            }
            other => {
                Err(ManifestError::Kind { digest, media_type: other.chars().take(100).collect() })
            }
        }
    }

    /// Reads the document where only an image manifest will do.
    ///
    /// # Errors
    /// When it is malformed, or no image manifest.
    pub fn parse_manifest(&self) -> Result<Manifest, ManifestError> {
        match self.parse()? {
            Document::Manifest(manifest) => Ok(*manifest),
            Document::Index(_) => Err(ManifestError::IsIndex { digest: self.descriptor.digest }),
        }
    }
}

/// What a stored document turned out to be.
#[derive(Debug, Clone)]
pub enum Document {
    /// An image for one platform.
    Manifest(Box<Manifest>),
    /// Images for several platforms.
    Index(Index),
}

/// A document from a store is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The bytes are no such document.
    #[error("manifest {digest} is malformed")]
    Malformed {
        /// Which document.
        digest: Digest,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A descriptor in it has a digest that is not supported.
    #[error("manifest {digest} names a blob by a digest that cannot be used")]
    Digest {
        /// Which document.
        digest: Digest,
        /// The digest it names.
        source: DigestError,
    },
    /// A document of another kind, for example Docker schema 1.
    #[error(
        "document {digest} has media type {media_type:?}; supported are OCI and Docker schema 2 \
         manifests and indexes"
    )]
    Kind {
        /// Which document.
        digest: Digest,
        /// Its media type.
        media_type: String,
    },
    /// An index where an image for one platform is needed.
    #[error("document {digest} is an index, not an image for one platform")]
    IsIndex {
        /// Which document.
        digest: Digest,
    },
    /// More layers than any image has.
    #[error("manifest {digest} has {count} layers; the limit is 1024")]
    Layers {
        /// Which document.
        digest: Digest,
        /// How many.
        count: usize,
    },
    /// The index has nothing for the platform.
    #[error("index {digest} has no image for {platform}; it has {found}")]
    Platform {
        /// Which document.
        digest: Digest,
        /// What was looked for.
        platform: Platform,
        /// What there is, for people.
        found: String,
    },
}

/// An image manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    spec: spec::ImageManifest,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

impl Manifest {
    fn from_spec(spec: spec::ImageManifest, digest: Digest) -> Result<Self, ManifestError> {
        let count = spec.layers().len();
        if count > LAYERS_LIMIT {
            return Err(ManifestError::Layers { digest, count });
        }
        let read = |d| descriptor(d).map_err(|source| ManifestError::Digest { digest, source });
        let config = read(spec.config())?;
        let layers = spec.layers().iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { spec, config, layers })
    }

    /// The config blob.
    #[must_use]
    pub fn config(&self) -> &Descriptor {
        &self.config
    }

    /// The layers, lowest first.
    #[must_use]
    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// The layers and the config: every blob that the image needs.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.layers.iter().chain([&self.config])
    }

    /// The value of one annotation.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.spec.annotations().as_ref()?.get(name).map(String::as_str)
    }

    /// All annotations, by name.
    #[must_use]
    pub fn annotations(&self) -> BTreeMap<&str, &str> {
        let all = self.spec.annotations().iter().flatten();
        all.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The layers as an OCI manifest names them: the same digests and sizes, Docker's media types
    /// translated, everything else as it was.
    fn layers_as_oci(&self) -> Vec<spec::Descriptor> {
        let mut layers = self.spec.layers().clone();
        for layer in &mut layers {
            let translated = oci_layer_type(layer.media_type().as_ref());
            layer.set_media_type(spec::MediaType::from(translated));
        }
        layers
    }
}

/// The OCI media type that says of a layer what `docker` says.
fn oci_layer_type(docker: &str) -> &str {
    match docker {
        media_type::DOCKER_LAYER_GZIP => media_type::LAYER_GZIP,
        media_type::DOCKER_LAYER => media_type::LAYER,
        other => other,
    }
}

/// Writes an OCI image manifest.
///
/// # Errors
/// Does not happen for the values that this crate passes; kept so that nothing can panic.
pub fn write_manifest(
    base: Option<&Manifest>,
    own_layers: &[Descriptor],
    config: &Descriptor,
    annotations: BTreeMap<String, String>,
) -> Result<RawManifest, CanonicalError> {
    let base_layers = base.map(Manifest::layers_as_oci).unwrap_or_default();
    let mut layers = Vec::with_capacity(base_layers.len() + own_layers.len());
    for layer in &base_layers {
        layers.push(serde_json::to_value(layer)?);
    }
    for layer in own_layers {
        let media_type = oci_layer_type(&layer.media_type).to_owned();
        layers.push(spec_descriptor(&Descriptor { media_type, ..layer.clone() }));
    }
    let mut document = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type::MANIFEST,
        "config": spec_descriptor(config),
        "layers": layers,
    });
    if !annotations.is_empty() {
        document["annotations"] = serde_json::Value::from_iter(annotations);
    }
    Ok(RawManifest::new(media_type::MANIFEST, canonical_json(&document)?))
}

fn spec_descriptor(descriptor: &Descriptor) -> serde_json::Value {
    serde_json::json!({
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    })
}

/// An index: images for several platforms.
#[derive(Debug, Clone)]
pub struct Index {
    digest: Digest,
    images: Vec<(Option<Platform>, Descriptor)>,
}

impl Index {
    fn from_spec(spec: &spec::ImageIndex, digest: Digest) -> Result<Self, ManifestError> {
        let read = |entry: &spec::Descriptor| {
            let descriptor =
                descriptor(entry).map_err(|source| ManifestError::Digest { digest, source })?;
            Ok((entry.platform().as_ref().and_then(platform), descriptor))
        };
        let images = spec.manifests().iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { digest, images })
    }

    /// The image for `platform`: the first of that system and processor, and of that variant where
    /// both name one.
    ///
    /// # Errors
    /// When there is none.
    pub fn select(&self, platform: &Platform) -> Result<&Descriptor, ManifestError> {
        let fits = |found: &Platform| found.satisfies(platform);
        let image = self.images.iter().find(|(p, _)| p.as_ref().is_some_and(fits));
        image.map(|(_, descriptor)| descriptor).ok_or_else(|| ManifestError::Platform {
            digest: self.digest,
            platform: platform.clone(),
            found: self.platforms(),
        })
    }

    /// Its own digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The platforms it has, for people.
    #[must_use]
    pub fn platforms(&self) -> String {
        let names: Vec<String> =
            self.images.iter().flat_map(|(p, _)| p).take(20).map(Platform::to_string).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// The images with the platforms they name.
    #[must_use]
    pub fn images(&self) -> &[(Option<Platform>, Descriptor)] {
        &self.images
    }
}

fn descriptor(spec: &spec::Descriptor) -> Result<Descriptor, DigestError> {
    Ok(Descriptor {
        media_type: spec.media_type().to_string(),
        digest: spec.digest().to_string().parse()?,
        size: spec.size(),
    })
}

/// The platform that an entry names; `None` where that is no platform.
fn platform(spec: &spec::Platform) -> Option<Platform> {
    let (os, architecture) = (spec.os().to_string(), spec.architecture().to_string());
    Platform::new(&os, &architecture, spec.variant().as_deref()).ok()
}

#[cfg(test)]
mod tests;
