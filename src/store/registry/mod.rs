//! The registry home of a store (distribution-spec 1.1).

/// A registry could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {}
