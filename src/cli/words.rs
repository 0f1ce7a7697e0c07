//! Decisions in words: one line a step, one line for each input that changed (I8).

use crate::plan::{NotNow, Step};

/// What a step does, and for a build why.
#[must_use]
pub fn step_lines(step: &Step) -> Vec<String> {
    match step {
        Step::PushRendered { image } => {
            vec![format!("push the rendered config, image {}", image.short())]
        }
        Step::TagBase { old: None, new } => vec![format!("set the base, image {}", new.short())],
        Step::TagBase { old: Some(old), new } => {
            vec![format!("change the base, image {} -> {}", old.short(), new.short())]
        }
        Step::Build { key, why, forced } => {
            let reason = match (forced, why.is_empty()) {
                (true, _) => "although there is an image, because of --force",
                (false, true) => "because its image is gone; no input changed",
                (false, false) => "because of these inputs:",
            };
            let mut lines = vec![format!("build key {}, {reason}", key.short())];
            lines.extend(why.iter().map(|change| format!("  {change}")));
            lines
        }
        Step::Publish { key, image: None } => {
            vec![format!("publish the image of key {}", key.short())]
        }
        Step::Publish { key, image: Some(image) } => {
            vec![format!("publish the image of key {}, {}", key.short(), image.short())]
        }
    }
}

/// Why something cannot be done now.
#[must_use]
pub fn not_now_line(not_now: &NotNow) -> String {
    match not_now {
        NotNow::Wait { missing } => format!("waiting for {missing}"),
    }
}
