//! What a document may cost, whatever it says: depth, number of values, bytes of text. Both readers
//! count as they build, so that memory is bounded before it is used.

use serde_json::Value;

use super::error::Problem;

/// Levels of objects and arrays. Real configs have nine; the JSON parser's own limit is 128.
pub(super) const MAX_DEPTH: usize = 100;

/// Values, keys not counted. Real configs have a few thousand.
pub(super) const MAX_VALUES: usize = 250_000;

/// The part of a document's allowance that is not used up yet.
#[derive(Debug)]
pub(super) struct Budget {
    values: usize,
    text: usize,
    text_limit: usize,
}

impl Budget {
    /// Allows [`MAX_VALUES`] values and `text` bytes in keys and strings.
    pub fn new(text: usize) -> Self {
        Self { values: MAX_VALUES, text, text_limit: text }
    }

    /// Takes `count` values.
    pub fn values(&mut self, count: usize) -> Result<(), Problem> {
        self.values =
            self.values.checked_sub(count).ok_or(Problem::TooManyValues { limit: MAX_VALUES })?;
        Ok(())
    }

    /// Takes `bytes` bytes of text.
    pub fn text(&mut self, bytes: usize) -> Result<(), Problem> {
        let limit = self.text_limit;
        self.text = self.text.checked_sub(bytes).ok_or(Problem::TooMuchText { limit })?;
        Ok(())
    }

    /// Takes what a whole value costs.
    pub fn spend(&mut self, cost: Cost) -> Result<(), Problem> {
        self.values(cost.values)?;
        self.text(cost.text)
    }
}

/// What a value takes of the budget, and how deep it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    values: usize,
    text: usize,
    /// Levels of objects and arrays, 0 for a scalar.
    pub depth: usize,
}

impl Cost {
    /// Counts `value`. The recursion is bounded: values deeper than [`MAX_DEPTH`] are never made.
    pub fn of(value: &Value) -> Self {
        let mut cost = Self { values: 1, text: 0, depth: 0 };
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => cost.text = text.len(),
            Value::Array(items) => {
                cost.depth = 1;
                items.iter().for_each(|item| cost.contain(Self::of(item)));
            }
            Value::Object(entries) => {
                cost.depth = 1;
                for (key, value) in entries {
                    cost.text += key.len();
                    cost.contain(Self::of(value));
                }
            }
        }
        cost
    }

    fn contain(&mut self, inner: Self) {
        self.values += inner.values;
        self.text += inner.text;
        self.depth = self.depth.max(inner.depth + 1);
    }
}

/// Refuses what lies `depth` levels deep, the outermost object being 1, when that is too deep.
pub(super) fn check_depth(depth: usize) -> Result<(), Problem> {
    if depth > MAX_DEPTH { Err(Problem::TooDeep { limit: MAX_DEPTH }) } else { Ok(()) }
}
