//! Observation: what a pool's streams, base and records are now. All tags in question are asked for
//! at once; more is read only where something changed.

use std::collections::BTreeMap;

use super::base::{self, FoundBase};
use super::{Context, OrchestratorError, PoolTask, Report};
use crate::engine::ImagePlace;
use crate::engine::recipe::{self, IGNITION_FILE, Packages};
use crate::image::{Digest, Document, Manifest, RawManifest, annotation};
use crate::plan::{
    BUILDS, BaseLayers, ContentTag, Inputs, Key, Recipe, RecipeClass, Record, Recorded,
    RenderedTag, Snapshot, StreamTags, Streams, check_record,
};
use crate::store::transfer::{self, StoredImage, TransferError};
use crate::store::{Location, Reference, Store, StoreError};

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
    let streams = Streams(&task.pool);
    let (rendered, content) = (streams.rendered_config(), streams.content());
    let (base_stream, rendered_stream, content_stream, base_image, extensions) = tokio::try_join!(
        base_stream(context, task),
        rendered_stream(context, task, &rendered),
        content_stream(context, task, &content),
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
        force: task.force,
    };
    if let (Ok((_, key)), Ok(found)) = (&snapshot.inputs, &base)
        && (snapshot.force || !snapshot.content_is_published())
    {
        snapshot.recorded = match recorded(context, found, *key).await? {
            Lookup::Nothing => Recorded::Nothing,
            Lookup::Image(record) => Recorded::Image(record),
            Lookup::Refused { image, reason } => {
                let key = key.short();
                report.note(
                    &task.pool,
                    &format!(
                        "refused the record {image} of key {key}: {reason}; it counts as absent"
                    ),
                );
                Recorded::Nothing
            }
        };
    }
    Ok(Observation { snapshot, base: base.ok(), extensions: extensions.unwrap_or_default() })
}

fn tag(name: &str) -> Reference {
    Reference::Tag(name.to_owned())
}

async fn base_stream(
    context: &Context,
    task: &PoolTask,
) -> Result<Option<RawManifest>, OrchestratorError> {
    Ok(context.store.manifest(&Streams(&task.pool).base(), &tag("latest")).await?)
}

async fn rendered_stream(
    context: &Context,
    task: &PoolTask,
    stream: &str,
) -> Result<StreamTags<RenderedTag>, OrchestratorError> {
    let read = async |name: &str| {
        let Some(found) = context.store.head(stream, &tag(name)).await? else { return Ok(None) };
        let image = found.digest;
        if image == task.rendered.image {
            return Ok(Some(RenderedTag { image, source: Some(task.rendered.source) }));
        }
        let manifest = context.store.manifest(stream, &tag(name)).await?;
        let manifest = manifest.and_then(|manifest| manifest.parse_manifest().ok());
        let source = manifest.as_ref().and_then(|m| digest_in(m, annotation::SOURCE));
        Ok::<_, StoreError>(Some(RenderedTag { image, source }))
    };
    let (latest, named) = tokio::try_join!(read("latest"), read(&task.tag.tag))?;
    Ok(StreamTags { latest, named })
}

async fn content_stream(
    context: &Context,
    task: &PoolTask,
    stream: &str,
) -> Result<StreamTags<ContentTag>, OrchestratorError> {
    let (latest_tag, named_tag) = (tag("latest"), tag(&task.tag.tag));
    let (latest, named) = tokio::try_join!(
        context.store.manifest(stream, &latest_tag),
        context.store.head(stream, &named_tag),
    )?;
    let latest = latest.as_ref().map(content_tag);
    let named = match (named, &latest) {
        (None, _) => None,
        (Some(named), Some(latest)) if latest.image == Some(named.digest) => Some(latest.clone()),
        (Some(_), _) => context.store.manifest(stream, &named_tag).await?.as_ref().map(content_tag),
    };
    Ok(StreamTags { latest, named })
}

