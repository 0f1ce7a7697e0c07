//! What can go wrong while a pool is worked on.

use std::path::PathBuf;

use crate::engine::buildah::BuildahError;
use crate::image::{CanonicalError, ManifestError, PackError, Platform};
use crate::plan::RecordError;
use crate::store::rootfs::RootfsError;
use crate::store::transfer::TransferError;
use crate::store::{AccessError, StoreError};

/// A pool could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum OrchestratorError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A store could not be opened.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// An image could not be read or moved.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// A plain root file system could not be packed.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// An image could not be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// An image could not be written.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// A config names something on disk.
    #[error(
        "the {field} of the config of pool {pool:?} must be an image in a registry, not {name}"
    )]
    NotInRegistry {
        /// The field of the MachineConfig.
        field: &'static str,
        /// The pool.
        pool: String,
        /// What it names.
        name: String,
    },
    /// A task of this process broke off. Does not happen; kept so that nothing can panic.
    #[error("a task of this process broke off")]
    Task(#[from] tokio::task::JoinError),
    /// The base, or another image that a build starts from, is not usable.
    #[error("the {what} {name} cannot be used")]
    Base {
        /// What it is.
        what: String,
        /// As the user named it.
        name: String,
        /// Why.
        source: ManifestError,
    },
    /// The base is for something else.
    #[error("the base {name} is for {found}, but the pool {pool:?} wants {wanted}")]
    BasePlatform {
        /// As the user named it.
        name: String,
        /// What its config says.
        found: Platform,
        /// The pool.
        pool: String,
        /// What the pool's file or this machine says.
        wanted: Platform,
    },
    /// No base is named anywhere.
    #[error(
        "pool {pool:?} has no base: name one in the pool file (`base:`), or use a config with an \
         osImageURL"
    )]
    NoBase {
        /// The pool.
        pool: String,
    },
    /// The config's osImageURL or extensions image is no image reference.
    #[error("{field} of the config of pool {pool:?}")]
    ConfigImage {
        /// The field of the MachineConfig.
        field: &'static str,
        /// The pool.
        pool: String,
        /// What is wrong with it.
        source: crate::store::LocationError,
    },
    /// This machine cannot build.
    #[error("this machine cannot build")]
    Engine(#[source] BuildahError),
    /// A build failed.
    #[error("the build of key {key} failed; its log is {log}")]
    Build {
        /// The first digits of the key.
        key: String,
        /// The kept log.
        log: PathBuf,
        /// How.
        source: BuildahError,
    },
    /// The image that was just recorded does not hold what a record must.
    #[error("the image that key {key} gave cannot be recorded")]
    Result {
        /// The first digits of the key.
        key: String,
        /// Why.
        source: RecordError,
    },
    /// A record that was there a moment ago is gone.
    #[error("the record of key {key} is gone; run again")]
    RecordGone {
        /// The first digits of the key.
        key: String,
    },
    /// The rendered-config stream does not hold the config any more.
    #[error(
        "the rendered-config stream of pool {pool:?} was moved to another config meanwhile; \
         run again"
    )]
    RenderedMoved {
        /// The pool.
        pool: String,
    },
    /// The user interrupted it.
    #[error("interrupted; the next run goes on from here")]
    Interrupted,
    /// The cache directory cannot be used.
    #[error("cannot use the cache directory {path}; name another with --cache-dir")]
    Cache {
        /// The path that failed.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl OrchestratorError {
    /// Whether what the user gave is at fault: the same would go wrong again.
    #[must_use]
    pub fn is_input(&self) -> bool {
        if let Self::Access(error) = self {
            return error.is_input();
        }
        matches!(
            self,
            Self::Base { .. }
                | Self::BasePlatform { .. }
                | Self::NoBase { .. }
                | Self::ConfigImage { .. }
                | Self::NotInRegistry { .. }
                | Self::Rootfs(_)
        )
    }
}

/// An error and its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
