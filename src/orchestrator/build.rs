//! Building the image for a key, and recording it (I2).

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::observe::{self, Observation, recorded};
use super::{Context, OrchestratorError, PoolTask, Report, base};
use crate::engine::buildah::{self, LineSink};
use crate::engine::recipe::{self, Packages};
use crate::engine::{BuildSpec, Built, PinnedImage};
use crate::image::{Config, Descriptor, annotation, assemble};
use crate::plan::{BUILDS, BaseLayers, Key, Record, Streams, check_record};
use crate::store::transfer::{self, StoredImage};
use crate::store::{BlobSource, Reference, Store};

/// How often is asked whether another process has ended its build, which takes seconds.
const LOCK_POLL: Duration = Duration::from_millis(100);

/// Builds the image for a key, unless somebody else did meanwhile, and records it.
///
/// # Errors
/// When the build fails, or a store does.
pub async fn build(
    context: &Context,
    task: &PoolTask,
    observation: &Observation,
    key: Key,
    forced: bool,
    report: &dyn Report,
    cancel: &CancellationToken,
) -> Result<Record, OrchestratorError> {
    let found = observation.base()?;
    // Another process on this machine may be building the same key: its result is ours.
    let _lock = tokio::select! {
        lock = lock(&context.cache, key, task, report) => lock?,
        () = cancel.cancelled() => return Err(OrchestratorError::Interrupted),
    };
    if !forced && let Some(record) = recorded(context, task, found, key, report).await? {
        report.note(&task.pool, &format!("took over the image {} of another run", record.image));
        return Ok(record);
    }
    let base = found.read(context).await?;
    base::check_platform(task, found, &base.config)?;
    let spec = spec(context, task, observation, key, base).await?;
    let log = Log::create(&spec.log, report)?;
    let running = report.begin(&format!("building key {} with buildah", key.short()), None);
    let built = buildah::build(&spec, &context.cache, &log, cancel).await;
    drop(running);
    let failed =
        |source| OrchestratorError::Build { key: key.short(), log: spec.log.clone(), source };
    let built = built.map_err(failed)?;
    record(context, task, observation, key, forced, base, built, report).await
}

