//! Writes members one after the other as a tar archive, and as a layer.

use std::io::{Read, Write};

use super::encoder::Encoder;
use super::error::LayerError;
use super::header::{BLOCK, Member, MemberKind};
use super::ledger::{Ledger, Place};
use super::path::shown;
use crate::image::{Descriptor, Digest, DigestWriter};

/// Largest tar that is packed, in bytes: 64 GiB. Archives can announce files of any length that
/// take no room in them (sparse files); this keeps such a file from filling a disk.
pub const TAR_LIMIT: u64 = 64 << 30;

/// How much of a file is read at once.
const CHUNK: usize = 64 << 10;

/// A deterministic tar archive while it is written.
#[derive(Debug)]
pub struct TarWriter<W> {
    out: W,
    ledger: Ledger,
    written: u64,
    chunk: Vec<u8>,
}

impl<W: Write> TarWriter<W> {
    /// An archive that goes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, ledger: Ledger::default(), written: 0, chunk: vec![0; CHUNK] }
    }

    /// Appends a member; `content` is read to its end, and only for files.
    ///
    /// # Errors
    /// When the member cannot be in a layer, or not in this one any more; when `content` is not
    /// as long as the member says; when reading or writing fails. The archive is then unfinished
    /// and useless.
    pub fn append(
        &mut self,
        member: &Member<'_>,
        content: &mut dyn Read,
    ) -> Result<(), LayerError> {
        let header = member.header()?;
        self.enter(member)?;
        let size = member.size();
        let ahead = (header.len() as u64).saturating_add(size);
        if self.written.saturating_add(ahead) > TAR_LIMIT {
            return Err(LayerError::TooLarge { path: shown(member.path), limit: TAR_LIMIT });
        }
        self.write(&header)?;
        if let MemberKind::File { size } = member.kind {
            self.copy(member.path, size, content)?;
        }
        Ok(())
    }

    /// Ends the archive with its two empty blocks and gives `out` back.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(mut self) -> Result<W, LayerError> {
        self.write(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }

    fn enter(&mut self, member: &Member<'_>) -> Result<(), LayerError> {
        let place = match member.kind {
            MemberKind::Directory => Place::Directory,
            MemberKind::Whiteout => Place::Removed,
            // A marker in the directory: it stands at its own name, beside what is in there.
            MemberKind::OpaqueWhiteout => return self.ledger.enter(&member.name(), Place::Leaf),
            MemberKind::HardLink { target } if !self.ledger.can_be_linked(target) => {
                return Err(LayerError::Target {
                    path: shown(member.path),
                    problem: "is no file that is in the layer before it",
                });
            }
            _ => Place::Leaf,
        };
        self.ledger.enter(member.path, place)
    }

    fn copy(&mut self, path: &[u8], size: u64, content: &mut dyn Read) -> Result<(), LayerError> {
        let changed = || LayerError::Changed { path: shown(path), size };
        let mut chunk = std::mem::take(&mut self.chunk);
        let mut left = size;
        loop {
            let read = match content.read(&mut chunk) {
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(LayerError::Read { path: shown(path), source });
                }
            };
            if read == 0 {
                break;
            }
            left = left.checked_sub(read as u64).ok_or_else(changed)?;
            self.write(&chunk[..read])?;
        }
        self.chunk = chunk;
        if left > 0 {
            return Err(changed());
        }
        let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
        self.write(&[0; BLOCK][..(BLOCK - over) % BLOCK])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LayerError> {
        self.out.write_all(bytes).map_err(LayerError::Write)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// A layer while it is written: a tar archive, plain or compressed by its size, with the digests
/// of both. Memory stays below a few times [`super::PLAIN_LAYER_LIMIT`], however large the layer.
#[derive(Debug)]
pub struct LayerWriter<W: Write> {
    tar: TarWriter<DigestWriter<Encoder<DigestWriter<W>>>>,
}

impl<W: Write> LayerWriter<W> {
    /// A layer whose bytes go to `out`.
    pub fn new(out: W) -> Self {
        let encoder = Encoder::new(DigestWriter::new(out));
        Self { tar: TarWriter::new(DigestWriter::new(encoder)) }
    }

    /// The archive to append members to.
    pub fn tar(&mut self) -> &mut TarWriter<impl Write + use<W>> {
        &mut self.tar
    }

    /// Ends the layer: the writer, what the bytes written to it are, and the digest of the tar
    /// archive in them (image-spec, config.md, "Layer DiffID").
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(self) -> Result<(W, Descriptor, Digest), LayerError> {
        let (encoder, diff_id, _) = self.tar.finish()?.finish();
        let (out, media_type) = encoder.finish().map_err(LayerError::Write)?;
        let (out, digest, size) = out.finish();
        let descriptor = Descriptor { media_type: media_type.to_owned(), digest, size };
        Ok((out, descriptor, diff_id))
    }
}
