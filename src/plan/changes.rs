//! Which inputs changed, for people (I8).

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::Inputs;
use crate::image::{Digest, printable};

/// One input whose value differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which input, as a path in the inputs: `base`, `files./machine-config-ignition.json`.
    pub input: String,
    /// What it was; `None` where there was none.
    pub old: Option<String>,
    /// What it is; `None` where there is none.
    pub new: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        match &self.old {
            None => write!(f, "{}: {}", self.input, text(&self.new)),
            Some(old) => write!(f, "{}: {old} -> {}", self.input, text(&self.new)),
        }
    }
}

/// The inputs that differ, in the order of their names. Without `old`, all of them.
#[must_use]
pub fn changes(old: Option<&Inputs>, new: &Inputs) -> Vec<Change> {
    let before = old.map(leaves).unwrap_or_default();
    let after = leaves(new);
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| Change {
            input: name.clone(),
            old: before.get(name).cloned(),
            new: after.get(name).cloned(),
        })
        .collect()
}

fn leaves(inputs: &Inputs) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Ok(value) = serde_json::to_value(inputs) {
        collect(String::new(), &value, &mut found);
    }
    // The same for all inputs that this version reads: it explains nothing.
    found.remove("schema");
    found
}

fn collect(path: String, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(below, member, found);
            }
        }
        Value::String(text) => {
            found.insert(path, shown(text));
        }
        other => {
            found.insert(path, other.to_string());
        }
    }
}

/// A digest in short, a text of several lines by its digest, anything else as it is.
fn shown(text: &str) -> String {
    match text.parse::<Digest>() {
        Ok(digest) => digest.short(),
        Err(_) if text.contains('\n') => format!("text {}", Digest::of(text.as_bytes()).short()),
        // Inputs that a stream holds come from outside: nothing in them may play with a terminal.
        Err(_) => printable(text).chars().take(200).collect(),
    }
}
