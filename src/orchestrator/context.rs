//! What the orchestrator is given to work with.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Mutex;

use super::OrchestratorError;
use crate::engine::{ImagePlace, RegistryAccess, Scratch};
use crate::image::Digest;
use crate::plan::{Key, Step};
use crate::store::{Access, Home, StoreLocation};

/// What all pools of a run share.
#[derive(Debug)]
pub struct Context {
    /// Where the images live.
    pub store: Home,
    /// The same, as a person would name it.
    pub location: StoreLocation,
    /// How registries are talked to.
    pub access: Access,
    /// What may be deleted at any time: pulled bases, logs, scratch files.
    pub cache: PathBuf,
    /// Keys that this run built although they had an image.
    pub forced: Mutex<HashSet<Key>>,
}

impl Context {
    /// Whether this run built a key although it had an image.
    #[must_use]
    pub fn was_forced(&self, key: Key) -> bool {
        self.forced.lock().is_ok_and(|keys| keys.contains(&key))
    }

    /// Remembers that this run built a key although it had an image.
    pub fn remember_forced(&self, key: Key) {
        // A poisoned lock costs one more build that the user asked for anyway.
        let _ = self.forced.lock().map(|mut keys| keys.insert(key));
    }

    /// A directory for files that nobody needs after this run.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn scratch(&self) -> Result<Scratch, OrchestratorError> {
        Scratch::create(&self.cache)
            .map_err(|source| OrchestratorError::Cache { path: self.cache.clone(), source })
    }

    /// Where an engine finds an image of a stream.
    #[must_use]
    pub fn place(&self, stream: &str, tag: &str, digest: Digest) -> ImagePlace {
        match &self.location {
            StoreLocation::Registry { host, prefix } if prefix.is_empty() => {
                self.registry_place(host, stream, digest)
            }
            StoreLocation::Registry { host, prefix } => {
                self.registry_place(host, &format!("{prefix}/{stream}"), digest)
            }
            StoreLocation::Layout(dir) => {
                ImagePlace::Layout { dir: dir.clone(), name: format!("{stream}:{tag}") }
            }
        }
    }

    /// Where an engine finds an image of a registry.
    #[must_use]
    pub fn registry_place(&self, host: &str, repository: &str, digest: Digest) -> ImagePlace {
        let access = RegistryAccess {
            insecure: self.access.without_tls(host),
            authfile: self.access.authfile.clone(),
            ca_file: self.access.ca_file.clone(),
        };
        ImagePlace::Registry { name: format!("{host}/{repository}"), digest, access }
    }
}

/// Where the orchestrator says what it does. Nothing it says is data.
pub trait Report: Send + Sync {
    /// A step is about to be performed.
    fn step(&self, pool: &str, step: &Step);

    /// Something to know about a pool: one line.
    fn note(&self, pool: &str, text: &str);

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