/// What a stamped image says of itself. One that says nothing, or something unreadable, is an image
/// that layerwright did not make: it holds nothing that is wanted.
fn content_tag(raw: &RawManifest) -> ContentTag {
    let image = Some(raw.descriptor.digest);
    let Ok(Document::Manifest(manifest)) = raw.parse() else {
        return ContentTag { image, ..ContentTag::default() };
    };
    let say = |name| manifest.annotation(name).map(str::to_owned);
    ContentTag {
        image,
        key: manifest.annotation(annotation::KEY).and_then(|key| key.parse().ok()),
        content: digest_in(&manifest, annotation::CONTENT),
        pool: say(annotation::POOL),
        machine_config: say(annotation::MACHINE_CONFIG),
        current_config: digest_in(&manifest, annotation::CURRENT_CONFIG),
        inputs: manifest.annotation(annotation::INPUTS).and_then(|text| Inputs::parse(text).ok()),
    }
}

fn digest_in(manifest: &Manifest, name: &str) -> Option<Digest> {
    manifest.annotation(name)?.parse().ok()
}

/// The extensions image, when the config needs packages and names one. The inner error says what is
/// missing.
async fn extensions(
    context: &Context,
    task: &PoolTask,
) -> Result<Result<Option<Extensions>, String>, OrchestratorError> {
    const FIELD: &str = "baseOSExtensionsContainerImage";
    let pool = || task.pool.clone();
    let Some(name) = task.machine_config.extensions_image().filter(|_| task.needs_packages())
    else {
        return Ok(Ok(None));
    };
    let location: Location = name.parse().map_err(|source| OrchestratorError::ConfigImage {
        field: FIELD,
        pool: pool(),
        source,
    })?;
    let found = match base::resolve(context, &location, &task.platform, "extensions image").await? {
        Ok(found) => found,
        Err(missing) => return Ok(Err(missing)),
    };
    let (name, digest) = (name.to_owned(), found.base.platform_digest);
    let Some(place) = context.place_of(&location, digest) else {
        return Err(OrchestratorError::NotAnImage { field: FIELD, pool: pool(), name });
    };
    let manifest = found.manifest.parse_manifest();
    let manifest = manifest.map_err(|source| OrchestratorError::Base { name, source })?;
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

/// What the stream `builds` has under a key.
#[derive(Debug)]
pub enum Lookup {
    /// Nothing.
    Nothing,
    /// A record that holds what a record must.
    Image(Record),
    /// Something that is not believed.
    Refused {
        /// Digest of its manifest.
        image: Digest,
        /// Why.
        reason: String,
    },
}

/// Looks for the record of a key.
///
/// # Errors
/// When the store fails.
pub async fn recorded(
    context: &Context,
    found: &FoundBase,
    key: Key,
) -> Result<Lookup, OrchestratorError> {
    let Some(raw) = context.store.manifest(BUILDS, &tag(&key.tag())).await? else {
        return Ok(Lookup::Nothing);
    };
    let image = raw.descriptor.digest;
    let refused = |error: &dyn std::error::Error| Lookup::Refused { image, reason: chain(error) };
    let stored = match transfer::read_image(&context.store, BUILDS, raw).await {
        Ok(stored) => stored,
        Err(TransferError::Store(error)) => return Err(error.into()),
        Err(error) => return Ok(refused(&error)),
    };
    let base = found.read(context).await?;
    let layers = BaseLayers { manifest: &base.manifest, config: &base.config };
    match check_record(image, &stored.manifest, &stored.config, key, layers) {
        Ok(record) => Ok(Lookup::Image(record)),
        Err(error) => Ok(refused(&error)),
    }
}

/// An unstamped image that a record names.
///
/// # Errors
/// When the store fails or the image is gone.
pub async fn recorded_image(
    context: &Context,
    key: Key,
    image: Digest,
) -> Result<StoredImage, OrchestratorError> {
    let raw = context.store.manifest(BUILDS, &Reference::Digest(image)).await?;
    let raw = raw.ok_or_else(|| OrchestratorError::RecordGone { key: key.short() })?;
    Ok(transfer::read_image(&context.store, BUILDS, raw).await?)
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
