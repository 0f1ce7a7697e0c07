//! Where in a document something is: by line and column in the text, by JSON path in the value.

use std::fmt::{self, Write as _};

/// A position in the text of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1; counted in bytes in JSON and in characters in YAML.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// One step of a JSON path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// Into an object.
    Key(String),
    /// Into an array.
    Index(usize),
}

/// Writes a path as messages show it, `$.spec.config.storage.files[3].mode`. Keys come from outside:
/// strange ones are quoted, long ones cut.
pub(super) fn json_path(segments: &[Segment]) -> String {
    let mut path = String::from("$");
    for segment in segments {
        // Writing to a String cannot fail.
        let _ = match segment {
            Segment::Index(index) => write!(path, "[{index}]"),
            Segment::Key(key) if is_plain(key) => write!(path, ".{key}"),
            Segment::Key(key) => write!(path, "[{:?}]", shortened(key)),
        };
    }
    path
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= SHOWN
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// How many characters of a text from outside a message shows.
const SHOWN: usize = 60;

/// The part of `text` that a message may show.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Segment, json_path};

    #[test]
    fn paths_read_like_json_path() {
        let segments = [
            Segment::Key("spec".to_owned()),
            Segment::Key("files".to_owned()),
            Segment::Index(3),
            Segment::Key("a.b/c".to_owned()),
            Segment::Key(String::new()),
        ];
        assert_eq!(json_path(&segments), "$.spec.files[3][\"a.b/c\"][\"\"]");
        assert_eq!(json_path(&[]), "$");
    }

    #[test]
    fn hostile_keys_stay_on_one_short_line() {
        let path = json_path(&[Segment::Key(format!("\n\u{1b}[31m{}", "é".repeat(100_000)))]);
        assert!(path.len() < 200 && !path.contains(['\n', '\u{1b}']), "{path}");
    }
}
