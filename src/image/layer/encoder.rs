//! Whether a layer is compressed, and by what.
//!
//! The bytes of a gzip stream depend on the encoder, its release and its level: the encoder is
//! `miniz_oxide`, pinned in Cargo.toml; level and header fields are fixed here. It is fed in slices
//! of one size, however the archive was written; a test holds that even that does not matter.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use crate::image::media_type;

/// Largest tar, in bytes, that stays an uncompressed layer.
pub const PLAIN_LAYER_LIMIT: usize = 4 << 20;

/// What the encoder gets at once, in bytes.
const SLICE: usize = 64 << 10;
/// Compression level: the usual one, and part of the bytes.
const LEVEL: u32 = 6;
/// Operating system "unknown" (RFC 1952, section 2.3.1): the header does not say who packed.
const OS_UNKNOWN: u8 = 255;

/// Takes a tar archive and passes it on: as it is up to [`PLAIN_LAYER_LIMIT`], compressed above.
#[derive(Debug)]
pub struct Encoder<W: Write> {
    /// What has not been passed on: the whole archive while it may stay plain, less than a slice
    /// after that.
    pending: Vec<u8>,
    out: Out<W>,
}

#[derive(Debug)]
enum Out<W: Write> {
    /// Still small; the writer waits. `None` only while the kind changes.
    Plain(Option<W>),
    Gzip(GzEncoder<W>),
}

impl<W: Write> Encoder<W> {
    /// Passes on to `out`.
    pub fn new(out: W) -> Self {
        Self { pending: Vec::new(), out: Out::Plain(Some(out)) }
    }

    /// Writes what is left; the writer and the media type of what went into it.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(self) -> io::Result<(W, &'static str)> {
        match self.out {
            Out::Plain(None) => Err(io::Error::other("the layer's writer failed before")),
            Out::Plain(Some(mut out)) => {
                out.write_all(&self.pending)?;
                Ok((out, media_type::LAYER))
            }
            Out::Gzip(mut encoder) => {
                encoder.write_all(&self.pending)?;
                Ok((encoder.finish()?, media_type::LAYER_GZIP))
            }
        }
    }

    /// Feeds the encoder whole slices of what is pending.
    fn feed(&mut self) -> io::Result<()> {
        if let Out::Plain(waiting) = &mut self.out {
            if self.pending.len() <= PLAIN_LAYER_LIMIT {
                return Ok(());
            }
            let out = waiting
                .take()
                .ok_or_else(|| io::Error::other("the layer's writer failed before"))?;
            let encoder = GzBuilder::new()
                .mtime(0)
                .operating_system(OS_UNKNOWN)
                .write(out, Compression::new(LEVEL));
            self.out = Out::Gzip(encoder);
        }
        if let Out::Gzip(encoder) = &mut self.out {
            let whole = self.pending.len() - self.pending.len() % SLICE;
            for slice in self.pending[..whole].chunks_exact(SLICE) {
                encoder.write_all(slice)?;
            }
            self.pending.drain(..whole);
        }
        Ok(())
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // One slice at most, so that memory does not grow with the caller's writes.
        let taken = &bytes[..bytes.len().min(SLICE)];
        self.pending.extend_from_slice(taken);
        self.feed()?;
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // A flush inside the stream would change its bytes; `finish` writes everything.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Encoder, PLAIN_LAYER_LIMIT, SLICE};
    use crate::image::{Digest, media_type};
    use std::io::{Read, Write};

    /// Text-like bytes that compress, from a fixed linear congruence.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut bytes = Vec::with_capacity(length + 16);
        while bytes.len() < length {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.extend_from_slice(format!("key{}={}\n", state >> 28, state >> 20).as_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    fn encode(bytes: &[u8], writes: impl Iterator<Item = usize>) -> (Vec<u8>, &'static str) {
        let mut encoder = Encoder::new(Vec::new());
        let mut rest = bytes;
        for length in writes {
            let (now, later) = rest.split_at(length.min(rest.len()));
            encoder.write_all(now).unwrap();
            rest = later;
        }
        encoder.write_all(rest).unwrap();
        encoder.finish().unwrap()
    }

    fn whole(bytes: &[u8]) -> (Vec<u8>, &'static str) {
        encode(bytes, std::iter::empty())
    }

    #[test]
    fn four_mebibytes_stay_plain_and_one_byte_more_is_compressed() {
        let at = sample(PLAIN_LAYER_LIMIT);
        assert_eq!(whole(&at), (at, media_type::LAYER));
        let above = sample(PLAIN_LAYER_LIMIT + 1);
        let (packed, media_type) = whole(&above);
        assert_eq!(media_type, media_type::LAYER_GZIP);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, above);
    }

    #[test]
    fn the_bytes_are_golden_and_the_header_says_nothing() {
        let (packed, _) = whole(&sample(5 << 20));
        assert_eq!(packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        assert_eq!(
            Digest::of(&packed).to_string(),
            "sha256:e6d4a4002cfb086e5ccc2ede668c8a3d6c66a500de54109df799b6b36db4cf63",
            "the encoder gives other bytes: every published large layer would change"
        );
    }

    #[test]
    fn how_it_is_written_and_sliced_does_not_matter() {
        let bytes = sample(5 << 20);
        let (golden, _) = whole(&bytes);
        for size in [511, SLICE - 1, SLICE + 1] {
            let (packed, _) = encode(&bytes, std::iter::repeat_n(size, bytes.len() / size + 1));
            assert!(packed == golden, "writes of {size} bytes");
        }
        // And the encoder below, without our slices.
        for slice in [1000, bytes.len()] {
            let mut encoder = flate2::GzBuilder::new()
                .mtime(0)
                .operating_system(255)
                .write(Vec::new(), flate2::Compression::new(super::LEVEL));
            for part in bytes.chunks(slice) {
                encoder.write_all(part).unwrap();
            }
            assert!(encoder.finish().unwrap() == golden, "slices of {slice} bytes");
        }
    }
}
