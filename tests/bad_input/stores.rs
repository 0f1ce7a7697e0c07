//! Stores that cannot be written: an error that names the store, and the store is unharmed.

use super::*;

const NAME: &str = "minimal.json";

fn refused(dir: &Path) -> String {
    let before = snapshot(dir);
    let to = format!("oci:{}:s", dir.display());
    let message = push(&machine_config(NAME), &to, &["--tag", "new"]).failed(65);
    assert!(snapshot(dir) == before, "{} was changed", dir.display());
    says(&message, &[dir.to_str().unwrap()]);
    message
}

#[test]
fn a_directory_that_is_no_layout_is_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("documents");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("thesis.txt"), "years of work").unwrap();
    says(&refused(&dir), &["is no OCI image layout", "another directory"]);

    let file = scratch.path().join("file");
    fs::write(&file, "content").unwrap();
    refused(&file);

    for (name, text, wanted) in [
        ("oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}", "version \"2.0.0\""),
        ("oci-layout", "{", "malformed"),
        ("index.json", "{\"manifests\": 1}", "malformed"),
    ] {
        let dir = scratch.path().join("damaged");
        let to = format!("oci:{}:s", dir.display());
        push(&machine_config(NAME), &to, &[]).line();
        fs::write(dir.join(name), text).unwrap();
        says(&refused(&dir), &[wanted]);
        fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn a_read_only_layout_is_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let point = scratch.path().join("disk");
    let mount = disks::Mount::tmpfs(&point, "size=4m");
    let dir = point.join("images");
    let to = format!("oci:{}:s", dir.display());
    let line = push(&machine_config(NAME), &to, &[]).line();
    mount.read_only();
    says(&refused(&dir), &["read-only"]);
    // What is there already is no change, and needs no writing.
    assert_eq!(push(&machine_config(NAME), &to, &[]).line(), line);
    let new = point.join("new");
    let message = push(&machine_config(NAME), &format!("oci:{}", new.display()), &[]).failed(65);
    says(&message, &[new.to_str().unwrap(), "read-only"]);
}

#[test]
fn a_full_disk_leaves_the_layout_as_it_was() {
    let scratch = tempfile::tempdir().unwrap();
    let point = scratch.path().join("disk");
    let _mount = disks::Mount::tmpfs(&point, "size=1m");
    let dir = point.join("images");
    let to = format!("oci:{}:s", dir.display());
    let line = push(&machine_config(NAME), &to, &[]).line();
    let filler = point.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[7; 4096]).is_ok() {}
    drop(file);

    let before = snapshot(&dir);
    let worker = machine_config("rendered-worker.json");
    let message = push(&worker, &to, &[]).failed(65);
    says(&message, &[dir.to_str().unwrap(), "make room"]);
    assert!(snapshot(&dir) == before, "the layout was changed");

    fs::remove_file(&filler).unwrap();
    assert_eq!(push(&machine_config(NAME), &to, &[]).line(), line);
    let moved = push(&worker, &to, &[]).line();
    assert_ne!(moved, line);
    let found = run(["inspect", &format!("{to}:latest"), "--output=json"]).json();
    assert_eq!(found["digest"], moved.split_once('@').unwrap().1);
}
