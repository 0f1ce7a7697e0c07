//! Observation: what a pool's streams, base and records are now. All tags in question are asked for
//! at once; more is read only where something changed.

use std::collections::BTreeMap;

use super::base::{self, FoundBase};
use super::records::{Lookup, recorded};
use super::streams::StreamReader;
use super::task::image_in_registry;
use super::{Context, OrchestratorError, PoolTask, Report};
use crate::engine::ImagePlace;
use crate::engine::recipe::{self, IGNITION_FILE, Packages};
use crate::image::Digest;
use crate::plan::{Inputs, Recipe, RecipeClass, Recorded, Snapshot};
use crate::store::Location;

/// A snapshot, and what `perform` needs beside it.
#[derive(Debug)]
pub struct Observation {
    /// What is decided on.
    pub snapshot: Snapshot,
    /// The base, where there is one.
    pub base: Option<FoundBase>,
    /// The extensions image, where the config needs one and it is there.
    pub extensions: Option<Extensions>,
}

/// An extensions image, resolved.
#[derive(Debug, Clone)]
pub struct Extensions {
    /// Where an engine finds it.
    pub place: ImagePlace,
    /// Its manifest for the pool's platform.
    pub digest: Digest,
    /// Digest of its config.
    pub image_id: Digest,
}

impl Observation {
    /// The base, for a step that is only decided on when there is one.
    ///
    /// # Errors
    /// When there is none.
    pub fn base(&self) -> Result<&FoundBase, OrchestratorError> {
        let pool = || self.snapshot.pool.clone();
        self.base.as_ref().ok_or_else(|| OrchestratorError::NoBase { pool: pool() })
    }
}

/// Observes a pool.
///
/// # Errors
/// When a store fails, or something that is there is not usable.
pub async fn observe(
    context: &Context,
    task: &PoolTask,
    report: &dyn Report,
) -> Result<Observation, OrchestratorError> {
    let streams = StreamReader { context, task, report };
    let (base_stream, rendered_stream, content_stream, base_image, extensions) = tokio::try_join!(
        streams.base(),
        streams.rendered(),
        streams.content(),
        base::find_image(context, task),
        extensions(context, task),
    )?;
    let base = match base_image {
        Some(base) => base,
        None => base::find_root(context, task, base_stream.as_ref(), report).await?,
    };
    let inputs = match (&base, &extensions) {
        (Err(missing), _) | (_, Err(missing)) => Err(missing.clone()),
        (Ok(base), Ok(extensions)) => {
            let inputs = inputs(task, base, extensions.as_ref());
            let key = inputs.key()?;
            Ok((inputs, key))
        }
    };
    let mut snapshot = Snapshot {
        pool: task.pool.clone(),
        rendered: task.rendered.clone(),
        rendered_stream,
        base: base.as_ref().map(|found| found.base.clone()).map_err(Clone::clone),
        base_stream: base_stream.map(|manifest| manifest.descriptor.digest),
        inputs,
        recorded: Recorded::Nothing,
        content_stream,
        force: false,
    };
    if let Ok((_, key)) = &snapshot.inputs {
        // One build is what --force asks for, also for pools that share it.
        snapshot.force = task.force && !context.was_forced(*key);
    }
    if let (Ok((_, key)), Ok(found)) = (&snapshot.inputs, &base)
        && (snapshot.force || !snapshot.content_is_published())
    {
        // Found out here, before anything is written.
        base::check_platform(task, found, &found.read(context).await?.config)?;
        snapshot.recorded = match recorded(context, found, *key).await? {
            Lookup::Nothing => Recorded::Nothing,
            Lookup::Image(record, _) => Recorded::Image(record),
            Lookup::Refused { reason } => {
                let key = key.short();
                let text =
                    format!("refused the record of key {key}: {reason}; it counts as absent");
                report.note(&task.pool, &text);
                Recorded::Nothing
            }
        };
    }
    Ok(Observation { snapshot, base: base.ok(), extensions: extensions.unwrap_or_default() })
}

/// The extensions image, when the config needs packages and names one. The inner error says what is
/// missing.
async fn extensions(
    context: &Context,
    task: &PoolTask,
) -> Result<Result<Option<Extensions>, String>, OrchestratorError> {
    const EXTENSIONS_IMAGE: &str = "extensions image";
    const FIELD: &str = "baseOSExtensionsContainerImage";
    let Some(name) = task.machine_config.extensions_image().filter(|_| task.needs_packages())
    else {
        return Ok(Ok(None));
    };
    let location = image_in_registry(FIELD, name, &task.pool)?;
    let found = match base::resolve(context, &location, &task.platform, EXTENSIONS_IMAGE).await? {
        Ok(found) => found,
        Err(missing) => return Ok(Err(missing)),
    };
    let digest = found.base.platform_digest;
    let Location::Registry { host, repository, .. } = &location else { return Ok(Ok(None)) };
    let place = context.registry_place(host, repository, digest);
    let manifest = found.manifest.parse_manifest();
    let manifest = manifest.map_err(|source| OrchestratorError::Base {
        what: EXTENSIONS_IMAGE.to_owned(),
        name: name.to_owned(),
        source,
    })?;
    Ok(Ok(Some(Extensions { place, digest, image_id: manifest.config().digest })))
}

/// The packages that the recipe installs, and from where.
pub fn packages(task: &PoolTask, extensions: Option<&Extensions>) -> Packages {
    match (task.needs_packages(), extensions) {
        (false, _) => Packages::None,
        (true, None) => Packages::FromBase,
        (true, Some(_)) => Packages::FromExtensionsImage,
    }
}

fn inputs(task: &PoolTask, base: &FoundBase, extensions: Option<&Extensions>) -> Inputs {
    let recipe = Recipe {
        class: RecipeClass::Run,
        text: recipe::content_dockerfile(packages(task, extensions)),
        arguments: BTreeMap::new(),
    };
    let files = BTreeMap::from([(IGNITION_FILE.to_owned(), task.ignition())]);
    let images = extensions.map(|found| (recipe::EXTENSIONS.to_owned(), found.digest));
    let base = base.base.platform_digest;
    Inputs::new(recipe, task.platform.clone(), base, files, images.into_iter().collect())
}
