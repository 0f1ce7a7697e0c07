//! layerwright turns machine configuration into operating-system images and never builds the same
//! thing twice. `ARCHITECTURE.md` has the map of these rooms and the path of the data through them.

pub mod cli;
pub mod engine;
pub mod ignition;
pub mod image;
pub mod machineconfig;
pub mod orchestrator;
pub mod plan;
pub mod source;
pub mod store;
