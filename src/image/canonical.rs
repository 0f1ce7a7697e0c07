//! Canonical JSON (RFC 8785): the only way this crate writes JSON that is hashed.

use canon_json::CanonicalFormatter;
use serde::Serialize;

/// A value could not be written as canonical JSON.
#[derive(Debug, thiserror::Error)]
#[error("cannot write canonical JSON")]
pub struct CanonicalError(#[from] serde_json::Error);

/// Writes `value` as canonical JSON: keys sorted, no white space, one spelling for each string.
///
/// # Errors
/// When `value` does not serialise, for example a map whose keys are no strings.
pub fn canonical_json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut bytes = Vec::new();
    let formatter = CanonicalFormatter::default();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value.serialize(&mut serializer)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::canonical_json;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_by_utf16_and_control_characters_escaped() {
        let value = json!({"b": 1, "a": "x\ny", "\u{1f600}": true, "\u{fb33}": null});
        let text = String::from_utf8(canonical_json(&value).unwrap()).unwrap();
        assert_eq!(text, "{\"a\":\"x\\ny\",\"b\":1,\"\u{1f600}\":true,\"\u{fb33}\":null}");
    }
}
