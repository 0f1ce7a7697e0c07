//! Building the image for a key, and recording it (I2).

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::observe::{self, Observation};
use super::records::{self, Lookup};
use super::streams::StreamReader;
use super::{Context, OrchestratorError, PoolTask, Report, interruptible};
use crate::engine::buildah::{self, LineSink};
use crate::engine::recipe::{self, Packages};
use crate::engine::{BuildSpec, Built, PinnedImage};
use crate::image::{Config, Descriptor, PackedImage, annotation, assemble};
use crate::plan::{BUILDS, BaseLayers, Key, Record, Streams, check_record};
use crate::store::transfer::{self, StoredImage};
use crate::store::{BlobSource, Reference, Store};

/// How often a process that waits for another looks whether it is done.
const LOCK_POLL: Duration = Duration::from_millis(100);

/// The build of one key.
#[derive(Clone, Copy)]
pub struct Building<'a> {
    /// What all pools share.
    pub context: &'a Context,
    /// The pool that wants the image first.
    pub task: &'a PoolTask,
    /// What was observed of it.
    pub observation: &'a Observation,
    /// The key.
    pub key: Key,
    /// Build and replace the record, whatever there is.
    pub forced: bool,
    /// Where to say what happens.
    pub report: &'a dyn Report,
}

/// What there is to do about a key once nobody else builds it.
enum Prepared {
    /// Nothing: there is a record by now.
    Taken(Record),
    /// To build this.
    Build(Box<BuildSpec>),
}

