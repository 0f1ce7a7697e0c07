//! Records: what the stream `builds` says about a key, and what must hold before it is believed
//! (design, "Trust").

use super::{Inputs, InputsError, Key};
use crate::image::{Config, Digest, Manifest, Platform, annotation};

/// A record that was checked: the image that a key gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Digest of the unstamped image's manifest.
    pub image: Digest,
    /// The engine that made it.
    pub engine: String,
    /// The version of layerwright that recorded it.
    pub version: String,
}

/// Why a record is not believed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It does not say what it was built from.
    #[error("it names no inputs")]
    NoInputs,
    /// Its inputs are not those of its key.
    #[error("its inputs have key {found}, not {wanted}")]
    Key {
        /// The key that its inputs have.
        found: Key,
        /// The key it is filed under.
        wanted: Key,
    },
    /// Its inputs cannot be read.
    #[error("its inputs cannot be read")]
    Inputs(#[from] InputsError),
    /// The image is for something else.
    #[error("its image is for {found}, not {wanted}")]
    Platform {
        /// What the image's config says.
        found: Platform,
        /// What the inputs say.
        wanted: Platform,
    },
    /// The image does not stand on the base.
    #[error("layer {index} of its image is {found}, not the base's {wanted}")]
    ForeignLayer {
        /// Which layer, from 0 at the bottom.
        index: usize,
        /// What is there, or `none`.
        found: String,
        /// The base's layer.
        wanted: Digest,
    },
    /// Config and manifest disagree.
    #[error("its manifest has {layers} layers, but its config names {diff_ids}")]
    LayerCount {
        /// Layers in the manifest.
        layers: usize,
        /// `diff_ids` in the config.
        diff_ids: usize,
    },
}

/// The base that a record's image must stand on.
#[derive(Debug, Clone, Copy)]
pub struct BaseLayers<'a> {
    /// Its manifest for the platform.
    pub manifest: &'a Manifest,
    /// Its config.
    pub config: &'a Config,
}

/// Checks a record: that its inputs hash to its key, that its platform is the wanted one, and that
/// its first layers are the base's own.
///
/// # Errors
/// The first thing that does not hold.
pub fn check_record(
    image: Digest,
    manifest: &Manifest,
    config: &Config,
    wanted: Key,
    base: BaseLayers<'_>,
) -> Result<Record, RecordError> {
    let text = manifest.annotation(annotation::INPUTS).ok_or(RecordError::NoInputs)?;
    let found = Key::of_text(text);
    if found != wanted {
        return Err(RecordError::Key { found, wanted });
    }
    let platform = Inputs::parse(text)?.platform;
    if !config.platform().satisfies(&platform) {
        return Err(RecordError::Platform { found: config.platform().clone(), wanted: platform });
    }
    let digests = |m: &Manifest| m.layers().iter().map(|l| l.digest).collect::<Vec<_>>();
    starts_with(&digests(manifest), &digests(base.manifest))?;
    starts_with(config.diff_ids(), base.config.diff_ids())?;
    let (layers, diff_ids) = (manifest.layers().len(), config.diff_ids().len());
    if layers != diff_ids {
        return Err(RecordError::LayerCount { layers, diff_ids });
    }
    let say = |name| manifest.annotation(name).unwrap_or("unknown").to_owned();
    Ok(Record { image, engine: say(annotation::ENGINE), version: say(annotation::VERSION) })
}

fn starts_with(layers: &[Digest], base: &[Digest]) -> Result<(), RecordError> {
    for (index, wanted) in base.iter().enumerate() {
        let found = layers.get(index);
        if found != Some(wanted) {
            let found = found.map_or_else(|| "none".to_owned(), Digest::to_string);
            return Err(RecordError::ForeignLayer { index, found, wanted: *wanted });
        }
    }
    Ok(())
}
