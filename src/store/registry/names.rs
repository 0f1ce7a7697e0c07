//! The names that images have in registries (distribution-spec 1.1, "Workflow categories", and the
//! grammar of the `reference` package of the distribution project), and what of them may go into a
//! URL. Pure.
//!
//! `oci_client::Reference` is not used: compiling its regular expression takes about 50 ms, more
//! than everything else that a push of an unchanged image does; it accepts tags that are not ASCII,
//! refuses IPv6 addresses, and reads a name without a host as one of Docker Hub's.

use std::fmt;
use std::str::FromStr;

use crate::image::{Digest, DigestError};
use crate::store::Reference;

/// Longest repository name that is sent to a registry, in bytes. The specification advises clients
/// to keep host and name together below this.
const NAME_LIMIT: usize = 255;
/// Longest tag, in bytes.
const TAG_LIMIT: usize = 128;
/// What Docker Hub is called in references, and the older name that means the same.
const HUB: [&str; 2] = ["docker.io", "index.docker.io"];
/// Where Docker Hub answers.
const HUB_ENDPOINT: &str = "registry-1.docker.io";

/// An image in a registry: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName {
    /// Host, with its port where one was given.
    pub host: String,
    /// Repository, without the host.
    pub repository: String,
    /// The tag that was given.
    pub tag: Option<String>,
    /// The digest that was given.
    pub digest: Option<Digest>,
}

/// A text names no image, repository or tag that a registry could have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The first part is no host.
    #[error(
        "{0:?} names no registry: write HOST[:PORT]/REPOSITORY[:TAG] \
         (for Docker Hub docker.io/library/NAME)"
    )]
    NoHost(String),
    /// The host part cannot be one.
    #[error("{0:?} is no host or HOST:PORT of a registry")]
    Host(String),
    /// The repository does not keep to the grammar.
    #[error(
        "{0:?} is no name of a repository: parts of lower-case letters and digits, joined by \
         '/', with '.', '_', '__' or '-' only inside them, {NAME_LIMIT} characters at most"
    )]
    Repository(String),
    /// The tag does not keep to the grammar.
    #[error(
        "{0:?} is no tag: letters, digits, '_', '.' and '-', the first neither '.' nor '-', \
         {TAG_LIMIT} characters at most"
    )]
    Tag(String),
    /// The part after `@` is no digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl ImageName {
    /// What to ask the repository for: the digest if there is one, else the tag, else `latest`.
    #[must_use]
    pub fn reference(&self) -> Reference {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Reference::Digest(*digest),
            (None, Some(tag)) => Reference::Tag(tag.clone()),
            (None, None) => Reference::Tag("latest".to_owned()),
        }
    }
}

impl FromStr for ImageName {
    type Err = NameError;

    /// Reads a reference; a leading `docker://` is fine. The host has to be there: it has a dot or
    /// a port, or is `localhost` or an IPv6 address in brackets.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.strip_prefix("docker://").unwrap_or(text);
        let (host, rest) = name
            .split_once('/')
            .filter(|(host, _)| host.contains(['.', ':', '[']) || *host == "localhost")
            .ok_or_else(|| NameError::NoHost(excerpt(text)))?;
        check_host(host)?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (rest, None),
        };
        if let Some(tag) = &tag {
            check_tag(tag)?;
        }
        check_repository(repository)?;
        let official = HUB.contains(&host) && !repository.contains('/');
        Ok(Self {
            host: host.to_owned(),
            repository: if official {
                format!("library/{repository}")
            } else {
                repository.to_owned()
            },
            tag,
            digest,
        })
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Where the registry that is called `host` answers.
pub(super) fn endpoint_host(host: &str) -> &str {
    if HUB.contains(&host) { HUB_ENDPOINT } else { host }
}

/// Refuses a host that has more in it than a name or address and a port: nothing in it may change
/// the meaning of the URL that it is put into.
pub(super) fn check_host(host: &str) -> Result<(), NameError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let named = !host.is_empty() && !host.starts_with(':');
    if named && host.len() <= NAME_LIMIT && host.bytes().all(allowed) {
        Ok(())
    } else {
        Err(NameError::Host(excerpt(host)))
    }
}

/// Refuses what is no repository name. What passes goes into URL paths as it is.
pub(super) fn check_repository(name: &str) -> Result<(), NameError> {
    if name.len() <= NAME_LIMIT && name.split('/').all(is_component) {
        Ok(())
    } else {
        Err(NameError::Repository(excerpt(name)))
    }
}

/// One part of a repository name: runs of `[a-z0-9]`, joined by `.`, `_`, `__` or any number of `-`.
fn is_component(part: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut runs = part.as_bytes().split(|&byte| alphanumeric(byte));
    // Splitting at the letters leaves the separators: empty ones between two letters, and at both
    // ends, where only an empty one may be.
    let ends_in_letters = part.bytes().next().is_some_and(alphanumeric)
        && part.bytes().next_back().is_some_and(alphanumeric);
    ends_in_letters
        && runs.all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__")
                || separator.iter().all(|&byte| byte == b'-')
        })
}

