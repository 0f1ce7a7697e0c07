//! The table of decisions (design, "Deciding"), row by row.

use super::{
    content_tag, digest, inputs_on, keyed, new_pool, pool_in_order, prepared_pool, record_of,
};
use crate::image::Digest;
use crate::plan::{
    ContentTag, Fact, NotNow, Recorded, RenderedTag, Snapshot, Step, StreamTags, changes, decide,
    steps,
};

fn push_rendered() -> Option<Step> {
    Some(Step::PushRendered { image: digest("rendered image") })
}

fn tag_base(old: Option<Digest>) -> Option<Step> {
    Some(Step::TagBase { old, new: digest("base") })
}

/// The build of a pool of which `old` was published before.
fn build(old: Option<&str>, forced: bool) -> Option<Step> {
    let (inputs, key) = keyed(inputs_on("base"));
    let why = changes(old.map(inputs_on).as_ref(), &inputs);
    Some(Step::Build { key, why, forced })
}

fn publish(image: Option<&str>) -> Option<Step> {
    let (_, key) = keyed(inputs_on("base"));
    Some(Step::Publish { key, image: image.map(digest) })
}

fn wait(missing: &str) -> Vec<NotNow> {
    vec![NotNow::Wait { missing: missing.to_owned() }]
}

/// A pool, changed by `change`.
fn with(mut pool: Snapshot, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    change(&mut pool);
    pool
}

/// A pool in order but for both tags of its content stream, and with its record looked up.
fn stamped(change: impl FnOnce(&mut ContentTag)) -> Snapshot {
    let mut tag = content_tag("content");
    change(&mut tag);
    with(pool_in_order(), |p| p.content_stream = StreamTags::both(tag))
}

fn rendered(image: &str, source: Option<&str>) -> StreamTags<RenderedTag> {
    StreamTags::both(RenderedTag { image: digest(image), source: source.map(digest) })
}

fn check(rows: Vec<(&str, Snapshot, Option<Step>)>) {
    for (what, pool, wanted) in rows {
        let decision = decide(&pool);
        assert_eq!(decision.step, wanted, "{what}");
        assert_eq!(decision.not_now, [], "{what}");
    }
}

#[test]
fn the_rendered_config_is_pushed_when_a_tag_does_not_hold_its_content() {
    let pushed = |tags| with(prepared_pool(), |p| p.rendered_stream = tags);
    let good = rendered("rendered image", Some("rendered source"));
    let then = build(None, false);
    check(vec![
        ("no tag", new_pool(), push_rendered()),
        ("no latest", pushed(StreamTags { latest: None, ..good.clone() }), push_rendered()),
        ("no named tag", pushed(StreamTags { named: None, ..good.clone() }), push_rendered()),
        ("another config", pushed(rendered("other", Some("other source"))), push_rendered()),
        ("an image that says no source", pushed(rendered("other", None)), push_rendered()),
        ("this image", pushed(rendered("rendered image", None)), then.clone()),
        ("the same packed otherwise", pushed(rendered("other", Some("rendered source"))), then),
        (
            "one tag behind",
            pushed(StreamTags { latest: rendered("other", None).latest, ..good }),
            push_rendered(),
        ),
    ]);
}

#[test]
fn the_base_is_tagged_when_the_stream_holds_another_or_none() {
    let holding = |base: Option<&str>| with(prepared_pool(), |p| p.base_stream = base.map(digest));
    check(vec![
        ("none", holding(None), tag_base(None)),
        ("another", holding(Some("old")), tag_base(Some(digest("old")))),
        ("the base's index, not its manifest", holding(Some("base index")), {
            tag_base(Some(digest("base index")))
        }),
        ("this one", holding(Some("base")), build(None, false)),
    ]);
}

#[test]
fn a_build_starts_when_there_is_no_record_and_says_what_changed() {
    let before = |base: &str| {
        let tag = ContentTag {
            inputs: Some(inputs_on(base)),
            key: Some(keyed(inputs_on(base)).1),
            ..content_tag("old content")
        };
        with(prepared_pool(), |p| p.content_stream = StreamTags::both(tag))
    };
    check(vec![
        ("nothing published before", prepared_pool(), build(None, false)),
        ("another base published before", before("old base"), build(Some("old base"), false)),
        (
            "published by someone who names no inputs",
            with(prepared_pool(), |p| {
                p.content_stream = StreamTags::both(ContentTag::default());
            }),
            build(None, false),
        ),
    ]);
    let Some(Step::Build { why, .. }) = decide(&before("old base")).step else {
        panic!("no build");
    };
    let (old, new) = (digest("old base").short(), digest("base").short());
    let lines: Vec<String> = why.iter().map(ToString::to_string).collect();
    assert_eq!(lines, [format!("base: {old} -> {new}")]);
}

