//! Exit codes (design, "The command line"; sysexits.h).

use std::fs;
use std::path::Path;

use crate::support::program::{fixture, machine_config, run};

const COMMANDS: [&str; 6] = ["init", "push-rendered", "build", "plan", "inspect", "completions"];

#[test]
fn wrong_usage_is_64() {
    let mut wrong: Vec<Vec<&str>> = vec![
        vec![],
        vec!["plna"],
        vec!["--frobnicate"],
        vec!["push-rendered"],
        vec!["push-rendered", "x.yaml"],
        vec!["push-rendered", "x.yaml", "y.yaml", "--to", "oci:x"],
        vec!["push-rendered", "x.yaml", "--to", "oci:x", "--max-document-size", "much"],
        vec!["inspect"],
        vec!["inspect", "x"],
        vec!["inspect", "dir:x"],
        vec!["completions"],
        vec!["build", "--engine", "magic", "-f", "gone"],
        vec!["plan", "--output", "xml"],
        vec!["build", "--engine"],
    ];
    wrong.extend(COMMANDS.map(|command| vec![command, "--frobnicate"]));
    for arguments in wrong {
        let stderr = run(&arguments).failed(64);
        assert!(!stderr.is_empty(), "{arguments:?} says nothing");
    }
    let stderr = run(["plan", "--frobnicate"]).failed(64);
    assert!(stderr.contains("--frobnicate"), "{stderr}");
}

/// A pool file with one pool on this base, beside its config and a root file system.
fn pool_file(dir: &Path, base: &str) -> String {
    fs::copy(machine_config("minimal.json"), dir.join("config.json")).unwrap();
    let path = dir.join("layerwright.yaml");
    let text = format!(
        "store: oci:images\nbase: {base}\npools:\n  - {{name: layered, config: config.json}}\n"
    );
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_plan_with_something_to_do_is_2_and_does_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let root = fixture("roots/minimal");
    let file = pool_file(scratch.path(), &format!("dir:{}", root.display()));
    let cache = scratch.path().join("cache");
    let arguments = ["plan", "-f", &file, "--cache-dir", cache.to_str().unwrap()];
    let plan = run(arguments);
    assert_eq!(plan.code, 2, "{}", plan.stderr);
    for wanted in ["layered: push the rendered config", "set the base", "build key", "publish"] {
        assert!(plan.stdout.contains(wanted), "{wanted:?} is not in: {}", plan.stdout);
    }
    assert!(!scratch.path().join("images").exists(), "a plan makes no store");

    let plan = run(arguments.iter().chain(&["--output", "json"]));
    assert_eq!((plan.code, plan.stdout.lines().count()), (2, 1), "{}", plan.stderr);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let pool = &plan["pools"][0];
    assert_eq!((&pool["pool"], &pool["image"]), (&"layered".into(), &serde_json::Value::Null));
    let steps: Vec<_> = pool["steps"].as_array().unwrap().iter().map(|s| &s["step"]).collect();
    assert_eq!(steps, ["PushRendered", "TagBase", "Build", "Publish"]);
    assert_eq!(pool["notNow"], serde_json::json!([]));
}

#[test]
fn waiting_for_a_base_is_75() {
    let scratch = tempfile::tempdir().unwrap();
    // A layout with another image in it: the base is not there yet.
    let golden = scratch.path().join("golden");
    let config = machine_config("minimal.json");
    let to = format!("oci:{}:other", golden.display());
    run(["push-rendered", config.to_str().unwrap(), "--to", &to]).line();
    let file = pool_file(scratch.path(), &format!("oci:{}:base", golden.display()));
    let cache = scratch.path().join("cache");
    let pools = |command: &str| run([command, "-f", &file, "--cache-dir", cache.to_str().unwrap()]);
    // What can be done is done, or planned.
    assert_eq!(pools("plan").code, 2);
    let build = pools("build");
    assert_eq!((build.code, build.stdout.as_str()), (75, ""), "{}", build.stderr);
    for wanted in ["layered: push the rendered config", "layered: waiting for the base", ":base"] {
        assert!(build.stderr.contains(wanted), "{wanted:?} is not in: {}", build.stderr);
    }
    let plan = pools("plan");
    assert_eq!(plan.code, 75, "{}", plan.stderr);
    assert!(plan.stdout.starts_with("layered: waiting for the base"), "{}", plan.stdout);
}

#[test]
fn a_pool_that_fails_is_1_or_65_and_the_worst_counts() {
    let scratch = tempfile::tempdir().unwrap();
    let cache = scratch.path().join("cache");
    let plan = |base: &str| {
        let file = pool_file(scratch.path(), base);
        run(["plan", "-f", &file, "--cache-dir", cache.to_str().unwrap()])
    };
    let unreachable = plan("127.0.0.1:1/base");
    assert_eq!(unreachable.code, 1, "{}", unreachable.stderr);
    assert!(
        unreachable.stderr.contains("layered: ") && unreachable.stderr.contains("127.0.0.1:1/")
    );
    let gone = plan("dir:gone");
    assert_eq!(gone.code, 65, "{}", gone.stderr);
    assert!(gone.stderr.contains("gone"), "{}", gone.stderr);
    let both = "store: oci:images\npools:\n  \
                - {name: a, config: config.json, base: '127.0.0.1:1/base'}\n  \
                - {name: b, config: config.json, base: 'dir:gone'}\n";
    let file = scratch.path().join("layerwright.yaml");
    fs::write(&file, both).unwrap();
    let file = file.to_str().unwrap();
    let found = run(["plan", "-f", file, "--cache-dir", cache.to_str().unwrap()]);
    assert_eq!(found.code, 65, "{}", found.stderr);
    assert!(found.stderr.contains("a: ") && found.stderr.contains("b: "), "{}", found.stderr);
    // Asked for alone, the other one does not count.
    let found = run(["plan", "a", "-f", file, "--cache-dir", cache.to_str().unwrap()]);
    assert_eq!(found.code, 1, "{}", found.stderr);
    let stderr = run(["plan", "c", "-f", file]).failed(65);
    assert!(stderr.contains("\"c\"") && stderr.contains("a, b"), "{stderr}");
}

#[test]
fn a_pool_file_that_is_not_there_is_65_and_says_how_to_get_one() {
    let scratch = tempfile::tempdir().unwrap();
    for command in ["plan", "build"] {
        let file = scratch.path().join("gone.yaml");
        let stderr = run([command, "-f", file.to_str().unwrap()]).failed(65);
        assert!(stderr.contains("gone.yaml") && stderr.contains("layerwright init"), "{stderr}");
    }
}
