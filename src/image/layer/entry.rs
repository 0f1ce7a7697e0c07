//! Layers from files in memory.

use super::error::LayerError;
use super::header::{Member, MemberKind};
use super::writer::LayerWriter;
use crate::image::{Descriptor, Digest};

/// One file, directory, link or removal in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path: relative, in bytes, without empty, `.` or `..` components.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits with set-id and sticky bits; not used for symbolic links and whiteouts.
    pub mode: u32,
    /// Number of the owner.
    pub uid: u32,
    /// Number of the owning group.
    pub gid: u32,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file with this content.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link to this target.
    Symlink(Vec<u8>),
    /// Another name of the file at this path of the same layer.
    HardLink(Vec<u8>),
    /// Removes the path that lower layers have.
    Whiteout,
    /// Hides what lower layers have below the directory at the path.
    OpaqueWhiteout,
}

impl Entry {
    /// An entry of root's.
    pub fn new(path: impl Into<Vec<u8>>, kind: EntryKind, mode: u32) -> Self {
        Self { path: path.into(), kind, mode, uid: 0, gid: 0 }
    }

    fn member(&self) -> Member<'_> {
        let kind = match &self.kind {
            EntryKind::File(content) => MemberKind::File { size: content.len() as u64 },
            EntryKind::Directory => MemberKind::Directory,
            EntryKind::Symlink(target) => MemberKind::Symlink { target },
            EntryKind::HardLink(target) => MemberKind::HardLink { target },
            EntryKind::Whiteout => MemberKind::Whiteout,
            EntryKind::OpaqueWhiteout => MemberKind::OpaqueWhiteout,
        };
        Member {
            path: &self.path,
            kind,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            capability: None,
        }
    }
}

/// A layer in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// What `bytes` are.
    pub descriptor: Descriptor,
    /// Digest of the tar archive in them (image-spec, config.md, "Layer DiffID").
    pub diff_id: Digest,
    /// The layer as it is stored: a tar archive, or one compressed.
    pub bytes: Vec<u8>,
}

/// Packs entries, in whatever order they come: they are written in the order of the bytes of their
/// names in the archive, hard links after everything else, since they follow what they name.
/// Parents are in the layer only where an entry says so.
///
/// # Errors
/// When an entry cannot be in a layer, or two of them not in one: a path twice, something below
/// what is no directory, a hard link to what is not in the layer.
pub fn write_layer(entries: impl IntoIterator<Item = Entry>) -> Result<Layer, LayerError> {
    let mut entries: Vec<Entry> = entries.into_iter().collect();
    entries.sort_by_cached_key(|entry| {
        let is_link = matches!(entry.kind, EntryKind::HardLink(_));
        (is_link, entry.member().name())
    });
    let mut writer = LayerWriter::new(Vec::new());
    for entry in &entries {
        let content: &[u8] = match &entry.kind {
            EntryKind::File(content) => content,
            _ => b"",
        };
        writer.tar().append(&entry.member(), &mut &*content)?;
    }
    let (bytes, descriptor, diff_id) = writer.finish()?;
    Ok(Layer { descriptor, diff_id, bytes })
}
