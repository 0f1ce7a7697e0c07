//! Data URLs (RFC 2397) as the prototype's generator, Butane, writes them. The text matters to the
//! byte: the name of the extensions file is made of its digest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// What is escaped: everything but letters, digits and the marks of RFC 2396, section 2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// `data:,` and the percent-encoded content.
#[must_use]
pub fn percent_data_url(content: &[u8]) -> String {
    format!("data:,{}", percent_encode(content, ESCAPED))
}

/// The shorter of the percent-encoded and the base64 data URL; percent-encoded when equal.
#[must_use]
pub fn shortest_data_url(content: &[u8]) -> String {
    let percent = percent_data_url(content);
    let base64 = format!("data:;base64,{}", STANDARD.encode(content));
    if base64.len() < percent.len() { base64 } else { percent }
}

#[cfg(test)]
mod tests {
    use super::{percent_data_url, shortest_data_url};

    #[test]
    fn only_marks_letters_and_digits_stay_as_they_are() {
        let plain = "AZaz09-_.!~*'()";
        assert_eq!(percent_data_url(plain.as_bytes()), format!("data:,{plain}"), "unreserved");
        assert_eq!(percent_data_url("a b\n\"{/\\é".as_bytes()), "data:,a%20b%0A%22%7B%2F%5C%C3%A9");
    }

    #[test]
    fn the_shorter_spelling_wins() {
        let cases: [(&[u8], &str); 4] = [
            (b"", "data:,"),
            (b"hello", "data:,hello"),
            (b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7", "data:;base64,//79/Pv6+fj3"),
            // 19 characters either way.
            (b"\n\n\n\na", "data:,%0A%0A%0A%0Aa"),
        ];
        for (content, expected) in cases {
            assert_eq!(shortest_data_url(content), expected);
        }
    }
}
