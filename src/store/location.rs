//! How people name images and stores: `host[:port]/repo[:tag]`, `oci:DIR[:NAME]`, `dir:PATH`,
//! `tar:PATH` (design, "The command line"). Only reads texts; opens nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Reference;
use super::registry::{ImageName, NameError, excerpt};
use crate::image::Digest;

/// An image as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a registry.
    Registry {
        /// `host[:port]`.
        host: String,
        /// The repository, without the host.
        repository: String,
        /// The tag or digest; the tag `latest` where none was written.
        reference: Reference,
    },
    /// In an OCI image layout on disk.
    Layout {
        /// The layout's directory.
        dir: PathBuf,
        /// The reference name in it, where one was written.
        name: Option<String>,
        /// The digest behind `@`, where one was written: it decides, whatever the name.
        digest: Option<Digest>,
    },
    /// A plain root file system in a directory.
    Directory(PathBuf),
    /// A plain root file system in a tar archive.
    Tar(PathBuf),
}

/// A store as a person names it: `host[:port][/prefix]` or `oci:DIR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// A registry, and the path below which the streams are repositories.
    Registry {
        /// `host[:port]`.
        host: String,
        /// Path below the host, empty for none.
        prefix: String,
    },
    /// An OCI image layout.
    Layout(PathBuf),
}

/// A text does not name an image or a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Nothing follows the scheme.
    #[error("{text:?} names no path after {scheme:?}")]
    NoPath {
        /// What was given.
        text: String,
        /// The part before the path.
        scheme: &'static str,
    },
    /// It names no image in a registry either.
    #[error(
        "{text:?} names no image; write HOST[:PORT]/REPOSITORY[:TAG], oci:DIR[:NAME], dir:PATH or \
         tar:PATH"
    )]
    Registry {
        /// What was given.
        text: String,
        /// What is wrong with it as the name of an image in a registry.
        source: NameError,
    },
    /// It names no store in a registry either.
    #[error("{text:?} names no store; write HOST[:PORT][/PREFIX] or oci:DIR")]
    RegistryStore {
        /// What was given.
        text: String,
        /// What is wrong with it as the name of a registry.
        source: NameError,
    },
    /// A store cannot have a tag, a digest or a reference name.
    #[error("{0:?} names an image, not a store; write host[:port][/prefix] or oci:DIR")]
    NotAStore(String),
    /// A plain root file system can be read only.
    #[error("{0:?} is a root file system, not a place that holds images")]
    ReadOnly(String),
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = |scheme: &'static str, rest: &str| match rest {
            "" => Err(LocationError::NoPath { text: excerpt(text), scheme }),
            rest => Ok(PathBuf::from(rest)),
        };
        if let Some(rest) = text.strip_prefix("dir:") {
            return path("dir:", rest).map(Self::Directory);
        }
        if let Some(rest) = text.strip_prefix("tar:") {
            return path("tar:", rest).map(Self::Tar);
        }
        if let Some(rest) = text.strip_prefix("oci:") {
            let by_digest = rest
                .rsplit_once('@')
                .and_then(|(rest, digest)| Some((rest, digest.parse::<Digest>().ok()?)));
            let (rest, digest) =
                by_digest.map_or((rest, None), |(rest, digest)| (rest, Some(digest)));
            let (dir, name) = match rest.split_once(':') {
                Some((dir, name)) if !name.is_empty() => (dir, Some(name.to_owned())),
                Some((dir, _)) => (dir, None),
                None => (rest, None),
            };
            return Ok(Self::Layout { dir: path("oci:", dir)?, name, digest });
        }
        registry(text)
    }
}

fn registry(text: &str) -> Result<Location, LocationError> {
    let image: ImageName =
        text.parse().map_err(|source| LocationError::Registry { text: excerpt(text), source })?;
    let reference = image.reference();
    Ok(Location::Registry { host: image.host, repository: image.repository, reference })
}

impl Location {
    /// The same location with a relative path taken from `dir` instead of the working directory.
    #[must_use]
    pub fn relative_to(self, dir: &Path) -> Self {
        match self {
            Self::Layout { dir: path, name, digest } => {
                Self::Layout { dir: below(dir, &path), name, digest }
            }
            Self::Directory(path) => Self::Directory(below(dir, &path)),
            Self::Tar(path) => Self::Tar(below(dir, &path)),
            registry @ Self::Registry { .. } => registry,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry { host, repository, reference: Reference::Tag(tag) } => {
                write!(f, "{host}/{repository}:{tag}")
            }
            Self::Registry { host, repository, reference: Reference::Digest(digest) } => {
                write!(f, "{host}/{repository}@{digest}")
            }
            Self::Layout { dir, name, digest } => {
                write!(f, "oci:{}", dir.display())?;
                name.iter().try_for_each(|name| write!(f, ":{name}"))?;
                digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
            }
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
            Self::Tar(path) => write!(f, "tar:{}", path.display()),
        }
    }
}

