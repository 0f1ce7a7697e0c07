//! How builds run. An engine gets a [`BuildSpec`] in which everything is a digest, and gives a
//! [`Built`] image. It knows nothing of pools, streams or records.

use std::path::PathBuf;
use std::str::FromStr;

use crate::image::{Config, Descriptor, Digest, OwnLayer, Platform};

pub mod buildah;
pub mod recipe;
mod scratch;

pub use scratch::{Scratch, sweep};

/// The platform that this machine can run steps for, in the words of image configs.
#[must_use]
pub fn this_machine() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    };
    Platform { architecture: architecture.to_owned(), ..Platform::linux_amd64() }
}

/// What the user can ask for with `--engine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineChoice {
    /// The first engine that can do the job.
    Auto,
    /// In this process.
    Native,
    /// `buildah build` on this machine.
    Buildah,
}

/// An engine cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineChoiceError {
    /// There is no such engine.
    #[error("there is no engine {0:?}; engines are auto, native and buildah")]
    Unknown(String),
    /// It is not made yet.
    #[error("the engine native is not in this version; use auto or buildah")]
    NotYet,
}

impl FromStr for EngineChoice {
    type Err = EngineChoiceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "native" => Ok(Self::Native),
            "buildah" => Ok(Self::Buildah),
            other => Err(EngineChoiceError::Unknown(other.chars().take(40).collect())),
        }
    }
}

impl EngineChoice {
    /// Checks that this version has the engine. `auto` always finds one: buildah.
    ///
    /// # Errors
    /// When it has not.
    pub fn available(self) -> Result<(), EngineChoiceError> {
        match self {
            Self::Native => Err(EngineChoiceError::NotYet),
            Self::Auto | Self::Buildah => Ok(()),
        }
    }
}

/// A build, with everything in it resolved.
#[derive(Debug)]
pub struct BuildSpec {
    /// The Dockerfile.
    pub dockerfile: String,
    /// The base that the last stage begins with, and the build argument that hands it in.
    pub base: PinnedImage,
    /// The config of the base.
    pub base_config: Config,
    /// The layers of the base, lowest first.
    pub base_layers: Vec<Descriptor>,
    /// All other images.
    pub images: Vec<PinnedImage>,
    /// What the image must run on.
    pub platform: Platform,
    /// Whether steps may reach the network. Without it, a recipe that gives the same image every
    /// time cannot begin to depend on what a server says today.
    pub network: bool,
    /// Where the log of the build is kept.
    pub log: PathBuf,
}

/// An image that a build names, by digest.
#[derive(Debug, Clone)]
pub struct PinnedImage {
    /// The build argument that hands it in.
    pub argument: &'static str,
    /// Where it is.
    pub place: ImagePlace,
    /// Digest of its config, which container tools call the image ID.
    pub image_id: Digest,
    /// Whether the engine should keep it: a base is needed again, a rendered config is not.
    pub keep: bool,
}

/// Where an engine finds an image.
#[derive(Debug, Clone)]
pub enum ImagePlace {
    /// In a registry.
    Registry {
        /// `host[:port]/repository`.
        name: String,
        /// Digest of the manifest.
        digest: Digest,
        /// How the registry is talked to.
        access: RegistryAccess,
    },
    /// In an OCI image layout, under a reference name.
    Layout {
        /// The layout's directory.
        dir: PathBuf,
        /// The reference name.
        name: String,
    },
}

/// How an engine talks to a registry.
#[derive(Debug, Clone, Default)]
pub struct RegistryAccess {
    /// Whether TLS may be missing or unverified.
    pub insecure: bool,
    /// An auth file, where credentials are needed.
    pub authfile: Option<PathBuf>,
    /// A file with certificates to trust, beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// What an engine made: the layers above the base and the config that goes with them.
#[derive(Debug)]
pub struct Built {
    /// The engine and its version, for the record.
    pub engine: String,
    /// The image's config as the engine wrote it.
    pub config: Config,
    /// The layers above the base, lowest first, with the files that hold them. One that the base has
    /// too has no file.
    pub layers: Vec<(OwnLayer, Option<PathBuf>)>,
    /// Keeps those files until they are used.
    pub scratch: Scratch,
}
