//! The loop: observe a pool, decide, perform the step, decide again, until there is nothing left to
//! do (design, "Deciding").

use std::fmt;

use crate::machineconfig::DocumentError;
use crate::plan::{Decision, NotNow, Snapshot, Step, decide, steps};

mod base;
mod build;
mod context;
mod error;
mod observe;
mod perform;

pub use context::{Context, PoolTask, Report, Task};
pub use error::OrchestratorError;
pub use observe::Observation;
