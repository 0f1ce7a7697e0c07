//! What a pool's streams hold. A tag whose image is damaged counts as empty: putting the right image
//! there is what repairs it.

use super::error::chain;
use super::{Context, OrchestratorError, PoolTask, Report};
use crate::image::{
    Digest, Document, Manifest, RENDERED_LAYER_LIMIT, RawManifest, annotation, rendered_source,
};
use crate::plan::{ContentTag, Inputs, RenderedTag, StreamTags, Streams};
use crate::store::{Reference, Store, transfer};

/// Reads the streams of one pool.
#[derive(Clone, Copy)]
pub struct StreamReader<'a> {
    /// What all pools share.
    pub context: &'a Context,
    /// The pool.
    pub task: &'a PoolTask,
    /// Where to say what is damaged.
    pub report: &'a dyn Report,
}

fn tag(name: &str) -> Reference {
    Reference::Tag(name.to_owned())
}

impl StreamReader<'_> {
    /// What `P-base:latest` holds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn base(self) -> Result<Option<RawManifest>, OrchestratorError> {
        let stream = Streams(&self.task.pool).base();
        self.manifest(&stream, "latest").await
    }

    /// What the tags of `P-rendered-config` hold.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn rendered(self) -> Result<StreamTags<RenderedTag>, OrchestratorError> {
        let stream = Streams(&self.task.pool).rendered_config();
        let (latest, named) = tokio::try_join!(
            self.rendered_tag(&stream, "latest"),
            self.rendered_tag(&stream, &self.task.tag.tag),
        )?;
        Ok(StreamTags { latest, named })
    }

    async fn rendered_tag(
        self,
        stream: &str,
        name: &str,
    ) -> Result<Option<RenderedTag>, OrchestratorError> {
        let Some(found) = self.context.store.head(stream, &tag(name)).await? else {
            return Ok(None);
        };
        let (image, rendered) = (found.digest, &self.task.rendered);
        if image == rendered.image {
            return Ok(Some(RenderedTag { image, source: Some(rendered.source) }));
        }
        let Some(manifest) = self.manifest(stream, name).await? else { return Ok(None) };
        let source = self.rendered_source(stream, &manifest).await?;
        Ok(Some(RenderedTag { image, source }))
    }

    /// The digest of what a rendered-config image was packed from, when the image says that it is
    /// this pool's. What it says is not believed: the files in it are read.
    pub async fn rendered_source(
        self,
        stream: &str,
        raw: &RawManifest,
    ) -> Result<Option<Digest>, OrchestratorError> {
        let Ok(manifest) = raw.parse_manifest() else { return Ok(None) };
        let wanted = self.task.rendered.source;
        let [layer] = manifest.layers() else { return Ok(None) };
        if digest_in(&manifest, annotation::SOURCE) != Some(wanted)
            || layer.size > RENDERED_LAYER_LIMIT
        {
            return Ok(None);
        }
        let bytes = match transfer::read_blob(&self.context.store, stream, layer).await {
            Ok(bytes) => bytes,
            Err(error) if error.is_damage() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(rendered_source(&layer.media_type, &bytes))
    }

    /// What the tags of `P-mco-content` hold.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn content(self) -> Result<StreamTags<ContentTag>, OrchestratorError> {
        let stream = Streams(&self.task.pool).content();
        let named_tag = tag(&self.task.tag.tag);
        let head = async { Ok(self.context.store.head(&stream, &named_tag).await?) };
        let (latest, named) = tokio::try_join!(self.manifest(&stream, "latest"), head)?;
        let latest = latest.as_ref().map(content_tag);
        let named = match (named, &latest) {
            (None, _) => None,
            (Some(named), Some(latest)) if latest.image == Some(named.digest) => {
                Some(latest.clone())
            }
            (Some(_), _) => {
                self.manifest(&stream, &self.task.tag.tag).await?.as_ref().map(content_tag)
            }
        };
        Ok(StreamTags { latest, named })
    }

    async fn manifest(
        self,
        stream: &str,
        name: &str,
    ) -> Result<Option<RawManifest>, OrchestratorError> {
        match self.context.store.manifest(stream, &tag(name)).await {
            Ok(found) => Ok(found),
            Err(error) if error.is_damage() => {
                let text =
                    format!("{stream}:{name} is damaged: {}; it is put again", chain(&error));
                self.report.note(&self.task.pool, &text);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
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
        base_name: say(annotation::BASE_NAME),
        base_digest: digest_in(&manifest, annotation::BASE_DIGEST),
        inputs: manifest.annotation(annotation::INPUTS).and_then(|text| Inputs::parse(text).ok()),
    }
}

fn digest_in(manifest: &Manifest, name: &str) -> Option<Digest> {
    manifest.annotation(name)?.parse().ok()
}
