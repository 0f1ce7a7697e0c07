//! Documents: MachineConfigs as people and clusters write them, and what layerwright makes of them.
//!
//! [`read`] takes the bytes of a file, JSON or YAML, and gives a [`MachineConfig`] that is checked,
//! in canonical form, and has its Ignition converted; or a [`DocumentError`] that says what is
//! wrong, where, and what to do. A value of type [`MachineConfig`] can always be packed.
//!
//! Pure: nothing here touches network, disk, clock, environment or cluster. What the Ignition
//! config does to a file system is not judged here; the engine that applies it does that.

mod budget;
mod canonical;
mod conversion;
mod error;
mod find;
mod json;
mod machine_config;
mod packages;
mod place;
mod read;
mod tag;
mod types;
mod yaml;

#[cfg(test)]
mod tests;

pub use error::{DocumentError, Problem};
pub use machine_config::MachineConfig;
pub use packages::{KernelType, PackageChanges};
pub use place::Place;
pub use read::{DEFAULT_MAX_BYTES, ReadOptions, read};
pub use tag::{TagName, tag_for};
