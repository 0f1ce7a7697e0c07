//! What it means that some bytes are what a descriptor says (image-spec, descriptor.md). Pure data
//! with its words; both homes of a store use it.

use crate::image::{Descriptor, Digest};

/// Some bytes are not what the descriptor that names them says (image-spec, descriptor.md).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentFault {
    /// Too few bytes.
    #[error("the bytes end after {found} of {expected}")]
    TooShort {
        /// Length that the descriptor says, in bytes.
        expected: u64,
        /// Length that was there.
        found: u64,
    },
    /// Too many bytes.
    #[error("there are more than the {expected} bytes that its descriptor says")]
    TooLong {
        /// Length that the descriptor says, in bytes.
        expected: u64,
    },
    /// Other bytes.
    #[error("the bytes are {found}, not {expected}")]
    Digest {
        /// Digest that the descriptor says.
        expected: Digest,
        /// Digest of what was there.
        found: Digest,
    },
    /// A media type that no header can carry.
    #[error("its media type {0:?} cannot be sent")]
    MediaType(String),
}

/// Checks bytes in memory against a descriptor.
///
/// # Errors
/// When length or digest differ.
pub(super) fn check_bytes(descriptor: &Descriptor, bytes: &[u8]) -> Result<(), ContentFault> {
    check_length(descriptor, bytes.len() as u64)?;
    let (expected, found) = (descriptor.digest, Digest::of(bytes));
    if expected == found { Ok(()) } else { Err(ContentFault::Digest { expected, found }) }
}

/// Checks an announced length against a descriptor.
///
/// # Errors
/// When it differs.
pub(super) fn check_length(descriptor: &Descriptor, found: u64) -> Result<(), ContentFault> {
    let expected = descriptor.size;
    match found.cmp(&expected) {
        std::cmp::Ordering::Less => Err(ContentFault::TooShort { expected, found }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(ContentFault::TooLong { expected }),
    }
}
