//! What cannot be built: waiting, bad input, wrong usage, and builds that fail.

use std::fs;

use serde_json::json;

use crate::configs::with_file;
use crate::workspace::Workspace;
use crate::{bases, in_both_stores};

in_both_stores!(
    a_base_that_is_not_there_is_waited_for,
    a_refusal_by_ignition_fails_one_pool_and_records_nothing,
    a_base_for_another_platform_is_refused,
);

/// The streams that the store has.
fn streams(workspace: &Workspace) -> Vec<String> {
    let mut streams: Vec<String> = workspace.tags().into_keys().map(|(stream, _)| stream).collect();
    streams.dedup();
    streams
}

fn a_base_that_is_not_there_is_waited_for(workspace: Workspace) {
    let missing = match workspace.registry() {
        Some(registry) => format!("{}/golden/none:1", registry.host()),
        None => format!("oci:{}:base:none", bases::layout().display()),
    };
    workspace.pool(&missing, &workspace.rendered("rendered-1", "one"));
    let waiting = format!("waiting for the base {missing}");
    let planned = workspace.plan(&[]).ended(2).stdout;
    assert!(planned.contains("push the rendered config"), "{planned}");
    assert!(planned.contains(&waiting), "{planned}");
    let run = workspace.build(&[]).ended(75).says(&waiting);
    assert_eq!((run.builds(), run.stdout.as_str()), (0, ""));
    // What could be done has been done.
    assert_eq!(streams(&workspace), ["layered-rendered-config"]);
    assert_eq!(workspace.plan(&[]).ended(75).builds(), 0);
    let there = workspace.base(bases::PLAIN);
    workspace.pools(&there, &[("layered", "config.json")]);
    assert_eq!(workspace.build(&[]).ended(0).builds(), 1);
}

/// A layout that nobody has made yet is a base that is not there yet.
#[test]
fn a_layout_that_is_not_there_is_waited_for() {
    let workspace = Workspace::in_a_layout();
    let missing = format!("oci:{}:base", workspace.path("golden").display());
    workspace.pool(&missing, &workspace.rendered("rendered-1", "one"));
    workspace.build(&[]).ended(75).says(&format!("waiting for the base {missing}"));
    assert_eq!(streams(&workspace), ["layered-rendered-config"]);
}

fn a_refusal_by_ignition_fails_one_pool_and_records_nothing(workspace: Workspace) {
    // Ignition does not write over a file that is there unless it is told to.
    let bad = with_file("rendered-bad", "/etc/os-release", "bad", false);
    workspace.config("bad.json", &bad);
    workspace.config("good.json", &workspace.rendered("rendered-good", "one"));
    let base = workspace.base(bases::PLAIN);
    let workspace = workspace.with_cold_cache();
    workspace.pools(&base, &[("bad", "bad.json"), ("good", "good.json")]);
    let run = workspace.build(&[]).ended(1).says("bad: the build of key ");
    assert_eq!(run.builds(), 2);
    assert_eq!(run.images(), [workspace.tag("good-mco-content", "latest").unwrap()]);
    // It says what Ignition says, and where the log is.
    let failure = run.stderr.lines().find(|l| l.starts_with("bad: the build of key ")).unwrap();
    let log = failure.split("its log is ").nth(1).unwrap().split(": ").next().unwrap();
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("/etc/os-release"), "{log}");
    assert!(failure.contains("building at STEP \"RUN ignition="), "{failure}");
    let expected = [
        "bad-base",
        "bad-rendered-config",
        "builds",
        "good-base",
        "good-mco-content",
        "good-rendered-config",
    ];
    assert_eq!(streams(&workspace), expected);
    assert_eq!(crate::forged::key(&workspace).len(), "key-".len() + 64);
    // It is tried again, and once the config is right it is built.
    workspace.build(&["bad"]).ended(1);
    workspace.config("bad.json", &with_file("rendered-bad", "/etc/os-release", "good", true));
    assert_eq!(workspace.build(&[]).ended(0).builds(), 1);
}

fn a_base_for_another_platform_is_refused(workspace: Workspace) {
    let base = workspace.base(bases::PLAIN);
    workspace.pool(&base, &workspace.rendered("rendered-1", "one"));
    let text = fs::read_to_string(workspace.path("layerwright.yaml")).unwrap();
    workspace.write("layerwright.yaml", format!("{text}  platforms: [linux/s390x]\n"));
    let run = workspace.build(&[]).ended(65).says("but the pool \"layered\" wants linux/s390x");
    assert_eq!((run.builds(), run.stdout.as_str()), (0, ""));
    assert_eq!(streams(&workspace), Vec::<String>::new());
}

