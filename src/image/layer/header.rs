//! Tar headers (POSIX.1-2008, pax, "ustar Interchange Format" and "pax Extended Header").
//!
//! A member is plain `ustar` where that holds it. Otherwise a PAX header goes before it, with
//! records in the order of their keys and only those that are needed. The prefix field of `ustar`
//! is not used: readers disagree about it, and one way to write a long path is enough.

use super::error::LayerError;
use super::path::{OPAQUE, WHITEOUT_PREFIX, check_path, check_target, shown, split_name};

/// Size of a block: headers and padded contents come in blocks.
pub(super) const BLOCK: usize = 512;
/// Bytes of a path or link target in a header.
const NAME_FIELD: usize = 100;
/// Largest number in seven octal digits: owners and device numbers.
const OCTAL_7: u32 = 0o777_7777;
/// Largest number in eleven octal digits: the length of a file.
const OCTAL_11: u64 = 0o777_7777_7777;
/// Mode of symbolic links everywhere: Linux has no other.
const SYMLINK_MODE: u32 = 0o777;

/// One member of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Path: relative, without `.`, `..` or a trailing slash.
    pub path: &'a [u8],
    /// What it is.
    pub kind: MemberKind<'a>,
    /// Permission bits with set-id and sticky bits, `0o7777` at most. Links and whiteouts have
    /// none of their own.
    pub mode: u32,
    /// Number of the owner.
    pub uid: u32,
    /// Number of the owning group.
    pub gid: u32,
    /// Value of the extended attribute `security.capability`, for files.
    pub capability: Option<&'a [u8]>,
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind<'a> {
    /// A regular file of this length, in bytes.
    File {
        /// Length of the content.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// What it says, as it is.
        target: &'a [u8],
    },
    /// Another name of a member that came before.
    HardLink {
        /// Path of that member.
        target: &'a [u8],
    },
    /// A character device.
    CharacterDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
    /// Removes the path that lower layers have (image-spec, layer.md, "Whiteouts").
    Whiteout,
    /// Hides what lower layers have below the directory at the path.
    OpaqueWhiteout,
}

