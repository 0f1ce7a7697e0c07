//! From any state a pool settles: facts applied one after the other reach the end within four
//! steps, each step once, in their order.

use proptest::prelude::*;

use super::{digest, inputs_on, keyed, new_pool, record_of};
use crate::image::Digest;
use crate::plan::{
    ContentTag, Fact, Key, Recorded, RenderedTag, Snapshot, Step, StreamTags, decide, steps,
};

/// One of a few digests, the wanted one among them.
fn any_digest(words: &'static [&'static str]) -> impl Strategy<Value = Digest> {
    prop::sample::select(words).prop_map(digest)
}

fn any_text(texts: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(texts).prop_map(str::to_owned))
}

fn tags<T: Clone + std::fmt::Debug>(
    tag: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = StreamTags<T>> {
    let one = prop::option::of(tag.clone());
    let two = (one.clone(), one).prop_map(|(latest, named)| StreamTags { latest, named });
    prop_oneof![two, tag.prop_map(StreamTags::both)]
}

fn rendered_tag() -> impl Strategy<Value = RenderedTag> + Clone {
    let image = prop_oneof![Just(digest("rendered image")), Just(digest("other"))];
    let source = prop_oneof![Just(digest("rendered source")), Just(digest("other"))];
    (image, prop::option::of(source)).prop_map(|(image, source)| RenderedTag { image, source })
}

fn key_on(base: &str) -> Key {
    keyed(inputs_on(base)).1
}

fn content_tag() -> impl Strategy<Value = ContentTag> + Clone {
    let key = prop::option::of(prop::sample::select(&["base", "old"]).prop_map(key_on));
    let inputs = prop::option::of(prop::sample::select(&["base", "old"]).prop_map(inputs_on));
    let content = prop::option::of(prop::sample::select(&["content", "old"]).prop_map(digest));
    let document = prop::option::of(prop::sample::select(&["document", "old"]).prop_map(digest));
    let pool = prop::option::of(prop::sample::select(&["layered", "x"]));
    let name = prop::option::of(prop::sample::select(&["rendered-layered-1", "x"]));
    let base = prop::option::of(prop::sample::select(&["base index", "old"]).prop_map(digest));
    (key, inputs, content, document, pool, name, base).prop_map(
        |(key, inputs, content, current_config, pool, name, base_digest)| ContentTag {
            image: Some(digest("stamped before")),
            key,
            content,
            pool: pool.map(str::to_owned),
            machine_config: name.map(str::to_owned),
            current_config,
            base_name: Some("registry.example.com/base:1".to_owned()),
            base_digest,
            inputs,
        },
    )
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let missing = |text| any_text(text);
    (
        tags(rendered_tag()),
        missing(&["the base"]),
        prop::option::of(any_digest(&["base", "old"])),
        missing(&["the extensions image"]),
        prop::option::of(prop::sample::select(&["content", "old"]).prop_map(record_of)),
        tags(content_tag()),
        any::<bool>(),
    )
        .prop_map(
            |(rendered_stream, no_base, base_stream, no_inputs, record, content, force)| {
                let pool = new_pool();
                let no_inputs = no_base.clone().or(no_inputs);
                Snapshot {
                    rendered_stream,
                    base: no_base.map_or(pool.base.clone(), Err),
                    base_stream,
                    inputs: no_inputs.map_or(pool.inputs.clone(), Err),
                    recorded: record.map_or(Recorded::Nothing, Recorded::Image),
                    content_stream: content,
                    force,
                    ..pool
                }
            },
        )
}

/// What performing a step changes: a build gives an image that was not there before.
fn performed(step: &Step) -> Fact {
    match step {
        Step::Build { .. } => Fact::Built(Some(record_of("new content"))),
        Step::Publish { .. } => Fact::Published(Some(digest("stamped"))),
        other => other.expected(),
    }
}

/// The place of a step in the order that all steps have.
fn rank(step: &Step) -> usize {
    match step {
        Step::PushRendered { .. } => 0,
        Step::TagBase { .. } => 1,
        Step::Build { .. } => 2,
        Step::Publish { .. } => 3,
    }
}

/// A step as a plan can know it: not by the image of a build that has not run.
fn planned(step: &Step) -> Step {
    match step {
        Step::Publish { key, image } => {
            let image = image.filter(|image| *image != digest("new content"));
            Step::Publish { key: *key, image }
        }
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4096, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn every_pool_settles(start in snapshot()) {
        let mut pool = start.clone();
        let mut done: Vec<Step> = Vec::new();
        let not_now = loop {
            let decision = decide(&pool);
            prop_assert_eq!(&decide(&pool), &decision, "decisions are a function of the snapshot");
            let Some(step) = decision.step else { break decision.not_now };
            // The order rises, so nothing is done twice and there are four steps at most.
            prop_assert!(
                done.last().is_none_or(|last| rank(last) < rank(&step)),
                "{:?} after {:?}", step, done
            );
            match &step {
                Step::PushRendered { .. } => {}
                Step::TagBase { .. } => prop_assert!(pool.base.is_ok()),
                Step::Build { forced, .. } => {
                    prop_assert!(pool.base.is_ok() && pool.inputs.is_ok(), "every input is a digest");
                    prop_assert_eq!(*forced, pool.recorded != Recorded::Nothing);
                    prop_assert!(!forced || start.force, "a record is replaced by force only");
                }
                Step::Publish { image, .. } => {
                    prop_assert!(image.is_some(), "there is an image to publish");
                    prop_assert_eq!(*image, pool.recorded.image());
                }
            }
            pool.apply(performed(&step));
            done.push(step);
        };

        // What is left undone is exactly what waits for something.
        let complete = start.base.is_ok() && start.inputs.is_ok();
        prop_assert_eq!(not_now.is_empty(), complete);
        prop_assert_eq!(pool.content_is_published() && !pool.force, complete);
        prop_assert!(pool.rendered_is_pushed());
        let builds = done.iter().any(|step| matches!(step, Step::Build { .. }));
        prop_assert!(
            builds || !complete || !start.force, "force builds whatever is there"
        );

        // A plan says the same.
        let (plan, waits) = steps(start);
        prop_assert_eq!(waits, not_now);
        prop_assert_eq!(plan, done.iter().map(planned).collect::<Vec<_>>());
    }
}
