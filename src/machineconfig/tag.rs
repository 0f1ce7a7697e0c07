//! The tag under which a rendered-config image is found by its config's name.

use crate::image::Digest;

/// A tag made of a config's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagName {
    /// The tag; valid in every registry (OCI distribution-spec 1.1, "Pulling manifests").
    pub tag: String,
    /// Whether the name itself is no valid tag, so that the tag was made of its digest. Say so to
    /// the user.
    pub derived: bool,
}

/// How many hex digits of the name's digest a derived tag has. Fewer than 64, so that it is never
/// taken for the `sha256-…` tag of a referrers list (distribution-spec 1.1, "Referrers Tag Schema").
const DERIVED_DIGITS: usize = 32;

/// The tag for the config called `name`: the name where it is a valid tag, else `sha256-` and the
/// first 32 hex digits of the sha256 of the name.
#[must_use]
pub fn tag_for(name: &str) -> TagName {
    if is_tag(name) {
        return TagName { tag: name.to_owned(), derived: false };
    }
    let hex = Digest::of(name.as_bytes()).hex();
    TagName { tag: format!("sha256-{}", &hex[..DERIVED_DIGITS]), derived: true }
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
fn is_tag(name: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name.len() <= 128
        && name.bytes().next().is_some_and(word)
        && name.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::{is_tag, tag_for};

    #[test]
    fn a_valid_name_is_its_own_tag() {
        let longest = "a".repeat(128);
        for name in ["rendered-worker-0123456789abcdef", "_x", "A.b-c_d", &longest] {
            let tag = tag_for(name);
            assert_eq!((tag.tag.as_str(), tag.derived), (name, false));
        }
    }

    #[test]
    fn other_names_give_a_valid_tag_of_their_own() {
        let long = "a".repeat(129);
        let names = ["", ".a", "-a", "a:b", "a/b", "a b", "é", "a\n", &long];
        let mut tags: Vec<String> = names
            .iter()
            .map(|name| {
                let tag = tag_for(name);
                assert!(tag.derived && is_tag(&tag.tag), "{name:?}: {tag:?}");
                tag.tag
            })
            .collect();
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), names.len());
        // printf a:b | sha256sum
        assert_eq!(tag_for("a:b").tag, "sha256-6783a31eabf68ccc0660f935c0826282");
    }
}
