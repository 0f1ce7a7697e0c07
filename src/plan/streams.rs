//! The names of streams, and which pools can live side by side (design, "Streams").

use std::collections::BTreeMap;

/// The stream that holds records.
pub const BUILDS: &str = "builds";

/// Streams that belong to no pool.
const SHARED: [&str; 3] = ["coreos", BUILDS, "incoming"];

/// What follows the pool's name in each of its streams.
const SUFFIXES: [&str; 7] = [
    "",
    "-base",
    "-external-base",
    "-rendered-config",
    "-mco-content",
    "-mco-content-custom",
    "-mco-content-external",
];

/// The streams of one pool.
#[derive(Debug, Clone, Copy)]
pub struct Streams<'a>(pub &'a str);

impl Streams<'_> {
    /// The base that the pool builds on.
    #[must_use]
    pub fn base(self) -> String {
        format!("{}-base", self.0)
    }

    /// The rendered-config images.
    #[must_use]
    pub fn rendered_config(self) -> String {
        format!("{}-rendered-config", self.0)
    }

    /// The content images.
    #[must_use]
    pub fn content(self) -> String {
        format!("{}-mco-content", self.0)
    }
}

/// Pools cannot be named so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolNameError {
    /// The name is no repository name.
    #[error(
        "pool name {0:?} cannot be part of a repository name: use lower-case letters and digits, \
         with single '.', '_' or '-' between them, 63 at most"
    )]
    Invalid(String),
    /// The name is that of a shared stream.
    #[error("pool name {0:?} is the name of a stream that all pools share")]
    Reserved(String),
    /// Two pools have one stream, or a pool has a shared one.
    #[error("the stream {stream:?} would belong to both {first} and {second}; rename one of them")]
    Collision {
        /// The name both would use.
        stream: String,
        /// One owner.
        first: String,
        /// The other.
        second: String,
    },
}

/// Checks the names of all pools of a file: each by itself, then that no two streams share a name.
///
/// # Errors
/// The first name that cannot be used.
pub fn check_pool_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), PoolNameError> {
    let shared = SHARED.map(|name| (name.to_owned(), "all pools".to_owned()));
    let mut owners = BTreeMap::from(shared);
    for name in names {
        if !is_repository_name(name) {
            return Err(PoolNameError::Invalid(name.chars().take(80).collect()));
        }
        if SHARED.contains(&name) {
            return Err(PoolNameError::Reserved(name.to_owned()));
        }
        for suffix in SUFFIXES {
            let owner = format!("pool {name:?}");
            if let Some(first) = owners.insert(format!("{name}{suffix}"), owner.clone()) {
                let stream = format!("{name}{suffix}");
                return Err(PoolNameError::Collision { stream, first, second: owner });
            }
        }
    }
    Ok(())
}

/// Whether `name` is one component of a repository name (distribution-spec, "Pulling manifests"),
/// short enough for what follows it.
fn is_repository_name(name: &str) -> bool {
    let separators = |c: char| matches!(c, '.' | '_' | '-');
    name.len() <= 63
        && name.split(separators).all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::{PoolNameError, check_pool_names};

    #[test]
    fn ordinary_pools_live_side_by_side() {
        assert_eq!(check_pool_names(["layered", "worker", "master", "infra-2", "a.b"]), Ok(()));
    }

    #[test]
    fn names_that_cannot_be_used_are_refused() {
        for name in ["", "Layered", "a/b", "a--b", "-a", "a-", "é", &"x".repeat(64)] {
            let found = check_pool_names([name]);
            assert!(matches!(found, Err(PoolNameError::Invalid(_))), "{name:?}");
        }
        for name in ["coreos", "builds", "incoming"] {
            assert!(matches!(check_pool_names([name]), Err(PoolNameError::Reserved(_))), "{name}");
        }
    }

    #[test]
    fn two_streams_of_one_name_are_refused_whichever_pool_comes_first() {
        for names in [["x", "x-external"], ["x-mco-content", "x"], ["same", "same"]] {
            for names in [names, [names[1], names[0]]] {
                let found = check_pool_names(names);
                assert!(matches!(found, Err(PoolNameError::Collision { .. })), "{names:?}");
            }
        }
    }
}
