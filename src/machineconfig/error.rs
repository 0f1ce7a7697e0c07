//! What can be wrong with a document. Messages name the document, the place in it and the remedy;
//! they never quote values of a config, since those hold secrets.

use std::fmt;

use super::place::Place;
use crate::ignition::VersionError;
use crate::image::CanonicalError;

/// A document cannot be used. Nothing has been written when this is returned.
#[derive(Debug, thiserror::Error)]
#[error("{origin}{}: {problem}", At(self.place))]
pub struct DocumentError {
    /// The document's name as the user knows it: a file name, or `standard input`.
    pub origin: String,
    /// Where in the text, when that is known.
    pub place: Option<Place>,
    /// What is wrong.
    pub problem: Problem,
}

struct At(Option<Place>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(place) => write!(f, ", {place}"),
            None => Ok(()),
        }
    }
}

/// What is wrong with a document.
///
/// `path` fields are JSON paths, `$.spec.config`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Longer than the limit.
    #[error(
        "the document has more than {limit} bytes, which is the limit; \
         --max-document-size raises it"
    )]
    TooLarge {
        /// Length in bytes, as far as it was read.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("the document is not UTF-8: the byte at offset {offset} is no part of a character")]
    NotUtf8 {
        /// Offset in bytes from the start.
        offset: usize,
    },
    /// Nothing in it but white space, comments and empty documents.
    #[error("the document is empty; a MachineConfig is wanted")]
    Empty,
    /// Neither JSON nor YAML.
    #[error("not valid {format}: {reason}")]
    Syntax {
        /// `JSON` or `YAML`.
        format: &'static str,
        /// What the parser says; it quotes nothing of the document.
        reason: String,
    },
    /// Nested deeper than the limit.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// Levels of objects and arrays allowed.
        limit: usize,
    },
    /// More values than the limit, counted after aliases are expanded.
    #[error("more than {limit} values, counted with aliases expanded")]
    TooManyValues {
        /// Values allowed.
        limit: usize,
    },
    /// More text than the limit once aliases are expanded.
    #[error(
        "more than {limit} bytes of text, counted with aliases expanded; \
         --max-document-size raises the limit"
    )]
    TooMuchText {
        /// Bytes allowed.
        limit: usize,
    },
    /// A key is there twice.
    #[error("{path} has the key {key:?} twice; remove one")]
    DuplicateKey {
        /// The object.
        path: String,
        /// The key, shortened.
        key: String,
    },
    /// A YAML merge key.
    #[error("{path} has a YAML merge key \"<<\", which is not supported; write the fields out")]
    MergeKey {
        /// The object.
        path: String,
    },
    /// A key that is not text and does not become text.
    #[error("{path} has a key that is null, a list or a map; keys are strings")]
    NotAKey {
        /// The object.
        path: String,
    },
    /// A number that is not an integer, or too large for every JSON reader to agree on.
    #[error(
        "the number at {path} is not an integer between -2^53 and 2^53, written without \
         fraction and exponent"
    )]
    NotAnInteger {
        /// The number's place.
        path: String,
    },
    /// A YAML tag that is not known, or does not fit what it stands before.
    #[error(
        "the YAML tag at {path} is not supported there; \
         supported are !!str, !!int, !!bool, !!null, !!binary, !!seq and !!map"
    )]
    Tag {
        /// The tagged value.
        path: String,
    },
    /// `!!binary` that is no base64 of UTF-8 text.
    #[error("the !!binary at {path} is not base64 of UTF-8 text")]
    Binary {
        /// The tagged value.
        path: String,
    },
    /// An alias inside the value that it stands for.
    #[error("the YAML alias at {path} is inside the value that it stands for")]
    CircularAlias {
        /// The alias.
        path: String,
    },
    /// `%YAML` with a version other than 1.1.
    #[error("YAML {major}.{minor} is not supported; remove the %YAML line or say 1.1")]
    YamlVersion {
        /// First number.
        major: u32,
        /// Second number.
        minor: u32,
    },
    /// No MachineConfig in it.
    #[error("found {found}; a MachineConfig (machineconfiguration.openshift.io/v1) is wanted")]
    NotAMachineConfig {
        /// What is there, `a ConfigMap (v1)`.
        found: String,
    },
    /// More than one MachineConfig.
    #[error(
        "found {count} MachineConfigs, {first:?} and {second:?} among them; \
         give one rendered config"
    )]
    SeveralMachineConfigs {
        /// How many.
        count: usize,
        /// Name of the first.
        first: String,
        /// Name of the second.
        second: String,
    },
    /// An Ignition config where only a MachineConfig is taken.
    #[error(
        "found a bare Ignition config; it is taken only where a pool names it: \
         put it into spec.config of a MachineConfig"
    )]
    BareIgnition,
    /// No name, or an unusable one.
    #[error("the MachineConfig has no usable metadata.name: {reason}")]
    Name {
        /// Why not.
        reason: &'static str,
    },
    /// A rendered config without an Ignition config.
    #[error("the MachineConfig {name:?} has no spec.config, the Ignition config")]
    NoConfig {
        /// Its name.
        name: String,
    },
    /// A field of another type than it must have.
    #[error("{path} is {found}; it must be {expected}")]
    WrongType {
        /// The field.
        path: String,
        /// What it must be, `a string`.
        expected: &'static str,
        /// What it is, `a number`.
        found: &'static str,
    },
    /// `spec.kernelType` is none of the known ones.
    #[error("$.spec.kernelType is {found:?}; known are default, realtime and 64k-pages")]
    KernelType {
        /// What it is, shortened.
        found: String,
    },
    /// An extension whose name can be no package's.
    #[error("{path} is no name of an extension or a package")]
    ExtensionName {
        /// The entry.
        path: String,
    },
    /// The Ignition version is not supported.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The config brings a file that layerwright generates.
    #[error(
        "{path} has an entry for {file}, which is generated from the MachineConfig's other \
         fields; remove the entry"
    )]
    GeneratedPath {
        /// The list that has it.
        path: String,
        /// The file's path in the image.
        file: String,
    },
    /// The canonical form could not be written.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

/// A problem and its place, before the document's name is put to it.
#[derive(Debug)]
pub(super) struct Failure {
    pub place: Option<Place>,
    pub problem: Problem,
}

impl Failure {
    pub fn at(place: Place, problem: Problem) -> Self {
        Self { place: Some(place), problem }
    }

    pub fn of(self, origin: &str) -> DocumentError {
        DocumentError { origin: origin.to_owned(), place: self.place, problem: self.problem }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { place: None, problem }
    }
}
