//! A reader that lets bytes through only as long as they can still be what a descriptor says, and
//! the end only when they are.
//!
//! The last chunk is held back until the end of the stream and the digest are known. So a wrong
//! blob that is read never comes to a clean end, and a wrong blob that is sent under its announced
//! length never becomes complete at the other end.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::ContentFault;
use crate::image::{Descriptor, Digest, DigestWriter};

/// How many bytes are read, hashed and held at a time.
pub(super) const CHUNK: usize = 64 * 1024;

/// See the module.
pub(super) struct VerifiedReader<R, F> {
    inner: R,
    /// The error that a fault becomes.
    explain: F,
    size: u64,
    digest: Digest,
    hasher: DigestWriter<io::Sink>,
    /// Read and hashed, in `chunk[next..filled]` not handed on yet.
    chunk: Vec<u8>,
    next: usize,
    filled: usize,
    /// How many bytes have been read from `inner`.
    read: u64,
    state: State,
}

enum State {
    /// More bytes are expected.
    Reading,
    /// As many bytes as expected are read; the rest of them is held back.
    AtEnd,
    /// All is as it should be.
    Verified,
    /// Something is wrong, and stays so.
    Failed,
}

impl<R, F> VerifiedReader<R, F>
where
    R: AsyncRead + Unpin,
    F: Fn(ContentFault) -> io::Error + Unpin,
{
    /// Reads from `inner` what `descriptor` says; a fault ends it with what `explain` makes of that.
    pub(super) fn new(inner: R, descriptor: &Descriptor, explain: F) -> Self {
        Self {
            inner,
            explain,
            size: descriptor.size,
            digest: descriptor.digest,
            hasher: DigestWriter::new(io::sink()),
            chunk: vec![0; CHUNK],
            next: 0,
            filled: 0,
            read: 0,
            state: if descriptor.size == 0 { State::AtEnd } else { State::Reading },
        }
    }

    /// Reads the next chunk; once the last one is read, goes on to the end.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let left = usize::try_from(self.size - self.read).unwrap_or(usize::MAX);
        let room = left.min(self.chunk.len());
        let mut buffer = ReadBuf::new(&mut self.chunk[..room]);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buffer))?;
        let filled = buffer.filled().len();
        if filled == 0 {
            return Poll::Ready(Err(
                self.fault(ContentFault::TooShort { expected: self.size, found: self.read })
            ));
        }
        self.hasher.write_all(&self.chunk[..filled])?;
        self.next = 0;
        self.filled = filled;
        self.read += filled as u64;
        if self.read == self.size {
            self.state = State::AtEnd;
        }
        Poll::Ready(Ok(()))
    }

    /// Makes sure that nothing follows, and that what was read has the digest.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut more = [0];
        let mut buffer = ReadBuf::new(&mut more);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buffer))?;
        if !buffer.filled().is_empty() {
            let expected = self.size;
            return Poll::Ready(Err(self.fault(ContentFault::TooLong { expected })));
        }
        let hasher = std::mem::replace(&mut self.hasher, DigestWriter::new(io::sink()));
        let (_, found, _) = hasher.finish();
        if found != self.digest {
            let expected = self.digest;
            return Poll::Ready(Err(self.fault(ContentFault::Digest { expected, found })));
        }
        self.state = State::Verified;
        Poll::Ready(Ok(()))
    }

    fn fault(&mut self, fault: ContentFault) -> io::Error {
        self.state = State::Failed;
        (self.explain)(fault)
    }
}

impl<R, F> AsyncRead for VerifiedReader<R, F>
where
    R: AsyncRead + Unpin,
    F: Fn(ContentFault) -> io::Error + Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let held = matches!(this.state, State::AtEnd | State::Failed);
            if this.next < this.filled && !held {
                let length = out.remaining().min(this.filled - this.next);
                out.put_slice(&this.chunk[this.next..this.next + length]);
                this.next += length;
                return Poll::Ready(Ok(()));
            }
            match this.state {
                State::Reading => ready!(this.poll_chunk(cx))?,
                State::AtEnd => ready!(this.poll_end(cx))?,
                State::Verified => return Poll::Ready(Ok(())),
                State::Failed => {
                    return Poll::Ready(Err(io::Error::other("this blob has failed before")));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, VerifiedReader};
    use crate::image::Descriptor;
    use crate::store::ContentFault;
    use std::io;
    use tokio::io::AsyncReadExt;

    /// What comes out of a reader that has `bytes` for a descriptor of `named`, in pieces.
    async fn read(bytes: &[u8], named: &[u8], piece: usize) -> (Vec<u8>, io::Result<()>) {
        let descriptor = Descriptor::of("application/octet-stream", named);
        let inner = tokio_util::io::StreamReader::new(futures_util::stream::iter(
            bytes
                .chunks(piece.max(1))
                .map(|piece| Ok::<_, io::Error>(io::Cursor::new(piece.to_vec()))),
        ));
        let mut reader = VerifiedReader::new(inner, &descriptor, |fault| io::Error::other(fault));
        let mut out = Vec::new();
        let end = reader.read_to_end(&mut out).await;
        if end.is_err() {
            assert!(reader.read(&mut [0; 1]).await.is_err(), "it recovered");
        }
        (out, end.map(|_| ()))
    }

    fn fault(error: io::Error) -> ContentFault {
        error.downcast().unwrap()
    }

    #[tokio::test]
    async fn right_bytes_pass_in_all_sizes() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            for piece in [1000, CHUNK, usize::MAX] {
                let (out, end) = read(&bytes, &bytes, piece).await;
                end.unwrap();
                assert!(out == bytes, "{length} bytes in pieces of {piece}");
            }
        }
    }

    #[tokio::test]
    async fn wrong_bytes_end_in_an_error_before_the_last_chunk() {
        let named = vec![7; 2 * CHUNK + 10];
        let mut flipped = named.clone();
        flipped[0] = 8;
        let longer = [named.as_slice(), b"x"].concat();
        for (bytes, wanted) in [
            (&flipped[..], "Digest"),
            (&named[..CHUNK], "TooShort"),
            (&[], "TooShort"),
            (&longer, "TooLong"),
        ] {
            let (out, end) = read(bytes, &named, 5000).await;
            let fault = format!("{:?}", fault(end.unwrap_err()));
            assert!(fault.starts_with(wanted), "{fault} instead of {wanted}");
            assert!(out.len() < named.len(), "{wanted}: all of it came out");
        }
        let (out, end) = read(b"x", b"", 1).await;
        assert!(out.is_empty());
        assert_eq!(fault(end.unwrap_err()), ContentFault::TooLong { expected: 0 });
    }
}