impl Member<'_> {
    /// The path as the archive spells it, whiteouts as their marker files; directories without
    /// the slash that their header has.
    pub(super) fn name(&self) -> Vec<u8> {
        match self.kind {
            MemberKind::Whiteout => {
                let (directory, name) = split_name(self.path);
                [directory, WHITEOUT_PREFIX, name].concat()
            }
            MemberKind::OpaqueWhiteout => [self.path, b"/", OPAQUE].concat(),
            _ => self.path.to_vec(),
        }
    }

    /// Length of the content that follows the header.
    pub(super) fn size(&self) -> u64 {
        match self.kind {
            MemberKind::File { size } => size,
            _ => 0,
        }
    }

    /// The blocks before the content.
    pub(super) fn header(&self) -> Result<Vec<u8>, LayerError> {
        self.check()?;
        let mut name = self.name();
        if self.kind == MemberKind::Directory {
            name.push(b'/');
        }
        let (kind, target, device) = self.shape();
        let (mode, uid, gid) = self.owner();
        let size = self.size();

        let mut records = Vec::new();
        if let (Some(value), MemberKind::File { .. }) = (self.capability, self.kind) {
            records.push(("SCHILY.xattr.security.capability", value.to_vec()));
        }
        if gid > OCTAL_7 {
            records.push(("gid", gid.to_string().into_bytes()));
        }
        if !fits(target) {
            records.push(("linkpath", target.to_vec()));
        }
        if !fits(&name) {
            records.push(("path", name.clone()));
        }
        if size > OCTAL_11 {
            records.push(("size", size.to_string().into_bytes()));
        }
        if uid > OCTAL_7 {
            records.push(("uid", uid.to_string().into_bytes()));
        }

        let mut blocks = pax_blocks(&records);
        let mut header = tar::Header::new_ustar();
        copy_name(&mut header.as_old_mut().name, &name);
        copy_name(&mut header.as_old_mut().linkname, target);
        header.set_entry_type(kind);
        header.set_mode(mode);
        // What octal digits cannot hold is written in binary, and in a record above it.
        header.set_uid(uid.into());
        header.set_gid(gid.into());
        header.set_size(size);
        if let Some((major, minor)) = device
            && let Some(ustar) = header.as_ustar_mut()
        {
            ustar.set_device_major(major);
            ustar.set_device_minor(minor);
        }
        header.set_cksum();
        blocks.extend_from_slice(header.as_bytes());
        Ok(blocks)
    }

    fn check(&self) -> Result<(), LayerError> {
        check_path(self.path)
            .map_err(|problem| LayerError::Path { path: shown(self.path), problem })?;
        let target = match self.kind {
            MemberKind::Symlink { target } => check_target(target),
            MemberKind::HardLink { target } => {
                check_path(target).map_err(|_| "is no relative path within the layer")
            }
            MemberKind::CharacterDevice { major, minor }
            | MemberKind::BlockDevice { major, minor }
                if major.max(minor) > OCTAL_7 =>
            {
                return Err(LayerError::Device { path: shown(self.path), major, minor });
            }
            _ => Ok(()),
        };
        target.map_err(|problem| LayerError::Target { path: shown(self.path), problem })
    }

    /// Type flag, link target and device numbers.
    fn shape(&self) -> (tar::EntryType, &[u8], Option<(u32, u32)>) {
        match self.kind {
            MemberKind::File { .. } | MemberKind::Whiteout | MemberKind::OpaqueWhiteout => {
                (tar::EntryType::Regular, b"", None)
            }
            MemberKind::Directory => (tar::EntryType::Directory, b"", None),
            MemberKind::Symlink { target } => (tar::EntryType::Symlink, target, None),
            MemberKind::HardLink { target } => (tar::EntryType::Link, target, None),
            MemberKind::CharacterDevice { major, minor } => {
                (tar::EntryType::Char, b"", Some((major, minor)))
            }
            MemberKind::BlockDevice { major, minor } => {
                (tar::EntryType::Block, b"", Some((major, minor)))
            }
            MemberKind::Fifo => (tar::EntryType::Fifo, b"", None),
        }
    }

    /// Mode and owners as the header has them.
    fn owner(&self) -> (u32, u32, u32) {
        match self.kind {
            MemberKind::Symlink { .. } => (SYMLINK_MODE, self.uid, self.gid),
            MemberKind::Whiteout | MemberKind::OpaqueWhiteout => (0, 0, 0),
            _ => (self.mode & 0o7777, self.uid, self.gid),
        }
    }
}

/// Whether a path or target goes into its field: `ustar` promises ASCII only.
fn fits(name: &[u8]) -> bool {
    name.len() <= NAME_FIELD && name.is_ascii()
}

/// Fills a name field; one that does not fit leaves a legible stump for readers without PAX.
fn copy_name(field: &mut [u8; NAME_FIELD], name: &[u8]) {
    for (slot, byte) in field.iter_mut().zip(name) {
        *slot = if byte.is_ascii() { *byte } else { b'_' };
    }
}

/// The blocks of a PAX header with these records; none when there are none.
fn pax_blocks(records: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        // "LENGTH KEY=VALUE\n", where LENGTH counts its own digits too.
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        body.extend_from_slice(format!("{length} {key}=").as_bytes());
        body.extend_from_slice(value);
        body.push(b'\n');
    }
    if body.is_empty() {
        return body;
    }
    let mut header = tar::Header::new_ustar();
    // The name that Python and bsdtar give it: readers without PAX know to drop such a file.
    copy_name(&mut header.as_old_mut().name, b"././@PaxHeader");
    header.set_entry_type(tar::EntryType::XHeader);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(body.len() as u64);
    header.set_cksum();
    let mut blocks = header.as_bytes().to_vec();
    blocks.append(&mut body);
    blocks.resize(blocks.len().next_multiple_of(BLOCK), 0);
    blocks
}
