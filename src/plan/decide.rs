//! The decision: from a snapshot to the first step that can be performed now, and everything that
//! cannot, with its reason (design, "Deciding").

use serde::Serialize;

use super::snapshot::{Fact, Recorded, Snapshot};
use super::{Change, Key, changes};
use crate::image::Digest;

/// One thing to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all_fields = "camelCase")]
pub enum Step {
    /// Push the rendered-config image to `P-rendered-config`.
    PushRendered {
        /// The image.
        image: Digest,
    },
    /// Put the base into `P-base`.
    TagBase {
        /// What the stream holds now.
        old: Option<Digest>,
        /// The base's manifest for the pool's platform.
        new: Digest,
    },
    /// Build the image for a key.
    Build {
        /// The key.
        key: Key,
        /// The inputs that differ from those of the published image.
        why: Vec<Change>,
        /// Whether the user asked for it although the key has an image.
        forced: bool,
    },
    /// Stamp the image for a key and put it into `P-mco-content`.
    Publish {
        /// The key.
        key: Key,
        /// The unstamped image; `None` in a plan, when it is still to be built.
        image: Option<Digest>,
    },
}

impl Step {
    /// What the step changes when all goes well. A build's image is not known before it has run.
    #[must_use]
    pub fn expected(&self) -> Fact {
        match self {
            Self::PushRendered { .. } => Fact::RenderedPushed,
            Self::TagBase { .. } => Fact::BaseTagged,
            Self::Build { .. } => Fact::Built(None),
            Self::Publish { .. } => Fact::Published(None),
        }
    }
}

/// Something that cannot be done now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "notNow", rename_all_fields = "camelCase")]
pub enum NotNow {
    /// An input is not there yet.
    Wait {
        /// Which, and what would provide it.
        missing: String,
    },
}

/// What to do about a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The first step that can be performed now; `None` when there is nothing to do, or nothing
    /// that can be done.
    pub step: Option<Step>,
    /// What cannot be done now, with its reason.
    pub not_now: Vec<NotNow>,
}

/// Decides what to do next about a pool.
#[must_use]
pub fn decide(snapshot: &Snapshot) -> Decision {
    Decision { step: next_step(snapshot), not_now: not_now(snapshot) }
}

fn next_step(snapshot: &Snapshot) -> Option<Step> {
    if !snapshot.rendered_is_pushed() {
        return Some(Step::PushRendered { image: snapshot.rendered.image });
    }
    let base = snapshot.base.as_ref().ok()?;
    if snapshot.base_stream != Some(base.platform_digest) {
        let (old, new) = (snapshot.base_stream, base.platform_digest);
        return Some(Step::TagBase { old, new });
    }
    let (inputs, key) = snapshot.inputs.as_ref().ok()?;
    let build = |forced| {
        let before = snapshot.content_stream.latest.as_ref();
        let before = before.and_then(|tag| tag.inputs.as_ref());
        Step::Build { key: *key, why: changes(before, inputs), forced }
    };
    if snapshot.force {
        return Some(build(snapshot.recorded != Recorded::Nothing));
    }
    if snapshot.content_is_published() {
        return None;
    }
    match &snapshot.recorded {
        Recorded::Nothing => Some(build(false)),
        recorded => Some(Step::Publish { key: *key, image: recorded.image() }),
    }
}

fn not_now(snapshot: &Snapshot) -> Vec<NotNow> {
    let base = snapshot.base.as_ref().err();
    let inputs = snapshot.inputs.as_ref().err().filter(|_| base.is_none());
    let missing = base.into_iter().chain(inputs);
    missing.map(|missing| NotNow::Wait { missing: missing.clone() }).collect()
}

/// All steps that would be performed, one after the other, if each went well; and what cannot be
/// done.
#[must_use]
pub fn steps(mut snapshot: Snapshot) -> (Vec<Step>, Vec<NotNow>) {
    let mut steps = Vec::new();
    loop {
        let Decision { step, not_now } = decide(&snapshot);
        match step {
            // Every step makes its own condition false, so there are never more than four.
            Some(step) if steps.len() < 4 => {
                snapshot.apply(step.expected());
                steps.push(step);
            }
            _ => return (steps, not_now),
        }
    }
}
