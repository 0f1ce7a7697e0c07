//! Performing a step. What it changed comes back as a fact; a process that is killed here leaves
//! work that the next run finishes (I5).

use tokio_util::sync::CancellationToken;

use super::build::Building;
use super::observe::Observation;
use super::records::{self, Lookup};
use super::{Context, OrchestratorError, PoolTask, Report, base, interruptible};
use crate::image::{Descriptor, Stamp, stamp};
use crate::plan::{BUILDS, Fact, Key, Step, Streams};
use crate::store::transfer;

/// Performs a step.
///
/// # Errors
/// When it could not be performed, or the user interrupts it. What it did until then is harmless:
/// a tag that was moved was moved to a whole image.
pub async fn perform(
    context: &Context,
    task: &PoolTask,
    observation: &Observation,
    step: &Step,
    report: &dyn Report,
    cancel: &CancellationToken,
) -> Result<Fact, OrchestratorError> {
    match step {
        Step::Build { key, forced, .. } => {
            let (key, forced) = (*key, *forced);
            let building = Building { context, task, observation, key, forced, report };
            Ok(Fact::Built(Some(building.run(cancel).await?)))
        }
        Step::PushRendered { .. } => interruptible(push_rendered(context, task), cancel).await,
        Step::TagBase { .. } => {
            let tagged = base::tag(context, task, observation.base()?, report);
            interruptible(tagged, cancel).await.map(|()| Fact::BaseTagged)
        }
        Step::Publish { key, .. } => {
            let _publishing = report.begin(&format!("publishing key {}", key.short()), None);
            interruptible(publish(context, task, observation, *key), cancel).await
        }
    }
}

async fn push_rendered(context: &Context, task: &PoolTask) -> Result<Fact, OrchestratorError> {
    let stream = Streams(&task.pool).rendered_config();
    let tags = [task.tag.tag.as_str(), "latest"];
    transfer::push_image(&context.store, &stream, &task.image, &task.layer, &tags).await?;
    Ok(Fact::RenderedPushed)
}

/// Stamps the recorded image of a key for the pool, and moves the content stream's tags to it.
async fn publish(
    context: &Context,
    task: &PoolTask,
    observation: &Observation,
    key: Key,
) -> Result<Fact, OrchestratorError> {
    let found = observation.base()?;
    // Looked up again: where two machines built one key, both publish the image that the record names.
    let Lookup::Image(record, content) = records::recorded(context, found, key).await? else {
        return Err(OrchestratorError::RecordGone { key: key.short() });
    };
    let says = Stamp {
        pool: &task.pool,
        machine_config_name: &task.rendered.name,
        machine_config: task.machine_config.canonical_json(),
        base_name: found.base.public_name.as_deref(),
        base_digest: found.base.digest,
        base_platform_digest: found.base.platform_digest,
        content: record.image,
    };
    let (image, layer) = stamp(&content.manifest, &content.config, &says)?;
    let (store, stream) = (&context.store, Streams(&task.pool).content());
    let layers: Vec<Descriptor> = content.manifest.layers().to_vec();
    transfer::mount_all(store, &stream, BUILDS, &layers).await?;
    let tags = [task.tag.tag.as_str(), "latest"];
    transfer::push_image(store, &stream, &image, &layer, &tags).await?;
    Ok(Fact::Published(Some(image.manifest.descriptor.digest)))
}
