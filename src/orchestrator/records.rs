//! Records in the stream `builds`: looked for, and believed or refused.

use super::base::FoundBase;
use super::error::chain;
use super::{Context, OrchestratorError};
use crate::plan::{BUILDS, BaseLayers, Key, Record, check_record};
use crate::store::transfer::{self, StoredImage};
use crate::store::{Reference, Store};

/// What the stream `builds` has under a key.
#[derive(Debug)]
pub enum Lookup {
    /// Nothing.
    Nothing,
    /// A record that holds what a record must, and its unstamped image.
    Image(Record, Box<StoredImage>),
    /// Something that is not believed.
    Refused {
        /// Why.
        reason: String,
    },
}

/// Looks for the record of a key.
///
/// # Errors
/// When the store fails.
pub async fn recorded(
    context: &Context,
    found: &FoundBase,
    key: Key,
) -> Result<Lookup, OrchestratorError> {
    let refused = |error: &dyn std::error::Error| Lookup::Refused { reason: chain(error) };
    let raw = match context.store.manifest(BUILDS, &Reference::Tag(key.tag())).await {
        Ok(Some(raw)) => raw,
        Ok(None) => return Ok(Lookup::Nothing),
        Err(error) if error.is_damage() => return Ok(refused(&error)),
        Err(error) => return Err(error.into()),
    };
    let image = raw.descriptor.digest;
    let stored = match transfer::read_image(&context.store, BUILDS, raw).await {
        Ok(stored) => stored,
        Err(error) if error.is_damage() => return Ok(refused(&error)),
        // A store that does not answer says nothing about the record.
        Err(error) => return Err(error.into()),
    };
    let base = found.read(context).await?;
    let layers = BaseLayers { manifest: &base.manifest, config: &base.config };
    match check_record(image, &stored.manifest, &stored.config, key, layers) {
        Ok(record) => Ok(Lookup::Image(record, Box::new(stored))),
        Err(error) => Ok(refused(&error)),
    }
}
