//! A pool's task: its config read and packed, its base named.

use crate::image::layer::Layer;
use crate::image::{
    Digest, PackError, PackedImage, Platform, RenderedConfig, pack_rendered_config,
};
use crate::machineconfig::{MachineConfig, TagName, tag_for};
use crate::plan::Rendered;
use crate::store::Location;

use super::OrchestratorError;

/// One pool, with its config read and packed.
#[derive(Debug)]
pub struct PoolTask {
    /// The pool's name.
    pub pool: String,
    /// Its rendered config.
    pub machine_config: MachineConfig,
    /// The rendered-config image.
    pub image: PackedImage,
    /// The one layer of that image.
    pub layer: Layer,
    /// What the plan knows of it.
    pub rendered: Rendered,
    /// The tag that names it.
    pub tag: TagName,
    /// The base, where the pool file or the config names one.
    pub base: Option<Location>,
    /// What the content image is for.
    pub platform: Platform,
    /// Build even though there is a record.
    pub force: bool,
}

impl PoolTask {
    /// Packs a pool's config. `base` is the base that the pool file names; where it names none, the
    /// config's osImageURL is the base.
    ///
    /// # Errors
    /// When the config cannot be packed, or its osImageURL is no image reference.
    pub fn new(
        pool: &str,
        machine_config: MachineConfig,
        base: Option<Location>,
        platform: Platform,
        force: bool,
    ) -> Result<Self, OrchestratorError> {
        let (image, layer, source) = pack(&machine_config, &Platform::linux_amd64())?;
        let base = match (base, machine_config.os_image_url()) {
            (Some(base), _) => Some(base),
            (None, Some(url)) => Some(image_in_registry("osImageURL", url, pool)?),
            (None, None) => None,
        };
        let rendered = Rendered {
            name: machine_config.name().to_owned(),
            image: image.manifest.descriptor.digest,
            source,
            document: Digest::of(machine_config.canonical_json()),
        };
        let tag = tag_for(machine_config.name());
        let pool = pool.to_owned();
        Ok(Self { pool, machine_config, image, layer, rendered, tag, base, platform, force })
    }

    /// Digest of the converted Ignition, the one file that the content recipe reads.
    #[must_use]
    pub fn ignition(&self) -> Digest {
        Digest::of(self.machine_config.rendered_ignition())
    }

    /// Whether the config asks for packages: extensions, or another kernel.
    #[must_use]
    pub fn needs_packages(&self) -> bool {
        !self.machine_config.package_changes().is_empty()
    }
}

/// The image that a field of a config names. It must be in a registry: a config comes from a cluster,
/// and has no business with files of the machine that builds.
///
/// # Errors
/// When it is anything else.
pub fn image_in_registry(
    field: &'static str,
    name: &str,
    pool: &str,
) -> Result<Location, OrchestratorError> {
    match name.parse() {
        Ok(location @ Location::Registry { .. }) => Ok(location),
        Ok(_) => {
            let (pool, name) = (pool.to_owned(), name.chars().take(200).collect());
            Err(OrchestratorError::NotInRegistry { field, pool, name })
        }
        Err(source) => Err(OrchestratorError::ConfigImage { field, pool: pool.to_owned(), source }),
    }
}

/// Packs the rendered-config image of a MachineConfig: the image, its layer, and the digest of what
/// it was packed from.
///
/// # Errors
/// When the image cannot be written.
pub fn pack(
    machine_config: &MachineConfig,
    platform: &Platform,
) -> Result<(PackedImage, Layer, Digest), PackError> {
    let rendered = RenderedConfig {
        name: machine_config.name(),
        machine_config: machine_config.canonical_json(),
        ignition: machine_config.rendered_ignition(),
    };
    let (image, layer) = pack_rendered_config(&rendered, platform)?;
    Ok((image, layer, rendered.source_digest()?))
}
