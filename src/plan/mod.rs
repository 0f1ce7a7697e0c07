//! What to do: the inputs and key of a build, the records of builds, and the decision. Pure:
//! nothing here touches network, disk, clock, environment or cluster.

mod changes;
mod decide;
mod inputs;
mod record;
mod snapshot;
mod streams;

#[cfg(test)]
mod tests;

pub use changes::{Change, changes};
pub use decide::{Decision, NotNow, Step, decide, steps};
pub use inputs::{Inputs, InputsError, Key, Recipe, RecipeClass};
pub use record::{BaseLayers, Record, RecordError, check_record};
pub use snapshot::{Base, ContentTag, Fact, Recorded, Rendered, RenderedTag, Snapshot, StreamTags};
pub use streams::{BUILDS, PoolNameError, Streams, check_pool_names};
