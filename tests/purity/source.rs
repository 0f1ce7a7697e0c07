//! Rust sources without what is no code: comments, the contents of texts, and tests.

use std::path::Path;

/// Whether a file has only tests in it: `tests.rs`, or anything in a directory `tests`.
pub fn is_test_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "tests.rs")
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// The source without comments and without items under `#[cfg(test)]`; texts and characters are
/// empty.
pub fn code_only(source: &str) -> String {
    without_tests(&without_words(source))
}

/// The source with comments gone and texts emptied. Lines stay lines.
fn without_words(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let previous = code.chars().next_back();
        let (length, replacement) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), "")
        } else if rest.starts_with("/*") {
            (block_comment(rest), " ")
        } else if let Some(length) = raw_text(rest).filter(|_| !previous.is_some_and(is_word)) {
            (length, "\"\"")
        } else if next == '"' {
            (text(rest), "\"\"")
        } else if let Some(length) = character(rest) {
            (length, "' '")
        } else {
            code.push(next);
            (next.len_utf8(), "")
        };
        code.push_str(replacement);
        rest = &rest[length..];
    }
    code
}

pub fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Length of the comment that the source begins with; they nest.
fn block_comment(source: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < source.len() {
        let rest = &source[at..];
        let step = if rest.starts_with("/*") {
            depth += 1;
            2
        } else if rest.starts_with("*/") {
            depth -= 1;
            2
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length of the raw text (`r#"…"#`, `br"…"`) that the source begins with.
fn raw_text(source: &str) -> Option<usize> {
    let start = source.trim_start_matches(['b', 'c']);
    let hashes = start.strip_prefix('r')?;
    let inner = hashes.trim_start_matches('#');
    let count = hashes.len() - inner.len();
    let inner = inner.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(count));
    let length = inner.find(&end)? + end.len();
    Some(source.len() - inner.len() + length)
}

/// Length of the text that the source begins with.
fn text(source: &str) -> usize {
    let mut escaped = false;
    for (at, character) in source.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    source.len()
}

/// Length of the character that the source begins with; a lifetime is none.
fn character(source: &str) -> Option<usize> {
    let inner = source.strip_prefix('\'')?;
    let first = inner.chars().next()?;
    if first == '\\' {
        // At least one character is escaped, and that may be a quote.
        let end = inner.get(2..)?.find('\'')?;
        return Some(1 + 2 + end + 1);
    }
    inner[first.len_utf8()..].starts_with('\'').then(|| 1 + first.len_utf8() + 1)
}

/// The code without items under `#[cfg(test)]`: up to the end of their block, or their semicolon.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let Some((before, after)) = code.split_once(MARK) else {
        return code.to_owned();
    };
    let mut depth = 0_usize;
    let mut end = after.len();
    for (at, character) in after.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // The braces of `use a::{b, c};` do not end it.
        let ends = match character {
            '}' => !after[at + 1..].trim_start().starts_with(';'),
            other => other == ';',
        };
        if depth == 0 && ends {
            end = at + 1;
            break;
        }
    }
    format!("{before}{}", without_tests(&after[end..]))
}

#[test]
fn comments_texts_and_tests_are_no_code() {
    for (source, wanted) in [
        ("a // std::fs\nb", "a \nb"),
        ("/// std::fs\nfn f() {}", "\nfn f() {}"),
        ("a /* x /* y */ std::fs */ b", "a   b"),
        (r#"f("std::fs \" // ", x)"#, r#"f("", x)"#),
        ("f(r\"\\\", x)", "f(\"\", x)"),
        ("f(br#\"std::fs \" \"#, x)", "f(\"\", x)"),
        ("var\"\"", "var\"\""),
        ("matches!(c, '\"' | '\\'' | '\\u{7f}') // x", "matches!(c, ' ' | ' ' | ' ') "),
        ("fn f<'a>(x: &'a str, y: &'static str)", "fn f<'a>(x: &'a str, y: &'static str)"),
        ("a; #[cfg(test)] mod tests; b", "a;  b"),
        ("a #[cfg(test)]\nmod tests { fn x() { y } } b", "a  b"),
        ("#[cfg(test)] use a::{b, c}; b", " b"),
        ("#[cfg(test)] fn a() {} b #[cfg(test)] fn c() {} d", " b  d"),
    ] {
        assert_eq!(code_only(source), wanted, "{source}");
    }
}

#[test]
fn test_files_are_known_by_their_place() {
    for path in ["src/plan/tests.rs", "src/plan/tests/decide.rs"] {
        assert!(is_test_file(Path::new(path)), "{path}");
    }
    for path in ["src/plan/decide.rs", "src/plan/contests.rs"] {
        assert!(!is_test_file(Path::new(path)), "{path}");
    }
}
