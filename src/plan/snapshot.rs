//! What is known of a pool when a decision is made.

use super::{Inputs, Key, Record};
use crate::image::Digest;

/// Everything that [`super::decide`] looks at, for one pool.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The pool's name.
    pub pool: String,
    /// The rendered config, and the image it packs into.
    pub rendered: Rendered,
    /// What `P-rendered-config` holds.
    pub rendered_stream: StreamTags<RenderedTag>,
    /// The base that the pool's file asks for, or why there is none yet.
    pub base: Result<Base, String>,
    /// What `P-base:latest` holds.
    pub base_stream: Option<Digest>,
    /// The inputs of the content build and their key, or which of them is missing.
    pub inputs: Result<(Inputs, Key), String>,
    /// What the stream `builds` says about that key.
    pub recorded: Recorded,
    /// What `P-mco-content` holds.
    pub content_stream: StreamTags<ContentTag>,
    /// Build even though there is a record. Cleared by the build.
    pub force: bool,
}

/// The two tags of a stream that layerwright keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTags<T> {
    /// The tag `latest`.
    pub latest: Option<T>,
    /// The tag of the rendered config's name.
    pub named: Option<T>,
}

impl<T: Clone> StreamTags<T> {
    /// Both tags at one image.
    pub fn both(tag: T) -> Self {
        Self { latest: Some(tag.clone()), named: Some(tag) }
    }

    /// Whether both tags hold what `wanted` says.
    fn all(&self, wanted: impl Fn(&T) -> bool) -> bool {
        [&self.latest, &self.named].into_iter().all(|tag| tag.as_ref().is_some_and(&wanted))
    }
}

/// A rendered config and its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Name of the MachineConfig.
    pub name: String,
    /// Digest of the rendered-config image that it packs into.
    pub image: Digest,
    /// Digest of what that image is packed from.
    pub source: Digest,
    /// Digest of the canonical MachineConfig, the file `currentconfig` of a stamped image.
    pub document: Digest,
}

/// A tag of `P-rendered-config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedTag {
    /// Digest of the manifest.
    pub image: Digest,
    /// Digest of what it was packed from, where the manifest was read and says so.
    pub source: Option<Digest>,
}

/// A base, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// As the user named it.
    pub name: String,
    /// The name, where others can use it too: in a registry.
    pub public_name: Option<String>,
    /// The digest behind that name, of the index where there is one.
    pub digest: Digest,
    /// The digest of the manifest for the pool's platform.
    pub platform_digest: Digest,
}

/// A tag of `P-mco-content`, as the annotations of the stamped image say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContentTag {
    /// Digest of the stamped image.
    pub image: Option<Digest>,
    /// The key of the build that it came from.
    pub key: Option<Key>,
    /// The unstamped image under the stamp.
    pub content: Option<Digest>,
    /// The pool it is for.
    pub pool: Option<String>,
    /// The rendered config in it.
    pub machine_config: Option<String>,
    /// Digest of its `currentconfig`.
    pub current_config: Option<Digest>,
    /// The base's name in it, where it has one.
    pub base_name: Option<String>,
    /// The digest behind that name.
    pub base_digest: Option<Digest>,
    /// The inputs of the build that it came from.
    pub inputs: Option<Inputs>,
}

/// What is known about the record of the wanted key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// There is none that can be believed, or nobody needed to look.
    Nothing,
    /// The image that the key gave.
    Image(Record),
    /// There would be one: what a plan assumes after a build.
    Expected,
}

/// What a step changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The rendered-config stream holds the rendered config.
    RenderedPushed,
    /// `P-base` holds the base.
    BaseTagged,
    /// The key has an image; `None` where a plan only assumes so.
    Built(Option<Record>),
    /// The content stream holds the image for the key, stamped; `None` where a plan only assumes
    /// so.
    Published(Option<Digest>),
}

impl Snapshot {
    /// Takes over what a step changed.
    pub fn apply(&mut self, fact: Fact) {
        match fact {
            Fact::RenderedPushed => {
                let Rendered { image, source, .. } = self.rendered;
                self.rendered_stream =
                    StreamTags::both(RenderedTag { image, source: Some(source) });
            }
            Fact::BaseTagged => {
                self.base_stream = self.base.as_ref().ok().map(|base| base.platform_digest);
            }
            Fact::Built(record) => {
                self.force = false;
                self.recorded = record.map_or(Recorded::Expected, Recorded::Image);
            }
            Fact::Published(image) => {
                let tag = ContentTag { image, ..self.wanted_content() };
                self.content_stream = StreamTags::both(tag);
            }
        }
    }

    /// The image that the content stream holds for the pool's machines.
    #[must_use]
    pub fn image(&self) -> Option<Digest> {
        self.content_stream.latest.as_ref().and_then(|tag| tag.image)
    }

    /// What both tags of the content stream should say.
    fn wanted_content(&self) -> ContentTag {
        let (inputs, base) = (self.inputs.as_ref().ok(), self.base.as_ref().ok());
        ContentTag {
            image: None,
            key: inputs.map(|(_, key)| *key),
            content: self.recorded.image(),
            pool: Some(self.pool.clone()),
            machine_config: Some(self.rendered.name.clone()),
            current_config: Some(self.rendered.document),
            base_name: base.and_then(|base| base.public_name.clone()),
            base_digest: base.map(|base| base.digest),
            inputs: inputs.map(|(inputs, _)| inputs.clone()),
        }
    }

    /// Whether both tags of the rendered-config stream hold this rendered config: the same image,
    /// or one that another version of this program packed from the same.
    #[must_use]
    pub fn rendered_is_pushed(&self) -> bool {
        let Rendered { image, source, .. } = &self.rendered;
        self.rendered_stream.all(|tag| tag.image == *image || tag.source.as_ref() == Some(source))
    }

    /// Whether both tags of the content stream hold the image for the wanted key, stamped for this
    /// pool and this rendered config.
    #[must_use]
    pub fn content_is_published(&self) -> bool {
        let wanted = self.wanted_content();
        self.content_stream.all(|tag| {
            wanted.key.is_some()
                && tag.key == wanted.key
                && tag.pool == wanted.pool
                && tag.machine_config == wanted.machine_config
                && tag.current_config == wanted.current_config
                && tag.base_name == wanted.base_name
                && tag.base_digest == wanted.base_digest
                && self.is_recorded_image(tag)
        })
    }

    /// Whether the image under the stamp is the one that the record names. After a forced build the
    /// key is the same, the image is another.
    fn is_recorded_image(&self, tag: &ContentTag) -> bool {
        match &self.recorded {
            Recorded::Nothing => true,
            Recorded::Image(record) => tag.content == Some(record.image),
            // Only what the plan itself published can hold an image that is not built yet.
            Recorded::Expected => tag.image.is_none(),
        }
    }
}

impl Recorded {
    /// The unstamped image, where it is known.
    #[must_use]
    pub fn image(&self) -> Option<Digest> {
        match self {
            Self::Image(record) => Some(record.image),
            Self::Nothing | Self::Expected => None,
        }
    }
}
