//! From bytes to a MachineConfig: which format a document is in, and its limits.

use serde_json::Value;

use super::budget::Budget;
use super::error::{DocumentError, Failure, Problem};
use super::find::find;
use super::json::read_json;
use super::machine_config::MachineConfig;
use super::yaml::read_yaml;

/// The largest document that is read unless options say otherwise: ten times what the
/// machine-config-operator lets through.
pub const DEFAULT_MAX_BYTES: usize = 16 << 20;

/// What [`read`] accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// The largest document in bytes. Also bounds the text that a document has once its aliases are
    /// expanded. Who reads the bytes need not read more than one byte beyond it.
    pub max_bytes: usize,
    /// Whether a bare Ignition config is taken as well: where a pool names the file.
    pub allow_ignition: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { max_bytes: DEFAULT_MAX_BYTES, allow_ignition: false }
    }
}

/// Reads the one MachineConfig in a document: one object, a `List`, or a file of several documents,
/// in JSON or YAML. `origin` is the document's name in errors.
///
/// What starts with `{` or `[` is read as JSON, and as YAML only when it is not JSON by its syntax.
///
/// # Errors
/// When the document is too large, is no JSON or YAML or not what `oc apply -f` would take, holds
/// something else than one MachineConfig, or when that cannot be used.
pub fn read(
    bytes: &[u8],
    origin: &str,
    options: &ReadOptions,
) -> Result<MachineConfig, DocumentError> {
    documents(bytes, options.max_bytes)
        .and_then(|documents| Ok(find(documents, options.allow_ignition)?))
        .map_err(|failure| failure.of(origin))
}

fn documents(bytes: &[u8], limit: usize) -> Result<Vec<Value>, Failure> {
    if bytes.len() > limit {
        let size = bytes.len();
        return Err(Problem::TooLarge { size, limit }.into());
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Problem::NotUtf8 { offset: error.valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.trim_start().starts_with(['{', '[']) {
        return read_yaml(text, Budget::new(limit));
    }
    match read_json(text, Budget::new(limit)) {
        Err(json) if is_syntax(&json) => match read_yaml(text, Budget::new(limit)) {
            Err(yaml) if is_syntax(&yaml) => Err(json),
            other => other,
        },
        other => other,
    }
}

fn is_syntax(failure: &Failure) -> bool {
    matches!(failure.problem, Problem::Syntax { .. })
}
