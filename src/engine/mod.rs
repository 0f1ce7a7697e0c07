//! How builds run.
pub mod recipe;
