//! What a layer has so far: refuses what readers of layers would understand in different ways, or
//! what would write through a link: one path twice, something below what is no directory, a hard
//! link before its target.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sha2::{Digest as _, Sha256};

use super::error::LayerError;
use super::path::{parents, shown};

/// Most members of a layer. A whole operating system has some hundred thousand; the ledger needs
/// some 40 bytes for each.
pub const MEMBER_LIMIT: usize = 2_000_000;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A directory that the layer only implies, by something below it.
    Implied,
    /// A directory.
    Directory,
    /// Anything else that is there.
    Leaf,
    /// A whiteout: lower layers' path is removed.
    Removed,
}

/// The paths so far. Keeps 128 bits of a hash for each, not the path.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    places: BTreeMap<[u8; 16], Place>,
}

impl Ledger {
    /// Enters a path that [`super::path::check_path`] has passed.
    pub(super) fn enter(&mut self, path: &[u8], place: Place) -> Result<(), LayerError> {
        for parent in parents(path) {
            match self.places.entry(key(parent)) {
                // What is above was entered with it.
                Entry::Occupied(known) => match known.get() {
                    Place::Directory | Place::Implied => break,
                    Place::Leaf | Place::Removed => {
                        return Err(LayerError::Parent {
                            path: shown(path),
                            parent: shown(parent),
                        });
                    }
                },
                Entry::Vacant(free) => {
                    free.insert(Place::Implied);
                }
            }
        }
        match self.places.entry(key(path)) {
            Entry::Vacant(free) => {
                free.insert(place);
            }
            Entry::Occupied(mut known) => match (*known.get(), place) {
                (Place::Implied, Place::Directory) => {
                    known.insert(place);
                }
                (Place::Implied, _) => {
                    return Err(LayerError::Path {
                        path: shown(path),
                        problem: "something lies below it, and it is no directory",
                    });
                }
                _ => return Err(LayerError::Duplicate { path: shown(path) }),
            },
        }
        if self.places.len() > MEMBER_LIMIT {
            return Err(LayerError::TooMany { limit: MEMBER_LIMIT });
        }
        Ok(())
    }

    /// Whether a hard link may have this target: it is in the layer already, and no directory.
    pub(super) fn can_be_linked(&self, path: &[u8]) -> bool {
        self.places.get(&key(path)) == Some(&Place::Leaf)
    }
}

/// Half of a sha256: nobody finds two paths with the same.
fn key(path: &[u8]) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(path).into();
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}
