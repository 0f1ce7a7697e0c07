//! The `layerwright` program.

fn main() {}
