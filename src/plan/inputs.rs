//! Inputs: everything that decides what a build produces, as canonical JSON; and the key, its
//! digest (design, "Identity").

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::image::{CanonicalError, Digest, Platform, canonical_json};

/// The schema that [`Inputs`] is written in. Another meaning of any field needs another name.
const SCHEMA: &str = "layerwright.dev/inputs/v1";

/// Everything that decides what a build produces, resolved to digests.
///
/// Names of pools, of rendered configs and of engines are not in it: the same inputs are the same
/// build, whoever asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    schema: String,
    /// What the build does.
    pub recipe: Recipe,
    /// What the image runs on.
    pub platform: Platform,
    /// Digest of the base's manifest for that platform.
    pub base: Digest,
    /// The files that the recipe reads from the rendered-config image, by their path in it.
    pub files: BTreeMap<String, Digest>,
    /// The other images that the recipe names, by the name it gives them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, Digest>,
}

/// What a build does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recipe {
    /// Whether it runs anything.
    pub class: RecipeClass,
    /// The Dockerfile, with line endings normalised.
    pub text: String,
    /// Arguments handed to it, except those that hand in images and files named elsewhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, String>,
}

/// What a recipe can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecipeClass {
    /// Adds, changes and removes files, as data.
    Files,
    /// Runs things.
    Run,
}

/// Inputs from a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputsError {
    /// They are no inputs.
    #[error("the inputs are malformed")]
    Malformed(#[from] serde_json::Error),
    /// They are written in a schema of another version of this program.
    #[error("the inputs have schema {0:?}, not \"layerwright.dev/inputs/v1\"")]
    Schema(String),
}

impl Inputs {
    /// The inputs of a recipe on a base.
    #[must_use]
    pub fn new(
        recipe: Recipe,
        platform: Platform,
        base: Digest,
        files: BTreeMap<String, Digest>,
        images: BTreeMap<String, Digest>,
    ) -> Self {
        Self { schema: SCHEMA.to_owned(), recipe, platform, base, files, images }
    }

    /// Reads inputs as a record holds them.
    ///
    /// # Errors
    /// When they are malformed or of another schema.
    pub fn parse(text: &str) -> Result<Self, InputsError> {
        let inputs: Self = serde_json::from_str(text)?;
        if inputs.schema == SCHEMA {
            Ok(inputs)
        } else {
            Err(InputsError::Schema(inputs.schema.chars().take(80).collect()))
        }
    }

    /// The inputs as canonical JSON: the text whose digest is the key.
    ///
    /// # Errors
    /// Does not happen for values of this type; kept so that nothing can panic.
    pub fn canonical(&self) -> Result<String, CanonicalError> {
        let bytes = canonical_json(self)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The key of the build.
    ///
    /// # Errors
    /// As [`Inputs::canonical`].
    pub fn key(&self) -> Result<Key, CanonicalError> {
        Ok(Key(Digest::of(self.canonical()?.as_bytes())))
    }
}

/// The primary key of a build: the digest of its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Digest);

impl Key {
    /// The key that inputs given as text have, whatever they say.
    #[must_use]
    pub fn of_text(inputs: &str) -> Self {
        Self(Digest::of(inputs.as_bytes()))
    }

    /// The tag that this key's record has in the stream `builds`.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("key-{}", self.0.hex())
    }

    /// The first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Key {
    type Err = crate::image::DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
