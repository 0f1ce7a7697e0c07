//! Reads YAML as `oc apply -f` does: sigs.k8s.io/yaml, which is YAML 1.1 as go-yaml 2 has it.
//! `granit-parser` knows the syntax and gives events; what a scalar means is in [`scalar`].
//!
//! What `oc apply` takes and this refuses, on purpose:
//! - merge keys (`<<`) and keys that are there twice, also when they only become equal as JSON
//!   (`1` and `"1"`): too easily not what was meant;
//! - numbers that are not integers within ±2^53, spelled as integers: `420.0`, `1e3`, `.inf`;
//! - tags other than those of the JSON types and `!!binary`, tags that do not fit their value, and
//!   `!!binary` of bytes that are not UTF-8, which `oc apply` would replace;
//! - UTF-16.

mod scalar;

pub(super) use scalar::is_plain_string;

use std::collections::BTreeMap;

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, ScanError, Tag};
use serde_json::{Map, Value};

use self::scalar::{ScalarProblem, TagKind};
use super::budget::{Budget, Cost, MAX_DEPTH, check_depth};
use super::error::{Failure, Problem};
use super::place::{Place, Segment, json_path, shortened};

/// Reads all documents in `text`, spending `budget`. An empty document is null.
pub(super) fn read_yaml(text: &str, budget: Budget) -> Result<Vec<Value>, Failure> {
    let mut builder = Builder::new(budget);
    for next in Parser::new_from_str_with_options(text, options()) {
        let (event, span) = next.map_err(|error| syntax(&error))?;
        builder.take(event).map_err(|problem| {
            let start = match problem {
                Problem::Tag { .. } => span.tag_start.unwrap_or(span.start),
                _ => span.start,
            };
            Failure::at(place(&start), problem)
        })?;
    }
    Ok(builder.documents)
}

