//! A tar archive as the members of a layer, in the archive's order. The `tar` crate reads the old,
//! GNU and PAX forms; this file decides what of them is taken, and refuses what programs read
//! differently, so that nobody can hide a file from one of them.

mod records;

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use rustix::fs::OFlags;
use tar::EntryType;

use self::records::{Records, check_global};
use super::metered::{Meter, Metered};
use super::{PlainRoot, RootfsError, open_file};
use crate::image::layer::{LayerError, Member, MemberKind, TarWriter, relative_path};

/// Most bytes that describe one member: names, PAX records, the map of a sparse file.
const DESCRIPTION_LIMIT: u64 = 1 << 20;
/// Most bytes after the end of the archive: programs pad to their block size.
const PADDING_LIMIT: u64 = 16 << 20;

/// First bytes of what is no tar archive but might hold one.
const COMPRESSED: [(&[u8], &str); 3] =
    [(b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2")];
const GZIP: &[u8] = b"\x1f\x8b";

/// Appends every member of the archive.
pub(super) fn append_archive<W: Write>(
    path: &Path,
    tar: &mut TarWriter<W>,
) -> Result<(), RootfsError> {
    let damaged = damaged(path);
    let meter = Meter::default();
    let mut archive = tar::Archive::new(Metered::new(open(path)?, meter.clone()));
    meter.allow(DESCRIPTION_LIMIT);
    let mut entries = archive.entries().map_err(&damaged)?;
    loop {
        meter.allow(DESCRIPTION_LIMIT);
        let Some(entry) = entries.next() else {
            break;
        };
        let mut entry = entry.map_err(&damaged)?;
        meter.allow(entry.size().max(1));
        append(path, &mut entry, tar)?;
    }
    if meter.ended() {
        return Err(damaged(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "it is cut off: the two empty blocks at its end are missing",
        )));
    }
    // Also checks the checksum at the end of a gzip stream.
    meter.allow(PADDING_LIMIT);
    check_padding(&mut archive.into_inner()).map_err(&damaged)
}

/// Opens the archive, through a decompressor where it needs one.
fn open(path: &Path) -> Result<Box<dyn Read>, RootfsError> {
    let unreadable = |source| RootfsError::Unreadable { path: path.to_owned(), source };
    let (mut file, metadata) = open_file(path, OFlags::empty()).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(RootfsError::NotAFile { path: path.to_owned() });
    }
    let mut start = Vec::new();
    (&mut file).take(6).read_to_end(&mut start).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    if let Some((_, by)) = COMPRESSED.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err(RootfsError::Compressed { path: path.to_owned(), by });
    }
    let file = BufReader::with_capacity(64 << 10, file);
    Ok(if start.starts_with(GZIP) { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// Reads what follows the archive: empty blocks, and not endlessly many.
fn check_padding(rest: &mut dyn Read) -> io::Result<()> {
    let mut chunk = [0; 8192];
    let mut seen = 0;
    loop {
        let read = match rest.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        seen += read as u64;
        if seen >= PADDING_LIMIT || chunk[..read].iter().any(|byte| *byte != 0) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "something follows its end; archives that are glued together are not read",
            ));
        }
    }
}

fn append<W: Write>(
    archive: &Path,
    entry: &mut tar::Entry<'_, impl Read>,
    tar: &mut TarWriter<W>,
) -> Result<(), RootfsError> {
    let raw_path = entry.path_bytes().into_owned();
    let refuse = |problem| RootfsError::Member {
        path: archive.to_owned(),
        member: String::from_utf8_lossy(&raw_path).chars().take(200).collect(),
        problem,
    };
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return check_global(entry).map_err(refuse);
    }
    let records = Records::read(entry).map_err(refuse)?;
    let raw_target = entry.link_name_bytes().unwrap_or_default().into_owned();
    records.check(&raw_path, &raw_target).map_err(refuse)?;

    let path = relative_path(&raw_path);
    let size = entry.size();
    // Archives older than ustar mark directories by the slash alone.
    let is_directory = kind.is_dir() || (is_file(kind) && raw_path.ends_with(b"/"));
    if path.is_empty() && is_directory {
        return Ok(());
    }
    if size > 0 && (is_directory || !is_file(kind)) {
        return Err(refuse("only files have content; make the archive again"));
    }
    let target;
    let kind = match kind {
        _ if is_directory => MemberKind::Directory,
        kind if is_file(kind) => MemberKind::File { size },
        EntryType::Symlink => MemberKind::Symlink { target: &raw_target },
        EntryType::Link => {
            target = relative_path(&raw_target);
            MemberKind::HardLink { target: &target }
        }
        EntryType::Char | EntryType::Block => {
            let header = entry.header();
            let number = |number: io::Result<Option<u32>>| {
                number
                    .ok()
                    .flatten()
                    .ok_or_else(|| refuse("the numbers of this device cannot be read"))
            };
            let (major, minor) = (number(header.device_major())?, number(header.device_minor())?);
            if kind == EntryType::Char {
                MemberKind::CharacterDevice { major, minor }
            } else {
                MemberKind::BlockDevice { major, minor }
            }
        }
        EntryType::Fifo => MemberKind::Fifo,
        _ => return Err(refuse("members of its kind are not packed")),
    };
    let owner = |id: io::Result<u64>| {
        id.ok()
            .and_then(|id| u32::try_from(id).ok())
            .ok_or_else(|| refuse("its owner is no number below 2^32"))
    };
    let member = Member {
        path: &path,
        kind,
        mode: entry.header().mode().map_err(|_| refuse("its mode is no octal number"))? & 0o7777,
        uid: owner(entry.header().uid())?,
        gid: owner(entry.header().gid())?,
        capability: records.capability.as_deref(),
    };
    tar.append(&member, entry).map_err(|error| match error {
        LayerError::Read { source, .. } => damaged(archive)(source),
        // The archive, not the file in it, is shorter than was said.
        LayerError::Changed { .. } => damaged(archive)(io::ErrorKind::UnexpectedEof.into()),
        error => PlainRoot::Archive(archive.to_owned()).layer(error),
    })
}

fn damaged(archive: &Path) -> impl Fn(io::Error) -> RootfsError + '_ {
    move |source| RootfsError::Damaged { path: archive.to_owned(), source }
}

/// Whether members of this kind have content: contiguous and sparse files are files.
fn is_file(kind: EntryType) -> bool {
    kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()
}
