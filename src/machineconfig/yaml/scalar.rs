//! What a YAML scalar means: the resolution of go-yaml 2 (YAML 1.1 without sexagesimal numbers), as
//! sigs.k8s.io/yaml turns it into JSON.
//!
//! Timestamps stay the text that they are. Where go-yaml sees a number that is not an integer within
//! ±2^53, the scalar is refused.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use granit_parser::Tag;
use serde_json::Value;

use crate::machineconfig::json::MAX_INTEGER;

/// The tags that matter to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagKind {
    /// No tag.
    None,
    /// `!`: the value is what it looks like without interpretation.
    NonSpecific,
    Str,
    Int,
    Bool,
    Null,
    Float,
    Binary,
    Seq,
    Map,
    Merge,
    /// Any other.
    Unknown,
}

impl TagKind {
    pub fn of(tag: Option<&Tag>) -> Self {
        let Some(tag) = tag else {
            return Self::None;
        };
        match tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() {
            Some("str") => Self::Str,
            Some("int") => Self::Int,
            Some("bool") => Self::Bool,
            Some("null") => Self::Null,
            Some("float") => Self::Float,
            Some("binary") => Self::Binary,
            Some("seq") => Self::Seq,
            Some("map") => Self::Map,
            Some("merge") => Self::Merge,
            Some(_) => Self::Unknown,
            None if tag.original() == "!" => Self::NonSpecific,
            None => Self::Unknown,
        }
    }

    /// Whether a key `<<` with this tag is a merge key.
    pub fn merges(self, plain: bool) -> bool {
        match self {
            Self::Merge => true,
            Self::None | Self::NonSpecific => plain,
            _ => false,
        }
    }
}

/// Why a scalar has no value here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarProblem {
    /// A number, but not an integer within ±2^53.
    NotAnInteger,
    /// The tag is unknown or does not fit the text.
    Tag,
    /// `!!binary` that is not base64 of UTF-8.
    Binary,
}

/// The value of a scalar. `plain` says that it is not quoted and no block.
pub(super) fn resolve(text: &str, plain: bool, tag: TagKind) -> Result<Value, ScalarProblem> {
    let value = match tag {
        TagKind::None if plain => return resolve_plain(text),
        TagKind::None | TagKind::NonSpecific | TagKind::Str => return Ok(Value::from(text)),
        TagKind::Binary => return binary(text).ok_or(ScalarProblem::Binary),
        // Whatever the text, it would not be an integer.
        TagKind::Float => return Err(ScalarProblem::NotAnInteger),
        TagKind::Int | TagKind::Bool | TagKind::Null => resolve_plain(text)?,
        TagKind::Seq | TagKind::Map | TagKind::Merge | TagKind::Unknown => {
            return Err(ScalarProblem::Tag);
        }
    };
    let fits = match tag {
        TagKind::Int => value.is_number(),
        TagKind::Bool => value.is_boolean(),
        _ => value.is_null(),
    };
    if fits { Ok(value) } else { Err(ScalarProblem::Tag) }
}

/// The value of a scalar without quotes and tag.
fn resolve_plain(text: &str) -> Result<Value, ScalarProblem> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(Value::Bool(true));
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(Value::Bool(false));
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => return Err(ScalarProblem::NotAnInteger),
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'.') if underscores_are_between_digits(text) => float(&text.replace('_', "")),
        Some(b'+' | b'-' | b'0'..=b'9') => number(&text.replace('_', "")),
        _ => Number::None,
    };
    match number {
        Number::None => Ok(Value::from(text)),
        Number::Integer(value) if value.unsigned_abs() <= MAX_INTEGER => Ok(Value::from(value)),
        Number::Integer(_) | Number::Other => Err(ScalarProblem::NotAnInteger),
    }
}

/// What a text is as a number.
enum Number {
    /// None at all.
    None,
    Integer(i64),
    /// Fractional, with an exponent, or too large for an `i64`.
    Other,
}

fn underscores_are_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |index: Option<usize>| {
        index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit)
    };
    (0..bytes.len())
        .filter(|&index| bytes[index] == b'_')
        .all(|index| digit(index.checked_sub(1)) && digit(Some(index + 1)))
}

/// Reads an integer as Go's `strconv.ParseInt(text, 0, 64)` does, else a float.
fn number(text: &str) -> Number {
    let (negative, magnitude) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    match magnitude_of(magnitude) {
        Some(Ok(value)) => {
            let value = i128::from(value) * if negative { -1 } else { 1 };
            match i64::try_from(value) {
                Ok(value) => Number::Integer(value),
                // Go reads what has no sign as a `u64` then, which is beyond 2^53 in any case.
                Err(_) if text == magnitude => Number::Other,
                Err(_) => float(text),
            }
        }
        Some(Err(Overflow)) => float(text),
        // `08` is no octal number, so go-yaml makes a float of it, which JSON spells `8`.
        None if is_decimal(magnitude) => text.parse().map_or(Number::Other, Number::Integer),
        None => signed_binary(text).map_or_else(|| float(text), Number::Integer),
    }
}

fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// More than a `u64` holds.
struct Overflow;

/// The digits of an integer with Go's prefixes: `0x`, `0o`, `0b`, and `0` for octal.
fn magnitude_of(text: &str) -> Option<Result<u64, Overflow>> {
    let lower = text.get(..2).map(str::to_ascii_lowercase);
    let (base, digits) = match lower.as_deref() {
        Some("0x") => (16, &text[2..]),
        Some("0o") => (8, &text[2..]),
        Some("0b") => (2, &text[2..]),
        _ if text.len() > 1 && text.starts_with('0') => (8, &text[1..]),
        _ => (10, text),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = Some(0_u64);
    for digit in digits.chars() {
        let digit = digit.to_digit(base)?;
        value = value
            .and_then(|value| value.checked_mul(u64::from(base)))
            .and_then(|value| value.checked_add(u64::from(digit)));
    }
    Some(value.ok_or(Overflow))
}

/// go-yaml's own way with `0b`: a sign may follow the prefix.
fn signed_binary(text: &str) -> Option<i64> {
    let digits = text.strip_prefix("0b")?;
    if !digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, 2).ok()
}

/// Whether `text` is a float as go-yaml sees it. One that no float holds (`1e999`) is text.
fn float(text: &str) -> Number {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(end) => (&unsigned[..end], Some(&unsigned[end + 1..])),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let well_formed = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !digits.is_empty() && all_digits(digits)
        });
    if well_formed && text.parse::<f64>().is_ok_and(f64::is_finite) {
        Number::Other
    } else {
        Number::None
    }
}

/// Go's `base64.StdEncoding`, which does not look at the last character's spare bits.
const GO_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

fn binary(text: &str) -> Option<Value> {
    let digits: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = GO_BASE64.decode(digits).ok()?;
    String::from_utf8(bytes).ok().map(Value::from)
}

/// Whether `text` written without quotes is the string `text`, as far as its meaning goes: characters
/// that YAML itself uses are not looked at.
pub(in crate::machineconfig) fn is_plain_string(text: &str) -> bool {
    resolve_plain(text).is_ok_and(|value| value.is_string())
}
