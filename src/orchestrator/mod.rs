//! The loop: observe a pool, decide, perform the step, decide again, until there is nothing left to
//! do (design, "Deciding").

use tokio_util::sync::CancellationToken;

mod base;
mod build;
mod context;
mod error;
mod observe;
mod perform;
mod records;
mod streams;
mod task;

pub use context::{Context, Progress, Report};
pub use error::OrchestratorError;
pub use task::{PoolTask, pack};

use crate::engine::buildah;
use crate::image::Digest;
use crate::plan::{NotNow, Step, decide, steps};
use perform::perform;

/// What came of a pool.
#[derive(Debug)]
pub struct Outcome {
    /// The steps: performed, or in a plan to be performed.
    pub steps: Vec<Step>,
    /// What cannot be done now.
    pub not_now: Vec<NotNow>,
    /// The pool's image, as the content stream holds it.
    pub image: Option<Digest>,
}

/// Does everything that can be done about a pool now.
///
/// # Errors
/// At the first step that fails. What was done before stays, and the next run goes on from there.
pub async fn build(
    context: &Context,
    task: &PoolTask,
    report: &dyn Report,
    cancel: &CancellationToken,
) -> Result<Outcome, OrchestratorError> {
    let mut observation = interruptible(observe::observe(context, task, report), cancel).await?;
    // What this machine cannot do is said before anything is written.
    let planned = steps(observation.snapshot.clone()).0;
    if planned.iter().any(|step| matches!(step, Step::Build { .. })) {
        buildah::preflight(cancel).await.map_err(OrchestratorError::Engine)?;
    }
    let mut done = Vec::new();
    loop {
        let decision = decide(&observation.snapshot);
        let Some(step) = decision.step else {
            let image = observation.snapshot.image();
            return Ok(Outcome { steps: done, not_now: decision.not_now, image });
        };
        report.step(&task.pool, &step);
        let fact = perform(context, task, &observation, &step, report, cancel).await?;
        observation.snapshot.apply(fact);
        done.push(step);
    }
}

/// What [`build`] would do. Changes nothing in the store.
///
/// # Errors
/// When the pool cannot be observed.
pub async fn plan(
    context: &Context,
    task: &PoolTask,
    report: &dyn Report,
) -> Result<Outcome, OrchestratorError> {
    let observation = observe::observe(context, task, report).await?;
    let image = observation.snapshot.image();
    let (steps, not_now) = steps(observation.snapshot);
    Ok(Outcome { steps, not_now, image })
}

/// Does work that can be dropped at any point.
async fn interruptible<T>(
    work: impl Future<Output = Result<T, OrchestratorError>>,
    cancel: &CancellationToken,
) -> Result<T, OrchestratorError> {
    tokio::select! {
        done = work => done,
        () = cancel.cancelled() => Err(OrchestratorError::Interrupted),
    }
}
