//! The bytes of images: digests, layers, configs and manifests. Pure: nothing here touches network,
//! disk, clock, environment or cluster.

mod canonical;
mod descriptor;
mod digest;
pub mod layer;
mod platform;
mod rootfs;

pub use canonical::{CanonicalError, canonical_json};
pub use descriptor::{Descriptor, media_type};
pub use digest::{Digest, DigestError, DigestWriter};
pub use platform::{Platform, PlatformError};
pub use rootfs::{BaseImage, base_image};
