//! Platforms: the operating system and processor that an image is for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A platform as people write it, `linux/amd64` or `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Platform {
    /// Operating system, a `GOOS` value.
    pub os: String,
    /// Processor, a `GOARCH` value.
    pub architecture: String,
    /// Variant of the processor, where there is one.
    pub variant: Option<String>,
}

/// A text is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("platform {0:?} is not of the form OS/ARCH or OS/ARCH/VARIANT, for example linux/amd64")]
pub struct PlatformError(String);

impl PlatformError {
    fn of(text: &str) -> Self {
        Self(text.chars().take(80).collect())
    }
}

/// Whether a text can be one part of a platform.
fn is_word(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 32
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

impl Platform {
    /// `linux/amd64`, the platform of rendered-config images unless told otherwise.
    #[must_use]
    pub fn linux_amd64() -> Self {
        Self { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None }
    }

    /// A platform of these parts. They may come from anywhere, and later stand in messages: so they
    /// are short words.
    ///
    /// # Errors
    /// When one of them is no word of a platform.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Result<Self, PlatformError> {
        let platform = Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        };
        let good = [Some(os), Some(architecture), variant].into_iter().flatten().all(is_word);
        if good { Ok(platform) } else { Err(PlatformError::of(&platform.to_string())) }
    }

    /// Whether an image for this platform is one for `wanted`: system and processor are the same,
    /// and the variant too where both name one.
    #[must_use]
    pub fn satisfies(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (self.variant.is_none()
                || wanted.variant.is_none()
                || self.variant == wanted.variant)
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [os, architecture] => Self::new(os, architecture, None),
            [os, architecture, variant] => Self::new(os, architecture, Some(variant)),
            _ => Err(PlatformError::of(text)),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Platform;

    #[test]
    fn platforms_read_back_as_written() {
        for text in ["linux/amd64", "linux/arm/v7"] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "linux", "linux/", "linux/a/b/c", "lin ux/amd64", "/amd64"] {
            assert!(text.parse::<Platform>().is_err(), "{text:?}");
        }
    }
}