fn options() -> Options {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    // As libyaml, and so go-yaml, has it.
    options.block_scalar_eof_without_line_feed = true;
    options
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

fn syntax(error: &ScanError) -> Failure {
    let problem = match error.kind() {
        granit_parser::ErrorKind::RecursionLimitExceeded => Problem::TooDeep { limit: MAX_DEPTH },
        kind => Problem::Syntax { format: "YAML", reason: kind.to_string() },
    };
    Failure::at(place(error.marker()), problem)
}

/// Makes values of events, without recursion.
struct Builder {
    budget: Budget,
    documents: Vec<Value>,
    /// The collections that are open, outermost first.
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
}

struct Open {
    /// The anchor that the collection gets when it is complete, 0 for none.
    anchor: usize,
    collection: Collection,
}

enum Collection {
    Sequence(Vec<Value>),
    /// The entries, and the key whose value comes next.
    Mapping(Map<String, Value>, Option<String>),
}

/// What an alias stands for, and what a copy of it costs.
struct Anchored {
    value: Value,
    cost: Cost,
}

impl Builder {
    fn new(budget: Budget) -> Self {
        Self { budget, documents: Vec::new(), open: Vec::new(), anchors: BTreeMap::new() }
    }

    fn take(&mut self, event: Event<'_>) -> Result<(), Problem> {
        match event {
            Event::DocumentStart(_, Some(version)) if (version.major, version.minor) != (1, 1) => {
                Err(Problem::YamlVersion { major: version.major, minor: version.minor })
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = TagKind::of(tag.as_deref());
                self.scalar(&text, style == ScalarStyle::Plain, anchor, tag)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.start(anchor, tag.as_deref(), TagKind::Seq)
            }
            Event::MappingStart(_, anchor, tag) => self.start(anchor, tag.as_deref(), TagKind::Map),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor),
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            // Stream marks and presentation: no values.
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        plain: bool,
        anchor: usize,
        tag: TagKind,
    ) -> Result<(), Problem> {
        if self.wants_key() && text == "<<" && tag.merges(plain) {
            return Err(Problem::MergeKey { path: self.path() });
        }
        let value = scalar::resolve(text, plain, tag).map_err(|problem| {
            let path = self.path();
            match problem {
                ScalarProblem::NotAnInteger => Problem::NotAnInteger { path },
                ScalarProblem::Tag => Problem::Tag { path },
                ScalarProblem::Binary => Problem::Binary { path },
            }
        })?;
        self.budget.spend(Cost::of(&value))?;
        self.remember(anchor, &value)?;
        self.add(value)
    }

    fn start(&mut self, anchor: usize, tag: Option<&Tag>, own: TagKind) -> Result<(), Problem> {
        if self.wants_key() {
            return Err(Problem::NotAKey { path: self.path() });
        }
        let tag = TagKind::of(tag);
        if tag != TagKind::None && tag != TagKind::NonSpecific && tag != own {
            return Err(Problem::Tag { path: self.path() });
        }
        check_depth(self.open.len() + 1)?;
        self.budget.values(1)?;
        let collection = if own == TagKind::Seq {
            Collection::Sequence(Vec::new())
        } else {
            Collection::Mapping(Map::new(), None)
        };
        self.open.push(Open { anchor, collection });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        let Some(Open { anchor, collection }) = self.open.pop() else {
            return Ok(());
        };
        let value = match collection {
            Collection::Sequence(items) => Value::Array(items),
            Collection::Mapping(entries, _) => Value::Object(entries),
        };
        self.remember(anchor, &value)?;
        self.add(value)
    }

    fn alias(&mut self, anchor: usize) -> Result<(), Problem> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            // The parser knows the name, so its value is open around this alias.
            return Err(Problem::CircularAlias { path: self.path() });
        };
        check_depth(self.open.len() + anchored.cost.depth)?;
        self.budget.spend(anchored.cost)?;
        let value = anchored.value.clone();
        self.add(value)
    }

    /// Keeps a copy for aliases; the copy is paid for like an alias.
    fn remember(&mut self, anchor: usize, value: &Value) -> Result<(), Problem> {
        if anchor != 0 {
            let cost = Cost::of(value);
            self.budget.spend(cost)?;
            let value = value.clone();
            self.anchors.insert(anchor, Anchored { value, cost });
        }
        Ok(())
    }

    /// Puts a complete value where it belongs: as a document, an item, a key or an entry's value.
    fn add(&mut self, value: Value) -> Result<(), Problem> {
        let path = || json_path(&path(&self.open));
        match self.open.last().map(|open| &open.collection) {
            Some(Collection::Mapping(entries, None)) => {
                let key = key_of(value).ok_or_else(|| Problem::NotAKey { path: path() })?;
                if entries.contains_key(&key) {
                    return Err(Problem::DuplicateKey { path: path(), key: shortened(&key) });
                }
                self.set_key(key);
            }
            _ => self.put(value),
        }
        Ok(())
    }

    fn set_key(&mut self, next: String) {
        if let Some(Open { collection: Collection::Mapping(_, key), .. }) = self.open.last_mut() {
            *key = Some(next);
        }
    }

    fn put(&mut self, value: Value) {
        match self.open.last_mut().map(|open| &mut open.collection) {
            None => self.documents.push(value),
            Some(Collection::Sequence(items)) => items.push(value),
            Some(Collection::Mapping(entries, key)) => {
                if let Some(key) = key.take() {
                    entries.insert(key, value);
                }
            }
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.open.last().map(|open| &open.collection), Some(Collection::Mapping(_, None)))
    }

    fn path(&self) -> String {
        json_path(&path(&self.open))
    }
}

/// The path of the value that comes next.
fn path(open: &[Open]) -> Vec<Segment> {
    open.iter()
        .filter_map(|open| match &open.collection {
            Collection::Sequence(items) => Some(Segment::Index(items.len())),
            Collection::Mapping(_, key) => key.clone().map(Segment::Key),
        })
        .collect()
}

/// The JSON key that sigs.k8s.io/yaml makes of a key, if it makes one.
fn key_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
