//! Bases that are no images yet: a plain root file system, as a directory (`dir:PATH`) or as a tar
//! archive (`tar:PATH`), becomes one deterministic layer.
//!
//! It lies in `store/` because it is where an image comes from, as a registry or a layout is, and
//! because it reads disks, which `image/` must not. What the bytes of a layer are is decided there;
//! here is decided what of a file system goes in: files, directories, links, devices and named
//! pipes with their numeric owners, modes and file capabilities; no times, no names of owners, no
//! sockets, no other extended attributes (the labels of this machine's SELinux mean nothing in an
//! image), and no entry for the root itself.
//!
//! Compressing takes seconds for a large base, so there are two passes: [`PlainRoot::diff_id`] says
//! what it would be, and only if no store has that, [`PlainRoot::pack`] makes it. Everything here
//! blocks: call it from `tokio::task::spawn_blocking`.

mod archive;
mod directory;
mod error;
mod metered;

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use tempfile::{NamedTempFile, TempPath};

use crate::image::layer::{LayerError, LayerWriter, TarWriter};
use crate::image::{Descriptor, Digest, DigestWriter};

pub use error::RootfsError;

/// A plain root file system on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlainRoot {
    /// A directory. Other file systems mounted in it (a btrfs subvolume is one) are left out; their
    /// mount points stay, as empty directories. Files keep the owners that they have here: a tree
    /// that a user unpacked without being root belongs to that user in the image too.
    Directory(PathBuf),
    /// A tar archive, plain or compressed by gzip. Members keep the archive's order.
    Archive(PathBuf),
}

/// A layer in a file that disappears with this value.
#[derive(Debug)]
pub struct PackedLayer {
    /// The layer's bytes.
    pub file: TempPath,
    /// What they are.
    pub descriptor: Descriptor,
    /// Digest of the tar archive in them.
    pub diff_id: Digest,
}

impl PlainRoot {
    /// The digest of the tar archive that [`Self::pack`] would make, without making it.
    ///
    /// # Errors
    /// As [`Self::pack`].
    pub fn diff_id(&self) -> Result<Digest, RootfsError> {
        let mut tar = TarWriter::new(DigestWriter::new(io::sink()));
        self.append_to(&mut tar)?;
        let (_, digest, _) = tar.finish().map_err(|error| self.layer(error))?.finish();
        Ok(digest)
    }

    /// Packs the layer into a file in the directory `scratch`.
    ///
    /// # Errors
    /// When something cannot be read, changes while it is read, or cannot be in a layer; when an
    /// archive is damaged or has what readers understand differently; when `scratch` cannot be
    /// written or is full.
    pub fn pack(&self, scratch: &Path) -> Result<PackedLayer, RootfsError> {
        let unwritable = |source| RootfsError::Scratch { directory: scratch.to_owned(), source };
        let file = NamedTempFile::with_prefix_in("layer-", scratch).map_err(unwritable)?;
        let mut writer = LayerWriter::new(file);
        let packed = match self.append_to(writer.tar()) {
            Ok(()) => writer.finish().map_err(|error| self.layer(error)),
            Err(error) => Err(error),
        };
        let (file, descriptor, diff_id) = packed.map_err(|error| match error {
            RootfsError::Layer { source: LayerError::Write(source), .. } => unwritable(source),
            other => other,
        })?;
        Ok(PackedLayer { file: file.into_temp_path(), descriptor, diff_id })
    }

    fn append_to<W: Write>(&self, tar: &mut TarWriter<W>) -> Result<(), RootfsError> {
        match self {
            Self::Directory(path) => directory::append_directory(path, tar),
            Self::Archive(path) => archive::append_archive(path, tar),
        }
    }

    fn layer(&self, source: LayerError) -> RootfsError {
        RootfsError::Layer { root: self.to_string(), source }
    }
}

impl fmt::Display for PlainRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
            Self::Archive(path) => write!(f, "tar:{}", path.display()),
        }
    }
}

/// Opens what should be a regular file: does not wait for a writer where it is a pipe.
fn open_file(path: &Path, also: OFlags) -> io::Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | also;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    Ok((file, metadata))
}
