//! Layers: deterministic tar archives (OCI image-spec, layer.md) and how they are compressed.
//!
//! One rule for everything that layerwright packs: the bytes of a layer are a function of its
//! members and of nothing else (I1). Times are 0, owners are numbers, names of owners are empty,
//! members that fit are `ustar` and the others have the same PAX records every time. A tar of at
//! most [`PLAIN_LAYER_LIMIT`] bytes stays plain, so that no compressor can change its digest; a
//! larger one is compressed by one pinned encoder with fixed settings.
//!
//! Two ways in: [`write_layer`] for files in memory, in any order, and [`LayerWriter`] for a stream
//! of members of any size. This room does not look at disks: `store::rootfs` does.

mod encoder;
mod entry;
mod error;
mod header;
mod ledger;
mod path;
mod writer;

pub use encoder::{Encoder, PLAIN_LAYER_LIMIT};
pub use entry::{Entry, EntryKind, Layer, write_layer};
pub use error::LayerError;
pub use header::{Member, MemberKind};
pub use ledger::MEMBER_LIMIT;
pub use path::relative_path;
pub use writer::{LayerWriter, TAR_LIMIT, TarWriter};

#[cfg(test)]
mod tests;
