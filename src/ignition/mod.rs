//! What Ignition means: which versions layerwright takes, and how file contents are written in a
//! config. Pure: nothing here touches network, disk, clock, environment or cluster. It does not
//! judge what a config says; the engine that applies it does.

mod data_url;
mod version;

pub use data_url::{percent_data_url, shortest_data_url};
pub use version::{SpecVersion, VersionError};
