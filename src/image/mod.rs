//! The bytes of images: digests, layers, configs and manifests. Pure: nothing here touches network,
//! disk, clock, environment or cluster.

pub mod annotation;
mod assemble;
mod canonical;
mod cleanup;
mod config;
mod descriptor;
mod digest;
pub mod layer;
mod manifest;
mod platform;
mod printable;
mod rendered_config;
mod rootfs;
mod stamp;

#[cfg(test)]
mod tests;

pub use assemble::{OwnLayer, PackedImage, assemble};
pub use canonical::{CanonicalError, canonical_json};
pub use cleanup::{CLEANUPS, Cleanup};
pub use config::{CONFIG_LIMIT, Config, ConfigError};
pub use descriptor::{Descriptor, media_type};
pub use digest::{Digest, DigestError, DigestWriter};
pub use manifest::{
    Document, Index, MANIFEST_LIMIT, Manifest, ManifestError, RawManifest, write_manifest,
};
pub use platform::{Platform, PlatformError};
pub use printable::{printable, turns_text};
pub use rendered_config::PackError;
pub use rendered_config::{
    RENDERED_LAYER_LIMIT, RenderedConfig, pack_rendered_config, rendered_source,
};
pub use rootfs::base_image;
pub use stamp::{Stamp, stamp};