/// Puts the built image on the base's own layers and writes the record, unless another process
/// wrote one first.
#[allow(clippy::too_many_arguments)] // The one place where everything about a build comes together.
async fn record(
    context: &Context,
    task: &PoolTask,
    observation: &Observation,
    key: Key,
    forced: bool,
    base: &StoredImage,
    built: Built,
    report: &dyn Report,
) -> Result<Record, OrchestratorError> {
    let (store, found) = (&context.store, observation.base()?);
    let Ok((inputs, _)) = &observation.snapshot.inputs else {
        return Err(OrchestratorError::RecordGone { key: key.short() });
    };
    let annotations = BTreeMap::from(
        [
            (annotation::KEY, key.to_string()),
            (annotation::INPUTS, inputs.canonical()?),
            (annotation::ENGINE, built.engine.clone()),
            (annotation::VERSION, env!("CARGO_PKG_VERSION").to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let config = Config::on_base(&base.config, &built.config);
    let own: Vec<_> = built.layers.iter().map(|(layer, _)| layer.clone()).collect();
    let image = assemble(Some(&base.manifest), config, &own, "layerwright: content", annotations)?;
    let written = transfer::stored(BUILDS, image.manifest.clone(), &image.config_bytes)?;
    let layers = BaseLayers { manifest: &base.manifest, config: &base.config };
    let digest = image.manifest.descriptor.digest;
    // The same check that the next reader makes: what would be refused there is not written here.
    let ours = check_record(digest, &written.manifest, &written.config, key, layers)
        .map_err(|source| OrchestratorError::Result { key: key.short(), source })?;
    let base_layers: Vec<Descriptor> = base.manifest.layers().to_vec();
    let base_stream = Streams(&task.pool).base();
    transfer::mount_all(store, BUILDS, &base_stream, &base_layers).await?;
    let mut blobs: Vec<_> = built
        .layers
        .iter()
        .map(|(layer, file)| (layer.descriptor.clone(), BlobSource::File(file.clone())))
        .collect();
    blobs.push((image.config.clone(), BlobSource::Bytes(image.config_bytes)));
    transfer::put_blobs(store, BUILDS, blobs).await?;
    // The first record wins: between the build's beginning and now another machine may have been
    // quicker. Registries have no compare-and-swap, so this narrows the race and cannot close it.
    if !forced && let Some(theirs) = recorded(context, task, found, key, report).await? {
        report.note(&task.pool, &format!("took over the image {} of another run", theirs.image));
        return Ok(theirs);
    }
    store.put_manifest(BUILDS, &Reference::Tag(key.tag()), &image.manifest).await?;
    Ok(ours)
}

async fn spec(
    context: &Context,
    task: &PoolTask,
    observation: &Observation,
    key: Key,
    base: &StoredImage,
) -> Result<BuildSpec, OrchestratorError> {
    let streams = Streams(&task.pool);
    let rendered = rendered_config(context, task).await?;
    let pinned = |argument, stream: &str, image: &StoredImage| PinnedImage {
        argument,
        place: context.place(stream, "latest", image.raw.descriptor.digest),
        image_id: image.manifest.config().digest,
    };
    let extensions = observation.extensions.as_ref();
    let packages = observe::packages(task, extensions);
    let mut images = vec![pinned(recipe::MACHINECONFIG, &streams.rendered_config(), &rendered)];
    images.extend(extensions.map(|found| PinnedImage {
        argument: recipe::EXTENSIONS,
        place: found.place.clone(),
        image_id: found.image_id,
    }));
    Ok(BuildSpec {
        dockerfile: recipe::content_dockerfile(packages),
        base: pinned(recipe::BASE, &streams.base(), base),
        base_config: base.config.clone(),
        images,
        platform: task.platform.clone(),
        network: packages != Packages::None,
        log: context.cache.join("logs").join(format!("{}.log", key.tag())),
    })
}

/// The rendered-config image that the stream holds: this one, or one that another version of this
/// program packed from the same.
async fn rendered_config(
    context: &Context,
    task: &PoolTask,
) -> Result<StoredImage, OrchestratorError> {
    let (stream, latest) = (Streams(&task.pool).rendered_config(), "latest".to_owned());
    let raw = context.store.manifest(&stream, &Reference::Tag(latest)).await?;
    let moved = || OrchestratorError::RenderedMoved { pool: task.pool.clone() };
    let image = transfer::read_image(&context.store, &stream, raw.ok_or_else(moved)?).await?;
    let source = image.manifest.annotation(annotation::SOURCE);
    if source == Some(task.rendered.source.to_string().as_str()) { Ok(image) } else { Err(moved()) }
}

/// Waits for other processes of this machine that build the same key. The lock ends with the
/// process, however that ends.
async fn lock(
    cache: &Path,
    key: Key,
    task: &PoolTask,
    report: &dyn Report,
) -> Result<File, OrchestratorError> {
    let path = cache.join("locks").join(key.tag());
    let failed = |source| OrchestratorError::Cache { path: path.clone(), source };
    fs::create_dir_all(cache.join("locks")).map_err(failed)?;
    let file = File::create(&path).map_err(failed)?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        if !said {
            let text = format!("waiting for another process that builds key {}", key.short());
            report.note(&task.pool, &text);
            said = true;
        }
        // Asked again and again: a thread that waits in the kernel could not be interrupted.
        tokio::time::sleep(LOCK_POLL).await;
    }
}

/// The log of a build: kept in a file, and shown as it comes.
struct Log<'a> {
    file: Mutex<File>,
    report: &'a dyn Report,
}

impl<'a> Log<'a> {
    fn create(path: &Path, report: &'a dyn Report) -> Result<Self, OrchestratorError> {
        let create = || {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            File::create(path)
        };
        let file = create()
            .map_err(|source| OrchestratorError::Cache { path: path.to_owned(), source })?;
        Ok(Self { file: Mutex::new(file), report })
    }
}

impl LineSink for Log<'_> {
    fn line(&self, line: &str) {
        self.report.log(line);
        // A log that cannot be kept is no reason to give up a build that is going well.
        let _ = self.file.lock().map(|mut file| writeln!(file, "{line}"));
    }
}