#[test]
fn a_recorded_image_is_published_where_the_stream_does_not_hold_it_stamped() {
    let recorded = Recorded::Image(record_of("content"));
    let wanted = publish(Some("content"));
    let one_tag = |latest: bool| {
        with(pool_in_order(), |p| {
            let tag = Some(content_tag("content"));
            let (latest, named) = if latest { (tag, None) } else { (None, tag) };
            p.content_stream = StreamTags { latest, named };
        })
    };
    check(vec![
        ("nothing published", with(prepared_pool(), |p| p.recorded = recorded), wanted.clone()),
        ("no named tag", one_tag(true), wanted.clone()),
        ("no latest", one_tag(false), wanted.clone()),
        ("another key", stamped(|tag| tag.key = Some(keyed(inputs_on("x")).1)), wanted.clone()),
        ("no key", stamped(|tag| tag.key = None), wanted.clone()),
        ("another pool", stamped(|tag| tag.pool = Some("worker".to_owned())), wanted.clone()),
        ("no pool", stamped(|tag| tag.pool = None), wanted.clone()),
        (
            "another name of the config",
            stamped(|tag| tag.machine_config = Some("rendered-layered-2".to_owned())),
            wanted.clone(),
        ),
        (
            "another text of the config",
            stamped(|tag| tag.current_config = Some(digest("other document"))),
            wanted.clone(),
        ),
        (
            "an image that the record does not name",
            stamped(|tag| tag.content = Some(digest("other content"))),
            wanted,
        ),
    ]);
}

#[test]
fn nothing_is_done_when_both_tags_hold_what_is_wanted() {
    check(vec![
        ("all there", pool_in_order(), None),
        (
            "nobody looked for the record",
            with(pool_in_order(), |p| p.recorded = Recorded::Nothing),
            None,
        ),
    ]);
}

#[test]
fn force_builds_what_is_there_and_publishes_what_came_of_it() {
    let forced = with(pool_in_order(), |p| p.force = true);
    assert_eq!(decide(&forced).step, build(Some("base"), true));
    let nothing_there = with(prepared_pool(), |p| p.force = true);
    // Not forced: another run's record may be taken over.
    assert_eq!(decide(&nothing_there).step, build(None, false));
    let mut built = forced;
    built.apply(Fact::Built(Some(record_of("second content"))));
    assert_eq!(decide(&built).step, publish(Some("second content")));
    built.apply(Fact::Published(Some(digest("second stamped"))));
    assert_eq!((decide(&built).step, built.image()), (None, Some(digest("second stamped"))));
}

#[test]
fn what_is_missing_is_waited_for_and_what_can_be_done_is_done() {
    let no_base = |pool: Snapshot| {
        with(pool, |p| {
            p.base = Err("the base".to_owned());
            p.inputs = Err("the base".to_owned());
        })
    };
    let no_extensions =
        |pool| with(pool, |p: &mut Snapshot| p.inputs = Err("extensions".to_owned()));
    for (what, pool, step, missing) in [
        ("a new pool without a base", no_base(new_pool()), push_rendered(), "the base"),
        ("a pool without a base", no_base(prepared_pool()), None, "the base"),
        ("a new pool", no_extensions(new_pool()), push_rendered(), "extensions"),
        (
            "a pool whose base moved",
            no_extensions(with(prepared_pool(), |p| p.base_stream = None)),
            tag_base(None),
            "extensions",
        ),
        ("a pool without extensions", no_extensions(prepared_pool()), None, "extensions"),
        (
            "even with force",
            no_extensions(with(pool_in_order(), |p| p.force = true)),
            None,
            "extensions",
        ),
    ] {
        let decision = decide(&pool);
        assert_eq!((decision.step, decision.not_now), (step, wait(missing)), "{what}");
    }
}

#[test]
fn a_plan_is_all_steps_in_order() {
    let all = [push_rendered(), tag_base(None), build(None, false), publish(None)];
    for (what, pool, wanted) in [
        ("a new pool", new_pool(), &all[..]),
        ("a prepared pool", prepared_pool(), &all[2..]),
        ("a pool in order", pool_in_order(), &[]),
        (
            "a recorded image",
            with(prepared_pool(), |p| p.recorded = Recorded::Image(record_of("content"))),
            &[publish(Some("content"))],
        ),
        (
            "force",
            with(pool_in_order(), |p| p.force = true),
            &[build(Some("base"), true), publish(None)],
        ),
    ] {
        let (steps, not_now) = steps(pool);
        assert_eq!(steps.into_iter().map(Some).collect::<Vec<_>>(), wanted, "{what}");
        assert_eq!(not_now, [], "{what}");
    }
}

#[test]
fn a_plan_names_what_it_waits_for() {
    let pool = with(new_pool(), |p| p.inputs = Err("extensions".to_owned()));
    let (steps, not_now) = steps(pool);
    assert_eq!(steps.into_iter().map(Some).collect::<Vec<_>>(), [push_rendered(), tag_base(None)]);
    assert_eq!(not_now, wait("extensions"));
}