impl Building<'_> {
    /// Builds the image, unless somebody else did meanwhile, and records it.
    ///
    /// # Errors
    /// When the build fails, or a store does.
    pub async fn run(self, cancel: &CancellationToken) -> Result<Record, OrchestratorError> {
        // Another process on this machine may be building the same key: its result is ours.
        let _lock = self.lock(cancel).await?;
        let spec = match interruptible(self.prepare(), cancel).await? {
            Prepared::Taken(record) => return Ok(record),
            Prepared::Build(spec) => spec,
        };
        let log = Log::create(&spec.log, self.report)?;
        let key = self.key.short();
        let running = self.report.begin(&format!("building key {key} with buildah"), None);
        // It ends what it started itself when it is interrupted.
        let built = buildah::build(&spec, &self.context.cache, &log, cancel).await;
        drop(running);
        let built = built.map_err(|source| OrchestratorError::Build {
            key: key.clone(),
            log: spec.log.clone(),
            source,
        })?;
        let _recording = self.report.begin(&format!("recording key {key}"), None);
        interruptible(self.record(built), cancel).await
    }

    /// Takes over the record of another process, or puts together what the engine needs.
    async fn prepare(self) -> Result<Prepared, OrchestratorError> {
        if let Some(record) = self.record_of_another().await? {
            return Ok(Prepared::Taken(record));
        }
        let base = self.observation.base()?.read(self.context).await?;
        Ok(Prepared::Build(Box::new(self.spec(base).await?)))
    }

    /// Puts the built image on the base's own layers and writes the record, unless another process
    /// wrote one first.
    async fn record(self, built: Built) -> Result<Record, OrchestratorError> {
        let (store, key) = (&self.context.store, self.key);
        let base = self.observation.base()?.read(self.context).await?;
        let image = self.image(base, &built)?;
        let written = transfer::stored(BUILDS, image.manifest.clone(), &image.config_bytes)?;
        let layers = BaseLayers { manifest: &base.manifest, config: &base.config };
        let digest = image.manifest.descriptor.digest;
        // The same check that the next reader makes: what would be refused there is not written.
        let ours = check_record(digest, &written.manifest, &written.config, key, layers)
            .map_err(|source| OrchestratorError::Result { key: key.short(), source })?;
        let base_layers: Vec<Descriptor> = base.manifest.layers().to_vec();
        let base_stream = Streams(&self.task.pool).base();
        transfer::mount_all(store, BUILDS, &base_stream, &base_layers).await?;
        let layers = built.layers.iter();
        let mut blobs: Vec<_> = layers
            .filter_map(|(layer, file)| {
                Some((layer.descriptor.clone(), BlobSource::File(file.clone()?)))
            })
            .collect();
        blobs.push((image.config.clone(), BlobSource::Bytes(image.config_bytes)));
        transfer::put_blobs(store, BUILDS, blobs).await?;
        // The first record wins: since the build began, another machine may have been quicker.
        // Registries have no compare-and-swap, so this narrows the race and cannot close it.
        if let Some(theirs) = self.record_of_another().await? {
            return Ok(theirs);
        }
        store.put_manifest(BUILDS, &Reference::Tag(key.tag()), &image.manifest).await?;
        if self.forced {
            self.context.remember_forced(key);
        }
        Ok(ours)
    }

    /// The record that another process wrote of this key, unless this build is to replace it.
    async fn record_of_another(self) -> Result<Option<Record>, OrchestratorError> {
        if self.forced {
            return Ok(None);
        }
        let found = self.observation.base()?;
        match records::recorded(self.context, found, self.key).await? {
            Lookup::Image(record, _) => {
                let text = format!("took over the image {} of another run", record.image);
                self.report.note(&self.task.pool, &text);
                Ok(Some(record))
            }
            // What was refused before is replaced.
            Lookup::Nothing | Lookup::Refused { .. } => Ok(None),
        }
    }

    /// The unstamped image: the base with the built layers on it.
    fn image(self, base: &StoredImage, built: &Built) -> Result<PackedImage, OrchestratorError> {
        let inputs = match &self.observation.snapshot.inputs {
            Ok((inputs, _)) => inputs.canonical()?,
            Err(_) => return Err(OrchestratorError::RecordGone { key: self.key.short() }),
        };
        let annotations = [
            (annotation::KEY, self.key.to_string()),
            (annotation::INPUTS, inputs),
            (annotation::ENGINE, built.engine.clone()),
            (annotation::VERSION, env!("CARGO_PKG_VERSION").to_owned()),
        ];
        let annotations = annotations.map(|(name, value)| (name.to_owned(), value)).into();
        let config = Config::on_base(&base.config, &built.config);
        let own: Vec<_> = built.layers.iter().map(|(layer, _)| layer.clone()).collect();
        Ok(assemble(Some(&base.manifest), config, &own, "layerwright: content", annotations)?)
    }

    async fn spec(self, base: &StoredImage) -> Result<BuildSpec, OrchestratorError> {
        let (context, streams) = (self.context, Streams(&self.task.pool));
        let rendered = self.rendered_config().await?;
        let pinned = |argument, stream: &str, image: &StoredImage| PinnedImage {
            argument,
            place: context.place(stream, "latest", image.raw.descriptor.digest),
            image_id: image.manifest.config().digest,
            keep: argument != recipe::MACHINECONFIG,
        };
        let extensions = self.observation.extensions.as_ref();
        let packages = observe::packages(self.task, extensions);
        let mut images = vec![pinned(recipe::MACHINECONFIG, &streams.rendered_config(), &rendered)];
        images.extend(extensions.map(|found| PinnedImage {
            argument: recipe::EXTENSIONS,
            place: found.place.clone(),
            image_id: found.image_id,
            keep: true,
        }));
        Ok(BuildSpec {
            dockerfile: recipe::content_dockerfile(packages),
            base: pinned(recipe::BASE, &streams.base(), base),
            base_config: base.config.clone(),
            base_layers: base.manifest.layers().to_vec(),
            images,
            platform: self.task.platform.clone(),
            network: packages != Packages::None,
            log: context.cache.join("logs").join(format!("{}.log", self.key.tag())),
        })
    }

    /// The rendered-config image that the stream holds: this one, or one that another version of
    /// this program packed from the same.
    async fn rendered_config(self) -> Result<StoredImage, OrchestratorError> {
        let (store, stream) = (&self.context.store, Streams(&self.task.pool).rendered_config());
        let raw = store.manifest(&stream, &Reference::Tag("latest".to_owned())).await?;
        let moved = || OrchestratorError::RenderedMoved { pool: self.task.pool.clone() };
        let image = transfer::read_image(store, &stream, raw.ok_or_else(moved)?).await?;
        let reader = StreamReader { context: self.context, task: self.task, report: self.report };
        let ours = image.raw.descriptor.digest == self.task.rendered.image
            || reader.rendered_source(&stream, &image.raw).await?
                == Some(self.task.rendered.source);
        if ours { Ok(image) } else { Err(moved()) }
    }

    /// Waits for other processes of this machine that build the same key. The lock ends with the
    /// process, however that ends.
    async fn lock(self, cancel: &CancellationToken) -> Result<File, OrchestratorError> {
        let locks = self.context.cache.join("locks");
        let path = locks.join(self.key.tag());
        let failed = |source| OrchestratorError::Cache { path: path.clone(), source };
        fs::create_dir_all(&locks).map_err(failed)?;
        let file = File::create(&path).map_err(failed)?;
        let mut waiting = None;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            waiting.get_or_insert_with(|| {
                let what =
                    format!("waiting for another process that builds key {}", self.key.short());
                self.report.note(&self.task.pool, &what);
                self.report.begin(&what, None)
            });
            tokio::select! {
                () = tokio::time::sleep(LOCK_POLL) => {}
                () = cancel.cancelled() => return Err(OrchestratorError::Interrupted),
            }
        }
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