/// Refuses what is no tag. What passes goes into URL paths as it is.
///
/// # Errors
///
/// [`NameError::Tag`].
pub fn check_tag(tag: &str) -> Result<(), NameError> {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if tag.len() <= TAG_LIMIT
        && tag.bytes().next().is_some_and(first)
        && tag.bytes().all(|byte| first(byte) || byte == b'.' || byte == b'-')
    {
        Ok(())
    } else {
        Err(NameError::Tag(excerpt(tag)))
    }
}

/// What an error message quotes of a text from outside: its beginning, and nothing of a password that
/// stands before a host, as in a URL that somebody pasted.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let (scheme, rest) = match text.find("://") {
        Some(at) => text.split_at(at + 3),
        None => ("", text),
    };
    let host_ends = rest.find('/').unwrap_or(rest.len());
    let password = rest[..host_ends]
        .rfind('@')
        .filter(|at| rest[..*at].contains(':') && !rest[*at..].starts_with("@sha256:"));
    let shown = match password {
        Some(at) => format!("{scheme}***{}", &rest[at..]),
        None => text.to_owned(),
    };
    shown.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::{ImageName, NameError, check_repository, check_tag, endpoint_host};
    use crate::image::Digest;
    use crate::store::Reference;
    use proptest::prelude::*;

    #[test]
    fn references_are_taken_apart() {
        let digest = Digest::of(b"");
        for (text, host, repository, tag, with_digest) in [
            ("127.0.0.1:5000/x", "127.0.0.1:5000", "x", None, false),
            ("localhost/os/x:v1", "localhost", "os/x", Some("v1"), false),
            ("docker://h.example/x:y", "h.example", "x", Some("y"), false),
            ("[::1]:5000/x:y", "[::1]:5000", "x", Some("y"), false),
            ("h:5/a.b/c__d/e---f", "h:5", "a.b/c__d/e---f", None, false),
            ("h.example/x@DIGEST", "h.example", "x", None, true),
            ("h.example/x:y@DIGEST", "h.example", "x", Some("y"), true),
            ("docker.io/debian", "docker.io", "library/debian", None, false),
        ] {
            let name: ImageName = text
                .replace("DIGEST", &digest.to_string())
                .parse()
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(name.host, host, "{text}");
            assert_eq!(name.repository, repository, "{text}");
            assert_eq!(name.tag.as_deref(), tag, "{text}");
            assert_eq!(name.digest, with_digest.then_some(digest), "{text}");
        }
    }

    #[test]
    fn the_digest_is_asked_for_before_the_tag_and_latest_last() {
        let of = |text: &str| text.parse::<ImageName>().unwrap().reference();
        let digest = Digest::of(b"");
        assert_eq!(of(&format!("h.example/x:y@{digest}")), Reference::Digest(digest));
        assert_eq!(of("h.example/x:y"), Reference::Tag("y".into()));
        assert_eq!(of("h.example/x"), Reference::Tag("latest".into()));
    }

    #[test]
    fn what_names_no_image_is_refused_by_its_part() {
        for (text, wanted) in [
            ("", "NoHost"),
            ("layered-base:latest", "NoHost"),
            ("os/layered-base", "NoHost"),
            ("user@h.example/x", "Host"),
            ("h.exa mple/x", "Host"),
            ("h.example\\evil/x", "Host"),
            ("h.example?/x", "Host"),
            ("h.example/", "Repository"),
            ("h.example/a/../b", "Repository"),
            ("h.example//x", "Repository"),
            ("h.example/Upper", "Repository"),
            ("h.example/a%2fb", "Repository"),
            ("h.example/a._b", "Repository"),
            ("h.example/-a", "Repository"),
            ("h.example/a___b", "Repository"),
            ("h.example/x:", "Tag"),
            ("h.example/x:.y", "Tag"),
            ("h.example/x:\u{e9}", "Tag"),
            ("h.example/x:a/b", "Tag"),
            ("h.example/x@sha256:12", "Digest"),
            ("h.example/x@", "Digest"),
        ] {
            let error = text.parse::<ImageName>().unwrap_err();
            let variant = format!("{error:?}");
            assert!(variant.starts_with(wanted), "{text}: {variant}");
        }
        assert!(matches!(check_repository(&"a".repeat(256)), Err(NameError::Repository(_))));
        assert!(check_tag(&"a".repeat(129)).is_err());
        assert!(check_tag(&"a".repeat(128)).is_ok());
    }

    #[test]
    fn docker_hub_answers_under_another_name() {
        assert_eq!(endpoint_host("docker.io"), "registry-1.docker.io");
        assert_eq!(endpoint_host("quay.io"), "quay.io");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_passes_reads_back(text in "\\PC{0,40}|[a-z.:/@\\[\\]-]{0,40}") {
            if let Ok(name) = text.parse::<ImageName>() {
                prop_assert_eq!(name.to_string().parse::<ImageName>(), Ok(name));
            }
        }
    }
}
