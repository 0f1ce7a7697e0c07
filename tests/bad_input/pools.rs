//! Pool files that cannot be used: exit code 65, and nothing written anywhere.

use super::*;

/// Runs `plan` and `build` with a pool file of this text; both must say the same.
fn refused(text: &str) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("layerwright.yaml");
    fs::write(&file, text).unwrap();
    fs::copy(machine_config("minimal.json"), scratch.path().join("config.json")).unwrap();
    fs::copy(machine_config("bad/kernel-type.json"), scratch.path().join("bad.json")).unwrap();
    let before = snapshot(scratch.path());
    let [plan, build] = ["plan", "build"].map(|command| {
        let cache = scratch.path().join("cache");
        let mut command_line = layerwright();
        command_line.arg(command).arg("--file").arg(&file).arg("--cache-dir").arg(cache);
        finish(&mut command_line).failed(65)
    });
    assert_eq!(plan, build);
    assert_eq!(snapshot(scratch.path()), before, "something was written");
    plan
}

fn with_pools(names: &[&str]) -> String {
    let pools = names.iter().map(|name| format!("  - {{name: {name:?}, config: config.json}}\n"));
    format!("store: oci:images\nbase: dir:root\npools:\n{}", pools.collect::<String>())
}

#[test]
fn pools_that_share_a_stream_are_refused() {
    for names in [
        ["x", "x-external"],
        ["x-external", "x"],
        ["x", "x-base"],
        ["x", "x-mco-content-custom"],
        ["x", "x"],
    ] {
        let message = refused(&with_pools(&names));
        let both = names.map(|name| format!("pool {name:?}"));
        says(&message, &["layerwright.yaml", "stream", &both[0], &both[1], "rename one"]);
    }
}

#[test]
fn pools_named_like_shared_streams_are_refused() {
    for name in ["coreos", "builds", "incoming"] {
        let message = refused(&with_pools(&["layered", name]));
        says(&message, &["layerwright.yaml", &format!("{name:?}"), "share"]);
    }
}

#[test]
fn pools_that_cannot_be_repositories_are_refused() {
    for name in ["Layered", "../x", "a b", "", "a--b"] {
        let message = refused(&with_pools(&[name]));
        says(&message, &["layerwright.yaml", &format!("{name:?}"), "lower-case letters"]);
    }
}

#[test]
fn malformed_pool_files_are_refused() {
    let good = with_pools(&["layered"]);
    for (what, text, wanted) in [
        ("no YAML", "store: [".to_owned(), "line 1"),
        ("nothing", String::new(), "malformed"),
        ("another shape", "- a\n- b\n".to_owned(), "malformed"),
        ("an unknown field", good.replace("base:", "bass:"), "bass"),
        ("no store", good.replace("store: oci:images\n", ""), "store"),
        ("no pools", "store: oci:images\npools: []\n".to_owned(), "names no pools"),
        ("too long", " ".repeat((1 << 20) + 1), "1 MiB"),
        ("brackets", format!("store: {}", "[".repeat(200_000)), "malformed"),
        ("a base that is none", good.replace("dir:root", "root"), "base"),
        ("an alias bomb", bomb(), "malformed"),
    ] {
        let message = refused(&text);
        assert!(message.contains("layerwright.yaml"), "{what}: {message}");
        says(&message, &[wanted]);
    }
}

fn bomb() -> String {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for line in 1..60 {
        let below = line - 1;
        text.push_str(&format!("a{line}: &a{line} [*a{below}, *a{below}, *a{below}]\n"));
    }
    text
}

#[test]
fn a_bad_config_of_one_pool_stops_all_before_anything_is_done() {
    let text = with_pools(&["good", "bad"]);
    let (head, tail) = text.rsplit_once("config.json").unwrap();
    let message = refused(&format!("{head}bad.json{tail}"));
    says(&message, &["bad.json", "$.spec.kernelType"]);
}

#[test]
fn an_engine_that_is_not_there_is_wrong_usage() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("layerwright.yaml");
    fs::write(&file, with_pools(&["layered"])).unwrap();
    for (engine, wanted) in [("native", "not in this version"), ("docker", "\"docker\"")] {
        let file = file.to_str().unwrap();
        let message = run(["build", "-f", file, "--engine", engine]).failed(64);
        says(&message, &[wanted, "buildah"]);
    }
}
