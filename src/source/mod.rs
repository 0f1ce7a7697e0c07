//! Where pools come from.

pub mod files;
