//! What can go wrong while a plain root file system is packed.

use std::io;
use std::path::PathBuf;

use crate::image::layer::LayerError;

/// A plain root file system could not be packed.
#[derive(Debug, thiserror::Error)]
pub enum RootfsError {
    /// `dir:` names something else.
    #[error("{path} is no directory; for an archive write tar:PATH")]
    NotADirectory {
        /// What was named.
        path: PathBuf,
    },
    /// `tar:` names something else.
    #[error(
        "{path} is no regular file; for a directory write dir:PATH, and save what comes through a \
         pipe in a file first"
    )]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// Something cannot be read.
    #[error("cannot read {path}; pack as a user who may read the whole root file system")]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something was replaced while the directory was read.
    #[error("{path} changed while it was read; try again when nothing writes there")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The archive is compressed by something else than gzip.
    #[error("{path} is compressed by {by}; decompress it, or compress it by gzip")]
    Compressed {
        /// The archive.
        path: PathBuf,
        /// The compressor.
        by: &'static str,
    },
    /// The archive is damaged, or is none.
    #[error("{path} is no tar archive that can be read to its end; make it again")]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The archive has something that is not packed.
    #[error("member {member:?} of {path}: {problem}")]
    Member {
        /// The archive.
        path: PathBuf,
        /// The member.
        member: String,
        /// What is wrong with it and what helps.
        problem: &'static str,
    },
    /// What was read cannot be a layer.
    #[error("cannot pack {root} as a layer")]
    Layer {
        /// The root file system, `dir:PATH` or `tar:PATH`.
        root: String,
        /// Why.
        #[source]
        source: LayerError,
    },
    /// The layer cannot be written.
    #[error(
        "cannot write the layer below {directory}; make room there, or name another directory \
         for temporary files"
    )]
    Scratch {
        /// The directory for temporary files.
        directory: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}
