//! A reader with a budget: what describes a member of an archive (long names, PAX records, maps of
//! sparse files) is read into memory by the `tar` crate without a bound; this is the bound.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Reads from an archive until the budget is used up.
pub(super) struct Metered<R> {
    inner: R,
    meter: Meter,
}

/// The budget of a [`Metered`] reader, and whether that has come to its end.
#[derive(Clone, Default)]
pub(super) struct Meter {
    left: Rc<Cell<u64>>,
    ended: Rc<Cell<bool>>,
}

impl Meter {
    /// Allows this many bytes from here on.
    pub(super) fn allow(&self, bytes: u64) {
        self.left.set(bytes);
    }

    /// Whether the end of the file was met.
    pub(super) fn ended(&self) -> bool {
        self.ended.get()
    }
}

impl<R> Metered<R> {
    pub(super) fn new(inner: R, meter: Meter) -> Self {
        Self { inner, meter }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.meter.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "one member takes more than a mebibyte to describe",
            ));
        }
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.inner.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            self.meter.ended.set(true);
        }
        self.meter.left.set(left - read as u64);
        Ok(read)
    }
}
