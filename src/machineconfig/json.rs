//! Reads JSON strictly: no key twice, numbers only as integer literals within ±2^53, bounded depth.
//! One input may hold several values after one another.
//!
//! The syntax is serde_json's business; what a value may be is decided by the visitor here. The
//! visitor cannot pass an error of its own through serde_json, so it leaves it in [`State`].

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::budget::{Budget, check_depth};
use super::error::{Failure, Problem};
use super::place::{Place, Segment, json_path, shortened};

/// The largest magnitude that every JSON reader keeps exactly (RFC 8785, section 3.2.2.3).
pub(super) const MAX_INTEGER: u64 = 1 << 53;

/// Reads all values in `text`, spending `budget`.
pub(super) fn read_json(text: &str, budget: Budget) -> Result<Vec<Value>, Failure> {
    let mut state = State { budget, path: Vec::new(), problem: None };
    let mut values = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    while deserializer.end().is_err() {
        let seed = Node { state: &mut state };
        match seed.deserialize(&mut deserializer) {
            Ok(value) => values.push(value),
            Err(error) => return Err(state.failure(&error)),
        }
    }
    Ok(values)
}

/// What is shared by the visitors of one document.
struct State {
    budget: Budget,
    /// Where the value being read is.
    path: Vec<Segment>,
    /// Why the visitor gave up.
    problem: Option<Problem>,
}

impl State {
    fn refuse<E: Error>(&mut self, problem: Problem) -> E {
        self.problem = Some(problem);
        E::custom("refused")
    }

    fn not_an_integer<E: Error>(&mut self) -> E {
        let path = json_path(&self.path);
        self.refuse(Problem::NotAnInteger { path })
    }

    fn failure(self, error: &serde_json::Error) -> Failure {
        let place = Place { line: error.line(), column: error.column() };
        let reason = error.to_string();
        let problem = match self.problem {
            Some(problem) => problem,
            // A number that no float holds, `1e999`: well-formed, and so no question of syntax.
            None if reason.starts_with("number out of range") => {
                Problem::NotAnInteger { path: json_path(&self.path) }
            }
            None => Problem::Syntax {
                format: "JSON",
                // serde_json puts the place at the end; it is shown with the document's name.
                reason: match reason.rfind(" at line ") {
                    Some(end) => reason[..end].to_owned(),
                    None => reason,
                },
            },
        };
        Failure::at(place, problem)
    }
}

/// Reads one value, at `state.path`.
struct Node<'s> {
    state: &'s mut State,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if let Err(problem) = self.state.budget.values(1) {
            return Err(self.state.refuse(problem));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_INTEGER {
            return Err(self.state.not_an_integer());
        }
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_INTEGER {
            return Err(self.state.not_an_integer());
        }
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
        Err(self.state.not_an_integer())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        match self.state.budget.text(value.len()) {
            Ok(()) => Ok(Value::from(value)),
            Err(problem) => Err(self.state.refuse(problem)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let Node { state } = self;
        if let Err(problem) = check_depth(state.path.len() + 1) {
            return Err(state.refuse(problem));
        }
        let mut items = Vec::new();
        loop {
            state.path.push(Segment::Index(items.len()));
            match access.next_element_seed(Node { state: &mut *state })? {
                Some(item) => items.push(item),
                None => break,
            }
            state.path.pop();
        }
        state.path.pop();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let Node { state } = self;
        if let Err(problem) = check_depth(state.path.len() + 1) {
            return Err(state.refuse(problem));
        }
        let mut entries = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if let Err(problem) = state.budget.text(key.len()) {
                return Err(state.refuse(problem));
            }
            if entries.contains_key(&key) {
                let problem =
                    Problem::DuplicateKey { path: json_path(&state.path), key: shortened(&key) };
                return Err(state.refuse(problem));
            }
            state.path.push(Segment::Key(key.clone()));
            let value = access.next_value_seed(Node { state: &mut *state })?;
            state.path.pop();
            entries.insert(key, value);
        }
        Ok(Value::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Failure, Problem, Value, read_json};
    use serde_json::json;

    fn read(text: &str) -> Result<Vec<Value>, Failure> {
        read_json(text, Budget::new(1 << 20))
    }

    #[test]
    fn values_after_one_another_are_read() {
        let values = read(" {\"a\": [1, -2, null, true, \"\\u00e9\"]}\n{} 3").unwrap();
        assert_eq!(values, [json!({"a": [1, -2, null, true, "é"]}), json!({}), json!(3)]);
        assert!(read(" \n").unwrap().is_empty());
    }

    #[test]
    fn a_key_twice_is_refused_with_its_place() {
        let failure = read("{\"a\": {\n  \"b\": 1,\n  \"b\": 2}}").unwrap_err();
        assert_eq!(failure.place.unwrap().line, 3);
        assert!(
            matches!(&failure.problem, Problem::DuplicateKey { path, key }
                if path == "$.a" && key == "b"),
            "{failure:?}"
        );
    }

    #[test]
    fn only_integer_literals_within_2_53_are_numbers() {
        for good in ["0", "-1", "9007199254740992", "-9007199254740992"] {
            assert_eq!(read(good).unwrap()[0].to_string(), good);
        }
        let bad = [
            "420.0",
            "1e3",
            "1E3",
            "-0",
            "-0.0",
            "0.5",
            "9007199254740993",
            "-9007199254740993",
            "18446744073709551616",
            "1e999",
            "-1e999",
        ];
        for number in bad {
            let failure = read(&format!("{{\"files\": [0, {{\"mode\": {number}}}]}}")).unwrap_err();
            assert!(
                matches!(&failure.problem, Problem::NotAnInteger { path }
                    if path == "$.files[1].mode"),
                "{number}: {failure:?}"
            );
            assert_eq!(failure.place.unwrap().line, 1, "{number}");
        }
    }

    #[test]
    fn syntax_errors_have_a_place_and_quote_nothing() {
        for text in
            ["{\"secret\" 1}", "{\"a\": secret}", "[1,]", "{\"a\": 1", "[01]", "\"\\ud800\""]
        {
            let failure = read(text).unwrap_err();
            assert!(failure.place.unwrap().column > 0, "{text}");
            let Problem::Syntax { format, reason } = &failure.problem else {
                panic!("{text}: {failure:?}");
            };
            assert_eq!(*format, "JSON");
            assert!(!reason.contains("secret") && !reason.contains("line"), "{reason}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(100)).is_ok());
        let maps = "{\"a\":".repeat(200_000);
        for text in [nested(101), nested(200_000), maps] {
            let failure = read(&text).unwrap_err();
            assert!(matches!(failure.problem, Problem::TooDeep { limit: 100 }));
        }
    }

    #[test]
    fn values_and_text_are_bounded() {
        let many = format!("[{}0]", "0,".repeat(300_000));
        let failure = read(&many).unwrap_err();
        assert!(matches!(failure.problem, Problem::TooManyValues { .. }));
        let failure = read_json("{\"abc\": \"defg\"}", Budget::new(6)).unwrap_err();
        assert!(matches!(failure.problem, Problem::TooMuchText { limit: 6 }));
    }
}
