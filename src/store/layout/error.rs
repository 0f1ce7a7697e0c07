//! What can go wrong with a layout, and what helps.

use std::io;
use std::path::{Path, PathBuf};

use crate::image::{Digest, ManifestError};
use crate::store::ContentFault;

/// A layout could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// There is nothing at the path.
    #[error(
        "there is no OCI image layout at {dir}; push an image to it, or name another directory"
    )]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
    /// There is something else at the path.
    #[error(
        "{dir} is not empty and is no OCI image layout: it has no file oci-layout; name another \
         directory, or an empty one"
    )]
    NotALayout {
        /// The directory.
        dir: PathBuf,
    },
    /// A layout of a version that nobody knows here.
    #[error("the layout {dir} has version {version:?}; only 1.0.0 is known")]
    Version {
        /// The directory.
        dir: PathBuf,
        /// What its `oci-layout` says.
        version: String,
    },
    /// A file of the layout that cannot be understood.
    #[error("{path} is malformed: {problem}; repair it, or name another directory")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        problem: String,
    },
    /// A file of the layout that is larger than any such file.
    #[error("{path} would be or is larger than {limit} bytes, the most that is read of it")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Something in the layout leads out of it, or is no file or directory where one is needed.
    #[error("{path} is a symbolic link or of another wrong kind; a layout's files must lie in it")]
    WrongKind {
        /// What it is.
        path: PathBuf,
    },
    /// A name that readers of layouts would not find, or not tell apart.
    #[error(
        "{name:?} cannot name an image in a layout; names have letters, digits and -._+@/ in them, \
         and one colon before the tag"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Two entries of one name.
    #[error("{path} has the name {name:?} on {count} different images; remove all but one")]
    Ambiguous {
        /// The index.
        path: PathBuf,
        /// The name.
        name: String,
        /// How many images.
        count: usize,
    },
    /// No name was given, and there is more than one image.
    #[error("{dir} holds {count} images; say which, as oci:DIR:NAME: {names}")]
    WhichOne {
        /// The directory.
        dir: PathBuf,
        /// How many.
        count: usize,
        /// Some of their names.
        names: String,
    },
    /// A blob that is not there.
    #[error("blob {digest} is not in the layout {dir}, though it is needed; push the image again")]
    MissingBlob {
        /// The directory.
        dir: PathBuf,
        /// The blob.
        digest: Digest,
    },
    /// Bytes that are not what their descriptor says.
    #[error(
        "{what} is not what its descriptor says: {fault}; remove it, then push the image again"
    )]
    Content {
        /// The file, or what was to be written.
        what: String,
        /// How.
        fault: ContentFault,
    },
    /// A document that is no manifest or index, or is two things to two readers.
    #[error("{digest} in the layout {dir} cannot be used: {problem}")]
    NotAManifest {
        /// The directory.
        dir: PathBuf,
        /// The document.
        digest: Digest,
        /// Why.
        problem: &'static str,
    },
    /// A manifest that cannot be read.
    #[error("cannot put {digest} into the layout {dir}")]
    Manifest {
        /// The directory.
        dir: PathBuf,
        /// The document.
        digest: Digest,
        /// Why.
        #[source]
        source: Box<ManifestError>,
    },
    /// The bytes of a blob stopped coming.
    #[error("cannot read blob {digest} to put it into the layout {dir}")]
    Source {
        /// The directory.
        dir: PathBuf,
        /// The blob.
        digest: Digest,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nothing can be written.
    #[error("cannot write {path}: it is read-only; name a directory that can be written")]
    ReadOnly {
        /// What was to be written.
        path: PathBuf,
    },
    /// This user may not.
    #[error("cannot {doing} {path}: this user may not; change its owner or mode")]
    Denied {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
    },
    /// No room.
    #[error("cannot write {path}: the disk or the quota is full; make room and run again")]
    Full {
        /// What was to be written.
        path: PathBuf,
    },
    /// Another process does not let go.
    #[error(
        "{path} has been locked by another process for {seconds} s; see whether one hangs, then \
         run again"
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long this one waited.
        seconds: u64,
    },
    /// The system would not, for another reason.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program is ending while the layout is at work.
    #[error("the work on the layout {dir} was broken off")]
    BrokenOff {
        /// The directory.
        dir: PathBuf,
    },
}

impl LayoutError {
    /// Whether something in the layout is missing or not what it is named, while the layout itself
    /// can be read.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::MissingBlob { .. }
                | Self::Content { .. }
                | Self::NotAManifest { .. }
                | Self::TooLarge { .. }
        )
    }

    /// Whether the directory cannot be a layout at all.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::NotALayout { .. }
                | Self::Version { .. }
                | Self::Malformed { .. }
                | Self::WrongKind { .. }
                | Self::Name { .. }
                | Self::Ambiguous { .. }
                | Self::WhichOne { .. }
        )
    }

    /// Gives what the system said a name and a remedy.
    pub(super) fn from_io(
        doing: &'static str,
        path: impl AsRef<Path>,
        source: impl Into<io::Error>,
    ) -> Self {
        let (path, source) = (path.as_ref().to_owned(), source.into());
        match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::PermissionDenied => Self::Denied { doing, path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Io { doing, path, source },
        }
    }
}