impl FromStr for StoreLocation {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("dir:") || text.starts_with("tar:") {
            return Err(LocationError::ReadOnly(excerpt(text)));
        }
        if text.starts_with("oci:") {
            return match text.parse()? {
                Location::Layout { dir, name: None, digest: None } => Ok(Self::Layout(dir)),
                _ => Err(LocationError::NotAStore(excerpt(text))),
            };
        }
        let bare = text.strip_prefix("docker://").unwrap_or(text).trim_end_matches('/');
        let (host, prefix) = bare.split_once('/').unwrap_or((bare, ""));
        // A store is good when a stream of it would be.
        let image: ImageName = format!("{host}/{}", join(prefix, "stream"))
            .parse()
            .map_err(|source| LocationError::RegistryStore { text: excerpt(text), source })?;
        if image.tag.is_some() || image.digest.is_some() {
            return Err(LocationError::NotAStore(excerpt(text)));
        }
        Ok(Self::Registry { host: image.host, prefix: prefix.to_owned() })
    }
}

/// A path from `dir`, without `.` in it. A `..` stays: what it means depends on links.
fn below(dir: &Path, path: &Path) -> PathBuf {
    dir.join(path).components().collect()
}

/// A repository below a prefix that may be empty.
fn join(prefix: &str, repository: &str) -> String {
    if prefix.is_empty() { repository.to_owned() } else { format!("{prefix}/{repository}") }
}

impl StoreLocation {
    /// The same location with a relative path taken from `dir` instead of the working directory.
    #[must_use]
    pub fn relative_to(self, dir: &Path) -> Self {
        match self {
            Self::Layout(path) => Self::Layout(below(dir, &path)),
            registry @ Self::Registry { .. } => registry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Location, StoreLocation};
    use crate::store::Reference;

    #[test]
    fn locations_read_as_people_mean_them() {
        for (text, shown) in [
            ("registry.example.com/os/base:4.20", "registry.example.com/os/base:4.20"),
            ("docker://localhost:5000/base", "localhost:5000/base:latest"),
            ("127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c:latest"),
            ("localhost/base", "localhost/base:latest"),
            ("oci:./golden:rhel-coreos", "oci:./golden:rhel-coreos"),
            ("oci:images:layered-base:latest", "oci:images:layered-base:latest"),
            ("oci:images", "oci:images"),
            ("dir:/srv/root", "dir:/srv/root"),
            ("tar:base.tar", "tar:base.tar"),
        ] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), shown, "{text}");
        }
        for name in ["registry.example.com/base", "oci:images", "oci:images:layered-mco-content"] {
            let digest = format!("{name}@sha256:{}", "0".repeat(64));
            let location = digest.parse::<Location>().unwrap();
            assert_eq!(location.to_string(), digest);
            let read = match location {
                Location::Registry { reference: Reference::Digest(digest), .. } => Some(digest),
                Location::Layout { digest, .. } => digest,
                other => panic!("{other:?}"),
            };
            assert!(read.is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_no_location_is_refused() {
        for text in [
            "",
            "base",
            "os/base",
            "dir:",
            "tar:",
            "oci:",
            "oci::name",
            "registry.example.com",
            "registry.example.com/UPPER",
            "registry.example.com/a:b:c:d",
            ":5000/x",
            "registry.example.com/a@sha256:12",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_that_was_pasted_is_not_repeated() {
        for text in ["https://user:s3cret@registry.example.com/os", "user:s3cret@registry/os"] {
            let texts = [
                text.parse::<Location>().map(|_| ()).unwrap_err(),
                text.parse::<StoreLocation>().map(|_| ()).unwrap_err(),
            ];
            for error in texts {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                let all = format!("{error} {}", source.unwrap_or_default());
                assert!(!all.contains("s3cret"), "{all}");
            }
        }
    }

    #[test]
    fn stores_have_a_prefix_or_none() {
        let store = |text: &str| text.parse::<StoreLocation>();
        let registry = |host: &str, prefix: &str| StoreLocation::Registry {
            host: host.to_owned(),
            prefix: prefix.to_owned(),
        };
        assert_eq!(store("registry.example.com/os/"), Ok(registry("registry.example.com", "os")));
        assert_eq!(store("localhost:5000"), Ok(registry("localhost:5000", "")));
        assert_eq!(store("oci:./images"), Ok(StoreLocation::Layout("./images".into())));
        for text in ["oci:images:x", "dir:x", "os", "registry.example.com/os:latest", "oci:"] {
            assert!(store(text).is_err(), "{text}");
        }
    }
}
