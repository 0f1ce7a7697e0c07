//! What can go wrong while a layer is written.

use std::io;

/// A layer could not be written. Paths are those within the layer.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A path that no layer may have.
    #[error("path {path:?} cannot be in a layer: {problem}")]
    Path {
        /// The path, as far as it can be shown.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The target of a link cannot be written.
    #[error("the link {path:?} cannot be in a layer: its target {problem}")]
    Target {
        /// The path of the link.
        path: String,
        /// What is wrong with its target.
        problem: &'static str,
    },
    /// One path twice.
    #[error("path {path:?} is in the layer twice; keep one of the two")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// Something lies below a path that is no directory.
    #[error("path {path:?} lies below {parent:?}, which is no directory in this layer")]
    Parent {
        /// The path below.
        path: String,
        /// What should be a directory.
        parent: String,
    },
    /// Device numbers that a tar header cannot hold.
    #[error(
        "the device {path:?} has number {major}:{minor}; a tar header holds at most 2097151 each"
    )]
    Device {
        /// The path of the device.
        path: String,
        /// Its major number.
        major: u32,
        /// Its minor number.
        minor: u32,
    },
    /// The content was not as long as was said.
    #[error("file {path:?} changed while it was read: it was {size} bytes long; try again")]
    Changed {
        /// The path of the file.
        path: String,
        /// The length that was announced, in bytes.
        size: u64,
    },
    /// The layer would be too big.
    #[error("with {path:?} the layer would be larger than {limit} bytes, the most that is packed")]
    TooLarge {
        /// The path of the file that is too much.
        path: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Too many members.
    #[error("the layer has more than {limit} members, the most that are packed")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The content of a file could not be read.
    #[error("cannot read the content of {path:?}")]
    Read {
        /// The path of the file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The layer could not be written.
    #[error("cannot write the layer")]
    Write(#[source] io::Error),
}
