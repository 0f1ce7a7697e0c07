//! A directory as the members of a layer: depth first, the names of each directory in the order
//! of their bytes (what `tar --sort=name` does), hard links by device and inode.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use walkdir::{DirEntry, WalkDir};
use xattr::FileExt;

use super::{PlainRoot, RootfsError, open_file};
use crate::image::layer::{Member, MemberKind, TarWriter};

/// The extended attribute that is kept.
const CAPABILITY: &str = "security.capability";

/// Appends everything below `root`.
pub(super) fn append_directory<W: Write>(
    root: &Path,
    tar: &mut TarWriter<W>,
) -> Result<(), RootfsError> {
    if !root.metadata().map_err(unreadable(root))?.is_dir() {
        return Err(RootfsError::NotADirectory { path: root.to_owned() });
    }
    let mut packer = Packer { root, tar, linked: HashMap::new() };
    let walk = WalkDir::new(root).min_depth(1).same_file_system(true).sort_by_file_name();
    for entry in walk {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_owned();
            RootfsError::Unreadable { path, source: error.into() }
        })?;
        packer.append(&entry)?;
    }
    Ok(())
}

struct Packer<'a, W> {
    root: &'a Path,
    tar: &'a mut TarWriter<W>,
    /// First path of every inode with several names.
    linked: HashMap<(u64, u64), Vec<u8>>,
}

impl<W: Write> Packer<'_, W> {
    fn append(&mut self, entry: &DirEntry) -> Result<(), RootfsError> {
        let path = entry.path();
        let metadata = entry.metadata().map_err(|error| unreadable(path)(error.into()))?;
        let name = path
            .strip_prefix(self.root)
            .map_err(|error| unreadable(path)(io::Error::other(error)))?
            .as_os_str()
            .as_bytes();

        let kind = metadata.file_type();
        if kind.is_socket() {
            return Ok(());
        }
        if !kind.is_dir() && metadata.nlink() > 1 {
            let inode = (metadata.dev(), metadata.ino());
            if let Some(first) = self.linked.get(&inode) {
                let target = first.clone();
                return self.plain(name, &metadata, MemberKind::HardLink { target: &target });
            }
            self.linked.insert(inode, name.to_vec());
        }
        if kind.is_file() {
            return self.file(path, name, &metadata);
        }
        if kind.is_symlink() {
            let target = path.read_link().map_err(unreadable(path))?;
            let target = target.as_os_str().as_bytes();
            return self.plain(name, &metadata, MemberKind::Symlink { target });
        }
        let (major, minor) =
            (rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev()));
        let kind = if kind.is_dir() {
            MemberKind::Directory
        } else if kind.is_char_device() {
            MemberKind::CharacterDevice { major, minor }
        } else if kind.is_block_device() {
            MemberKind::BlockDevice { major, minor }
        } else if kind.is_fifo() {
            MemberKind::Fifo
        } else {
            return Err(unreadable(path)(io::ErrorKind::Unsupported.into()));
        };
        self.plain(name, &metadata, kind)
    }

    fn file(&mut self, path: &Path, name: &[u8], found: &Metadata) -> Result<(), RootfsError> {
        let (mut file, metadata) = open_file(path, OFlags::NOFOLLOW).map_err(unreadable(path))?;
        let inode = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        // A name that means another file now could lead out of the root file system.
        if inode(&metadata) != inode(found) || !metadata.is_file() {
            return Err(RootfsError::Changed { path: path.to_owned() });
        }
        let capability = match file.get_xattr(CAPABILITY) {
            Ok(value) => value,
            // This file system has no such attributes.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::OPNOTSUPP) => None,
            Err(error) => return Err(unreadable(path)(error)),
        };
        let kind = MemberKind::File { size: metadata.size() };
        let member = Member { capability: capability.as_deref(), ..member(name, &metadata, kind) };
        self.write(&member, &mut file)
    }

    fn plain(
        &mut self,
        name: &[u8],
        metadata: &Metadata,
        kind: MemberKind<'_>,
    ) -> Result<(), RootfsError> {
        self.write(&member(name, metadata, kind), &mut io::empty())
    }

    fn write(
        &mut self,
        member: &Member<'_>,
        content: &mut dyn io::Read,
    ) -> Result<(), RootfsError> {
        self.tar
            .append(member, content)
            .map_err(|error| PlainRoot::Directory(self.root.to_owned()).layer(error))
    }
}

fn member<'a>(path: &'a [u8], metadata: &Metadata, kind: MemberKind<'a>) -> Member<'a> {
    Member {
        path,
        kind,
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        capability: None,
    }
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> RootfsError + '_ {
    move |source| RootfsError::Unreadable { path: path.to_owned(), source }
}
