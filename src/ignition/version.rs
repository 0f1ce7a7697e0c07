//! Which versions of the Ignition config specification layerwright takes: the released ones of
//! specification 3. A config keeps its version; nothing is translated here.

use std::fmt;

use serde_json::{Map, Value};

/// A released version of the Ignition config specification, `3.0.0` to `3.6.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpecVersion {
    /// The second number: the first is always 3, the third always 0.
    minor: u8,
}

/// The newest minor version of specification 3 that is released and supported.
const NEWEST_MINOR: u8 = 6;

/// A config's `ignition.version` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// There is no `ignition.version`.
    #[error("the Ignition config has no ignition.version; supported are 3.0.0 to 3.6.0")]
    Missing,
    /// `ignition`, or its `version`, is not of the right type.
    #[error(
        "ignition.version of the Ignition config is not a string; supported are 3.0.0 to 3.6.0"
    )]
    NotAString,
    /// Specification 2 (or 1).
    #[error(
        "Ignition version {found:?} must be converted to specification 3 first, \
         for example with ign-converter; supported are 3.0.0 to 3.6.0"
    )]
    MustBeConverted {
        /// What the config says.
        found: String,
    },
    /// Anything else.
    #[error("Ignition version {found:?} is not supported; supported are 3.0.0 to 3.6.0")]
    Unknown {
        /// What the config says, shortened.
        found: String,
    },
}

impl SpecVersion {
    /// Reads the version of an Ignition config.
    ///
    /// # Errors
    /// When it is missing, of specification 2, unreleased or unknown.
    pub fn of(config: &Map<String, Value>) -> Result<Self, VersionError> {
        let ignition = config.get("ignition").ok_or(VersionError::Missing)?;
        if !ignition.is_object() {
            return Err(VersionError::NotAString);
        }
        match ignition.get("version") {
            None | Some(Value::Null) => Err(VersionError::Missing),
            Some(Value::String(text)) => Self::parse(text),
            Some(_) => Err(VersionError::NotAString),
        }
    }

    fn parse(text: &str) -> Result<Self, VersionError> {
        (0..=NEWEST_MINOR)
            .map(|minor| Self { minor })
            .find(|version| version.to_string() == text)
            .ok_or_else(|| {
                let found = text.chars().take(40).collect();
                if text.starts_with("2.") || text.starts_with("1.") || text == "1" || text == "2" {
                    VersionError::MustBeConverted { found }
                } else {
                    VersionError::Unknown { found }
                }
            })
    }
}

impl fmt::Display for SpecVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}.0", self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::{SpecVersion, VersionError};
    use serde_json::{Value, json};

    fn version_of(config: &Value) -> Result<SpecVersion, VersionError> {
        SpecVersion::of(config.as_object().unwrap())
    }

    #[test]
    fn released_versions_are_taken() {
        for text in ["3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0", "3.6.0"] {
            let config = json!({"ignition": {"version": text}});
            assert_eq!(version_of(&config).unwrap().to_string(), text);
        }
    }

    #[test]
    fn specification_two_must_be_converted() {
        for text in ["2.2.0", "2.0.0", "2.4.0", "2.5.0-experimental", "1"] {
            let error = version_of(&json!({"ignition": {"version": text}})).unwrap_err();
            assert!(error.to_string().contains("ign-converter"), "{error}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn other_versions_are_named_with_what_is_supported() {
        for text in ["3.7.0", "3.7.0-experimental", "3.5", "3.5.1", "03.5.0", "4.0.0", "", "3.5.0 "]
        {
            let error = version_of(&json!({"ignition": {"version": text}})).unwrap_err();
            assert!(matches!(&error, VersionError::Unknown { found } if found == text));
            assert!(error.to_string().contains("3.0.0 to 3.6.0"), "{error}");
        }
    }

    #[test]
    fn a_version_that_is_not_there_or_no_string_is_refused() {
        let cases = [
            (json!({}), VersionError::Missing),
            (json!({"ignition": {}}), VersionError::Missing),
            (json!({"ignition": {"version": 3}}), VersionError::NotAString),
            (json!({"ignition": "3.5.0"}), VersionError::NotAString),
        ];
        for (config, expected) in cases {
            assert_eq!(version_of(&config), Err(expected), "{config}");
        }
    }
}
