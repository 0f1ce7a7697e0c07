//! The OCI image layout home of a store (image-spec, image-layout.md).

/// A layout could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {}
