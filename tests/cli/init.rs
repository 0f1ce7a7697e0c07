//! `layerwright init`

use std::fs;

use layerwright::source::files::PoolFile;

use crate::support::program::{Run, finish, layerwright, run};

fn init(dir: &std::path::Path, arguments: &[&str]) -> Run {
    finish(layerwright().arg("init").args(arguments).current_dir(dir))
}

#[test]
fn it_writes_a_file_that_the_program_takes() {
    let scratch = tempfile::tempdir().unwrap();
    let written = init(scratch.path(), &[]);
    assert!(written.stderr.contains("layerwright plan"), "{}", written.stderr);
    assert_eq!(written.line(), "layerwright.yaml");
    let path = scratch.path().join("layerwright.yaml");
    let file = PoolFile::read(&path).unwrap();
    let names: Vec<&str> = file.pools.iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(names, ["layered"]);
    assert!(file.pools[0].base.is_some());
    // What is commented out is right too, once it is not.
    let text = fs::read_to_string(&path).unwrap();
    let on = text.replace("# base: ", "base: ").replace("# platforms: ", "platforms: ");
    assert_ne!(on, text);
    let file = PoolFile::parse(&on, &path).unwrap();
    assert!(file.pools[0].base.as_ref().unwrap().to_string().contains("golden"));
    assert_eq!(file.pools[0].platform.as_ref().unwrap().to_string(), "linux/amd64");
    // The program gets as far as the config that it names.
    let plan = finish(layerwright().args(["plan"]).current_dir(scratch.path())).failed(65);
    assert!(plan.contains("rendered-layered.yaml"), "{plan}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
fn it_never_overwrites() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("pools.yaml");
    fs::write(&path, "mine").unwrap();
    let stderr = init(scratch.path(), &["--file", "pools.yaml"]).failed(1);
    assert!(stderr.contains("pools.yaml is there already"), "{stderr}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    let link = scratch.path().join("link.yaml");
    std::os::unix::fs::symlink("elsewhere.yaml", &link).unwrap();
    init(scratch.path(), &["--file", "link.yaml"]).failed(1);
    assert!(!scratch.path().join("elsewhere.yaml").exists());
}

#[test]
fn where_it_cannot_write_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("gone/pools.yaml");
    let stderr = run(["init", "-f", path.to_str().unwrap()]).failed(1);
    assert!(stderr.contains("gone/pools.yaml") && stderr.contains("No such file"), "{stderr}");
}

#[test]
fn programs_get_json() {
    let scratch = tempfile::tempdir().unwrap();
    let said = init(scratch.path(), &["--output", "json"]).json();
    assert_eq!(said, serde_json::json!({ "file": "layerwright.yaml" }));
}
