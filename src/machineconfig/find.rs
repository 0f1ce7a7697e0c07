//! Finds the one MachineConfig among the documents of a file.
//!
//! A `List` counts as the objects in it, and empty documents do not count. Other Kubernetes objects
//! beside the one MachineConfig are passed over, as in a file that also holds its pool; anything
//! that is no Kubernetes object is refused.

use serde_json::{Map, Value};

use super::error::Problem;
use super::machine_config::{API_VERSION, KIND, MachineConfig};
use super::place::shortened;
use super::types::kind_of;

/// The MachineConfig in `documents`, or the bare Ignition config where that is allowed.
pub(super) fn find(documents: Vec<Value>, allow_ignition: bool) -> Result<MachineConfig, Problem> {
    let mut documents: Vec<Value> = documents.into_iter().filter(|d| !d.is_null()).collect();
    if documents.is_empty() {
        return Err(Problem::Empty);
    }
    if documents.len() == 1 && documents.iter().all(is_ignition) {
        return match documents.pop() {
            Some(Value::Object(config)) if allow_ignition => MachineConfig::from_ignition(config),
            _ => Err(Problem::BareIgnition),
        };
    }
    let mut found = Found::default();
    for document in documents {
        found.take(document)?;
    }
    found.only()
}

#[derive(Default)]
struct Found {
    configs: Vec<Map<String, Value>>,
    /// The first few others, as messages name them.
    others: Vec<String>,
}

/// How many objects of other kinds a message names.
const NAMED: usize = 5;

impl Found {
    fn take(&mut self, document: Value) -> Result<(), Problem> {
        let Value::Object(mut object) = document else {
            return Err(not_a_machine_config(kind_of(&document).to_owned()));
        };
        let list_of_configs = match kind_and_version(&object) {
            Some((KIND, API_VERSION)) => {
                self.configs.push(object);
                return Ok(());
            }
            Some(("List", "v1")) => false,
            Some(("MachineConfigList", API_VERSION)) => true,
            // Objects that no kind can be said of, and what only calls itself a MachineConfig.
            None | Some((KIND, _)) => return Err(not_a_machine_config(description(&object))),
            Some(_) => {
                if self.others.len() < NAMED {
                    self.others.push(description(&object));
                }
                return Ok(());
            }
        };
        let Some(Value::Array(items)) = object.remove("items") else {
            return Err(not_a_machine_config("a list without items".to_owned()));
        };
        for mut item in items {
            if let (true, Value::Object(item)) = (list_of_configs, &mut item) {
                // The API server leaves these out in the items of a typed list.
                item.entry("kind").or_insert_with(|| KIND.into());
                item.entry("apiVersion").or_insert_with(|| API_VERSION.into());
            }
            match item.get("kind") {
                Some(kind) if kind == "List" || kind == "MachineConfigList" => {
                    return Err(not_a_machine_config("a list in a list".to_owned()));
                }
                _ => self.take(item)?,
            }
        }
        Ok(())
    }

    fn only(mut self) -> Result<MachineConfig, Problem> {
        match (self.configs.pop(), self.configs.as_slice()) {
            (Some(config), []) => MachineConfig::from_object(config),
            (Some(last), configs) => Err(Problem::SeveralMachineConfigs {
                count: configs.len() + 1,
                first: configs.first().map(shown_name).unwrap_or_default(),
                second: shown_name(configs.get(1).unwrap_or(&last)),
            }),
            (None, _) if self.others.is_empty() => {
                Err(not_a_machine_config("an empty list".to_owned()))
            }
            (None, _) => Err(not_a_machine_config(self.others.join(", "))),
        }
    }
}

fn not_a_machine_config(found: String) -> Problem {
    Problem::NotAMachineConfig { found }
}

/// An Ignition config has no kind, and an object `ignition`.
fn is_ignition(document: &Value) -> bool {
    document.get("kind").is_none()
        && document.get("apiVersion").is_none()
        && document.get("ignition").is_some_and(Value::is_object)
}

fn kind_and_version(object: &Map<String, Value>) -> Option<(&str, &str)> {
    let text = |field| object.get(field).and_then(Value::as_str);
    Some((text("kind")?, text("apiVersion")?))
}

fn description(object: &Map<String, Value>) -> String {
    let text = |field| {
        object
            .get(field)
            .and_then(Value::as_str)
            .map(|text| shortened(text).escape_debug().to_string())
    };
    match (text("kind"), text("apiVersion")) {
        (Some(kind), Some(version)) => format!("a {kind} ({version})"),
        (Some(kind), None) => format!("a {kind} without apiVersion"),
        (None, _) if object.contains_key("ignition") => {
            "an Ignition config among other documents".to_owned()
        }
        (None, _) => "an object without kind".to_owned(),
    }
}

fn shown_name(object: &Map<String, Value>) -> String {
    object
        .get("metadata")
        .and_then(|metadata| metadata.get("name"))
        .and_then(Value::as_str)
        .map(shortened)
        .unwrap_or_default()
}
