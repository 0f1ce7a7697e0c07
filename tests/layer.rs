//! Layers as other programs read them: GNU tar must find the same names, links, owners and modes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use layerwright::image::layer::{Entry, EntryKind, Layer, write_layer};

/// Runs GNU tar on a layer, in a locale.
fn tar(layer: &Layer, arguments: &[&str], locale: &str, directory: &Path) -> Vec<u8> {
    let archive = directory.join("layer.tar");
    std::fs::write(&archive, &layer.bytes).unwrap();
    let output = Command::new("tar")
        .args(arguments)
        .arg("--file")
        .arg(&archive)
        .env("LC_ALL", locale)
        .current_dir(directory)
        .output()
        .expect("GNU tar runs; .ci/setup installs what the tests need");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "tar {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn paths() -> Vec<Vec<u8>> {
    vec![
        b"short".to_vec(),
        "x".repeat(100).into_bytes(),
        "y".repeat(101).into_bytes(),
        format!("{}/{}/{}", "a".repeat(200), "b".repeat(250), "c".repeat(250)).into_bytes(),
        "ümläut".into(),
        "日本語/ファイル".into(),
        b"not-utf8-\xff\xfe/\xe9".to_vec(),
        b"new\nline and space".to_vec(),
    ]
}

fn layer() -> Layer {
    let target = format!("../{}", "ziel-ä/".repeat(30));
    let mut entries: Vec<Entry> = paths()
        .into_iter()
        .map(|path| Entry::new(path.clone(), EntryKind::File(path), 0o640))
        .collect();
    entries.push(Entry::new("link", EntryKind::Symlink(target.into()), 0));
    entries.push(Entry::new("again", EntryKind::HardLink("日本語/ファイル".into()), 0o640));
    entries.push(Entry::new("d".repeat(150), EntryKind::Directory, 0o1777));
    write_layer(entries).unwrap()
}

#[test]
fn gnu_tar_unpacks_long_and_non_ascii_names_in_any_locale() {
    for locale in ["C", "C.UTF-8"] {
        let directory = tempfile::tempdir().unwrap();
        tar(&layer(), &["--extract", "--preserve-permissions"], locale, directory.path());
        for path in paths() {
            let name = std::ffi::OsString::from_vec(path.clone());
            let file = directory.path().join(name);
            assert_eq!(std::fs::read(&file).unwrap(), path, "{locale}: {file:?}");
            let mode = file.metadata().unwrap().mode();
            assert_eq!(mode & 0o7777, 0o640, "{locale}: {file:?}");
        }
        let target = std::fs::read_link(directory.path().join("link")).unwrap();
        assert_eq!(
            target.as_os_str().as_bytes(),
            format!("../{}", "ziel-ä/".repeat(30)).as_bytes()
        );
        let inode = |name: &str| directory.path().join(name).metadata().unwrap().ino();
        assert_eq!(inode("again"), inode("日本語/ファイル"));
        let sticky = directory.path().join("d".repeat(150)).metadata().unwrap();
        assert!(sticky.is_dir() && sticky.mode() & 0o7777 == 0o1777);
    }
}

#[test]
fn gnu_tar_lists_numeric_owners_and_the_epoch() {
    let mut owned = Entry::new("owned", EntryKind::File(b"x".to_vec()), 0o4755);
    (owned.uid, owned.gid) = (4_294_967_294, 2_097_152);
    let layer = write_layer([owned]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let list = tar(&layer, &["--list", "--verbose", "--utc", "--full-time"], "C", directory.path());
    assert_eq!(
        String::from_utf8(list).unwrap(),
        "-rwsr-xr-x 4294967294/2097152 1 1970-01-01 00:00:00 owned\n"
    );
}
