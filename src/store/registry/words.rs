//! The registry's own words: what the body of a failed reply says, made fit for one line of a
//! message. Pure; the bytes are hostile.

use crate::image::turns_text;
use oci_client::errors::{OciEnvelope, OciErrorCode};
use serde_json::Value;

/// How much of a failed reply's body is read, in bytes. Error bodies are a few hundred bytes;
/// distribution lists every missing blob of a manifest in one.
pub(super) const BODY_LIMIT: usize = 64 * 1024;
/// How much of it is shown, in characters.
const WORDS_LIMIT: usize = 400;
/// How many errors of a body are looked at.
const ERRORS_LIMIT: usize = 8;

/// The error codes and the words of a failed reply's body.
pub(super) fn words_of(body: &[u8]) -> (Vec<OciErrorCode>, String) {
    let Ok(envelope) = serde_json::from_slice::<OciEnvelope>(body) else {
        return (Vec::new(), plain(body));
    };
    let mut codes = Vec::new();
    let mut words = String::new();
    for error in envelope.errors.into_iter().take(ERRORS_LIMIT) {
        if !words.is_empty() {
            words.push_str("; ");
        }
        let code = code_word(&error.code);
        words.push_str(if error.message.is_empty() { &code } else { &error.message });
        if let Value::String(detail) = &error.detail
            && !detail.is_empty()
        {
            words.push_str(": ");
            words.push_str(detail);
        }
        codes.push(error.code);
    }
    (codes, one_line(&words))
}

/// The code as registries write it.
fn code_word(code: &OciErrorCode) -> String {
    match serde_json::to_value(code) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// What a body that is no error document says.
fn plain(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if text.trim_start().starts_with('<') {
        return "an HTML page".to_owned();
    }
    one_line(&text)
}

/// One bounded line without anything that moves a terminal's cursor or turns text around.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for c in word.chars().filter(|&c| !turns_text(c)) {
            if length >= WORDS_LIMIT {
                line.push('…');
                return line;
            }
            line.push(c);
            length += 1;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{WORDS_LIMIT, one_line, words_of};
    use crate::image::turns_text;
    use oci_client::errors::OciErrorCode;
    use proptest::prelude::*;

    #[test]
    fn bodies_become_codes_and_words() {
        for (body, codes, words) in [
            ("", 0, ""),
            ("gone\r\n  away\t!", 0, "gone away !"),
            ("<html><body>nginx</body></html>", 0, "an HTML page"),
            (r#"{"errors":[]}"#, 0, ""),
            (r#"{"errors":[{"code":"DENIED","message":"no\u001b[31m push"}]}"#, 1, "no [31m push"),
            (
                r#"{"errors":[{"code":"NAME_UNKNOWN"},{"code":"X_Y","message":"m","detail":"d"}]}"#,
                2,
                "NAME_UNKNOWN; m: d",
            ),
            // Not the specification's form: shown as it is.
            (r#"{"errors":[{"message":null}]}"#, 0, r#"{"errors":[{"message":null}]}"#),
            (r#"{"details":"oops"}"#, 0, r#"{"details":"oops"}"#),
        ] {
            let (found, text) = words_of(body.as_bytes());
            assert_eq!((found.len(), text.as_str()), (codes, words), "{body}");
        }
        let (codes, _) = words_of(br#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#);
        assert_eq!(codes, [OciErrorCode::Toomanyrequests]);
    }

    #[test]
    fn long_and_deep_bodies_are_bounded() {
        let (_, words) = words_of("x".repeat(60_000).as_bytes());
        assert_eq!(words.chars().count(), WORDS_LIMIT + 1);
        let deep = format!("{{\"errors\":{}", "[".repeat(60_000));
        assert!(words_of(deep.as_bytes()).1.chars().count() <= WORDS_LIMIT + 1);
        let many =
            format!("{{\"errors\":[{}{{\"code\":\"A\"}}]}}", "{\"code\":\"A\"},".repeat(1000));
        assert_eq!(words_of(many.as_bytes()).0.len(), 8);
    }

    proptest! {
        #[test]
        fn no_body_panics_or_brings_control_characters(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (_, words) = words_of(&body);
            prop_assert!(!words.chars().any(char::is_control));
        }

        #[test]
        fn lines_are_lines(text in any::<String>()) {
            let line = one_line(&text);
            let harmful = line.chars().any(|c| c.is_control() || turns_text(c));
            prop_assert!(!harmful);
        }
    }
}