/// Pool files, and what is said of them.
const POOL_FILES: [(&str, &str); 9] = [
    ("store: [", "malformed"),
    ("store: oci:./images\npools: []\n", "names no pools"),
    ("store: images\npools: [{name: a, config: good.json}]\n", "store"),
    ("store: oci:./images\npools: [{name: builds, config: good.json}]\n", "all pools share"),
    (
        "store: oci:./images\npools: [{name: x, config: good.json}, {name: x-external, config: good.json}]\n",
        "would belong to both",
    ),
    ("store: oci:./images\npools: [{name: a, config: good.json, custom: C}]\n", "custom"),
    ("store: oci:./images\npools: [{name: a, config: good.json, platforms: [x]}]\n", "platform"),
    ("store: oci:./images\npools: [{name: a, config: none.json}]\n", "none.json"),
    ("store: oci:./images\npools: [{name: a, config: good.json}]\n", "has no base"),
];

#[test]
fn a_bad_pool_file_is_refused_and_nothing_is_written() {
    let workspace = Workspace::in_a_layout();
    workspace.config("good.json", &workspace.rendered("rendered-1", "one"));
    for (text, reason) in POOL_FILES {
        workspace.write("layerwright.yaml", text);
        for command in ["build", "plan"] {
            let run = workspace.start(&[command]).wait().ended(65).says(reason);
            assert_eq!(run.stdout.lines().filter(|line| line.contains('@')).count(), 0);
        }
        assert!(!workspace.path("images").exists(), "{text}");
    }
    fs::remove_file(workspace.path("layerwright.yaml")).unwrap();
    workspace.build(&[]).ended(65).says("layerwright init");
}

/// One bad config stops all pools before anything is written: a person who runs it is there to
/// mend it.
#[test]
fn a_bad_config_is_refused_and_nothing_is_written() {
    let workspace = Workspace::in_a_layout();
    workspace.config("good.json", &workspace.rendered("rendered-1", "one"));
    let base = workspace.base(bases::PLAIN);
    let mut float = workspace.rendered("rendered-2", "two");
    float["spec"]["config"]["storage"]["files"][0]["mode"] = json!(420.5);
    let mut old = workspace.rendered("rendered-2", "two");
    old["spec"]["config"]["ignition"]["version"] = json!("2.2.0");
    let mut kernel = workspace.rendered("rendered-2", "two");
    kernel["spec"]["kernelType"] = json!("fast");
    let mut image = workspace.rendered("rendered-2", "two");
    image["spec"]["osImageURL"] = json!("not an image");
    for (text, reason) in [
        (float.to_string(), "files[0].mode is not an integer"),
        (old.to_string(), "2.2.0"),
        (kernel.to_string(), "fast"),
        ("kind: ConfigMap\napiVersion: v1\n".to_owned(), "ConfigMap"),
        ("{".to_owned(), "bad.json"),
        ("[".repeat(200_000), "bad.json"),
    ] {
        workspace.write("bad.json", text);
        workspace.pools(&base, &[("good", "good.json"), ("bad", "bad.json")]);
        let run = workspace.build(&[]).ended(65).says(reason);
        assert_eq!((run.builds(), run.stdout.as_str()), (0, ""));
        assert!(!workspace.path("images").exists(), "{reason}");
    }
    // osImageURL is read only where nothing else names a base.
    workspace.config("bad.json", &image);
    let text = "store: oci:./images\npools: [{name: bad, config: bad.json}]\n";
    workspace.write("layerwright.yaml", text);
    workspace.build(&[]).ended(65).says("osImageURL");
    assert!(!workspace.path("images").exists());
}

#[test]
fn wrong_usage_has_an_exit_code_of_its_own() {
    let workspace = Workspace::in_a_layout();
    workspace.pool(&workspace.base(bases::PLAIN), &workspace.rendered("rendered-1", "one"));
    workspace.build(&["--engine", "native"]).ended(64).says("not in this version");
    workspace.build(&["--engine", "magic"]).ended(64).says("magic");
    workspace.build(&["--no-such-option"]).ended(64);
    workspace.build(&["nobody"]).ended(64).says("has no pool \"nobody\"");
    assert!(!workspace.path("images").exists());
}
