//! Typed looks into a JSON value: the field, nothing where it is absent, or an error that names it.

use serde_json::{Map, Value};

use super::error::Problem;

/// The object `field` of `object`.
pub(super) fn object_in<'v>(
    object: &'v Map<String, Value>,
    field: &str,
    path: &str,
) -> Result<Option<&'v Map<String, Value>>, Problem> {
    typed(object, field, path, "an object", Value::as_object)
}

/// The array `field` of `object`.
pub(super) fn array_in<'v>(
    object: &'v Map<String, Value>,
    field: &str,
    path: &str,
) -> Result<Option<&'v [Value]>, Problem> {
    typed(object, field, path, "a list", |value| value.as_array().map(Vec::as_slice))
}

/// The string `field` of `object`.
pub(super) fn string_in<'v>(
    object: &'v Map<String, Value>,
    field: &str,
    path: &str,
) -> Result<Option<&'v str>, Problem> {
    typed(object, field, path, "a string", Value::as_str)
}

/// The boolean `field` of `object`.
pub(super) fn bool_in(
    object: &Map<String, Value>,
    field: &str,
    path: &str,
) -> Result<Option<bool>, Problem> {
    typed(object, field, path, "a boolean", Value::as_bool)
}

/// The list of strings `field` of `object`; empty where it is absent.
pub(super) fn strings_in(
    object: &Map<String, Value>,
    field: &str,
    path: &str,
) -> Result<Vec<String>, Problem> {
    let items = array_in(object, field, path)?.unwrap_or_default();
    items
        .iter()
        .enumerate()
        .map(|(index, item)| match item {
            Value::String(text) => Ok(text.clone()),
            other => Err(Problem::WrongType {
                path: format!("{path}[{index}]"),
                expected: "a string",
                found: kind_of(other),
            }),
        })
        .collect()
}

fn typed<'v, T>(
    object: &'v Map<String, Value>,
    field: &str,
    path: &str,
    expected: &'static str,
    view: impl FnOnce(&'v Value) -> Option<T>,
) -> Result<Option<T>, Problem> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match view(value) {
            Some(typed) => Ok(Some(typed)),
            None => {
                Err(Problem::WrongType { path: path.to_owned(), expected, found: kind_of(value) })
            }
        },
    }
}

/// What a value is, as messages say it.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
