//! What the orchestrator is given to work with.

use std::path::PathBuf;

use crate::engine::EngineChoice;
use crate::image::{Digest, PackedImage, Platform};
use crate::image::layer::Layer;
use crate::machineconfig::MachineConfig;
use crate::plan::Rendered;
use crate::store::{Access, Home, Location, StoreLocation};

/// What all pools of a run share.
#[derive(Debug)]
pub struct Context {
    /// Where the images live.
    pub store: Home,
    /// The same, as a person would name it.
    pub store_location: StoreLocation,
    /// How registries are talked to.
    pub access: Access,
    /// How builds run.
    pub engine: EngineChoice,
    /// What may be deleted at any time: pulled bases, logs, scratch files.
    pub cache: PathBuf,
}

/// One pool, with its config read and packed.
#[derive(Debug)]
pub struct PoolTask {
    /// The pool's name.
    pub pool: String,
    /// Its rendered config.
    pub machine_config: MachineConfig,
    /// The rendered config as canonical JSON.
    pub document: Vec<u8>,
    /// Digest of its converted Ignition.
    pub ignition: Digest,
    /// The rendered-config image.
    pub image: PackedImage,
    /// The one layer of that image.
    pub layer: Layer,
    /// What the plan knows of it.
    pub rendered: Rendered,
    /// The tag that names it, derived from its name.
    pub tag: String,
    /// The base, where the pool file or the config names one.
    pub base: Option<Location>,
    /// What the content image is for.
    pub platform: Platform,
    /// Build even though there is a record.
    pub force: bool,
}

/// Where the orchestrator says what it does. Nothing it says is data.
pub trait Report: Send + Sync {
    /// Something was decided or done about a pool: one line.
    fn line(&self, pool: &str, text: &str);

    /// A line of a build's log.
    fn log(&self, line: &str);

    /// Something that takes longer begins, with the number of bytes to move where it is known.
    fn begin(&self, what: &str, bytes: Option<u64>) -> Box<dyn Progress>;
}

/// Something that takes longer. Dropping it ends it.
pub trait Progress: Send + Sync {
    /// So many more bytes were moved.
    fn moved(&self, bytes: u64);
}
