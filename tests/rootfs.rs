//! Plain root file systems as bases: equal roots give equal layers, whether they come as a
//! directory or as an archive, and hostile archives give errors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod disks;
#[path = "rootfs/hostile.rs"]
mod hostile;

use std::error::Error;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use layerwright::image::{Digest, media_type};
use layerwright::store::rootfs::{PlainRoot, RootfsError};
use rustix::fs::{FileType, Mode};

const CAPABILITY: &[u8] = &[1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A root file system with one of everything.
fn odd_root(root: &Path) {
    let write = |path: &str, content: &[u8], mode: u32| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    };
    write("etc/hostname", b"odd\n", 0o644);
    write("etc/shadow", b"secret\n", 0o000);
    write("usr/bin/su", b"#!/bin/sh\n", 0o4755);
    write("usr/bin/ping", b"\x7fELF", 0o755);
    write("usr-a", b"sorts before what is in usr", 0o644);
    write("empty", b"", 0o600);
    write(&format!("{0}/{0}/{0}", "long".repeat(50)), b"deep", 0o644);
    write("srv/grüße/…", b"not ASCII", 0o644);
    symlink("usr/bin", root.join("bin")).unwrap();
    symlink("/nowhere/".repeat(20), root.join("dangling")).unwrap();
    fs::hard_link(root.join("etc/hostname"), root.join("etc/name")).unwrap();
    fs::hard_link(root.join("etc/hostname"), root.join("a-name")).unwrap();
    fs::create_dir(root.join("tmp")).unwrap();
    fs::set_permissions(root.join("tmp"), Permissions::from_mode(0o1777)).unwrap();
    chown(root.join("srv"), Some(33), Some(3_000_000)).unwrap();
    node(&root.join("pipe"), FileType::Fifo, 0);
    fs::create_dir(root.join("dev")).unwrap();
    node(&root.join("dev/null"), FileType::CharacterDevice, rustix::fs::makedev(1, 3));
    node(&root.join("dev/loop7"), FileType::BlockDevice, rustix::fs::makedev(7, 7));
}

fn node(path: &Path, kind: FileType, device: u64) {
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, Mode::from_raw_mode(0o640), device)
        .expect("tests that make devices run as root");
}

fn diff_id(root: PlainRoot) -> Digest {
    root.diff_id().unwrap()
}

fn directory(path: &Path) -> PlainRoot {
    PlainRoot::Directory(path.to_owned())
}

fn archive(path: &Path) -> PlainRoot {
    PlainRoot::Archive(path.to_owned())
}

fn gnu_tar(root: &Path, archive: &Path, arguments: &[&str]) {
    let status = Command::new("tar")
        .arg("--create")
        .arg("--file")
        .arg(archive)
        .arg("--directory")
        .arg(root)
        .args(arguments)
        .arg(".")
        .status()
        .expect("GNU tar runs; .ci/setup installs what the tests need");
    assert!(status.success());
}

/// An error with all its causes, as a user sees it.
fn text(error: &RootfsError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[test]
fn one_root_gives_one_layer_as_directory_and_as_every_archive() {
    let scratch = tempfile::tempdir().unwrap();
    let (first, second) = (scratch.path().join("one"), scratch.path().join("two"));
    for root in [&first, &second] {
        fs::create_dir(root).unwrap();
        odd_root(root);
    }
    // Times, the root's own mode and sockets are no part of it.
    fs::set_permissions(&second, Permissions::from_mode(0o700)).unwrap();
    File::open(second.join("etc/hostname")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(second.join("socket")).unwrap();
    let wanted = diff_id(directory(&first));
    assert_eq!(diff_id(directory(&second)), wanted);

    for format in ["gnu", "pax"] {
        let path = scratch.path().join(format!("{format}.tar"));
        gnu_tar(&first, &path, &["--sort=name", &format!("--format={format}")]);
        assert_eq!(diff_id(archive(&path)), wanted, "{format}");
        assert!(Command::new("gzip").arg(&path).status().unwrap().success());
        assert_eq!(
            diff_id(archive(&path.with_extension("tar.gz"))),
            wanted,
            "{format}, compressed"
        );
    }
}

#[test]
fn what_is_packed_unpacks_to_the_same_root() {
    let scratch = tempfile::tempdir().unwrap();
    let (root, copy) = (scratch.path().join("root"), scratch.path().join("copy"));
    fs::create_dir(&root).unwrap();
    fs::create_dir(&copy).unwrap();
    odd_root(&root);
    let packed = directory(&root).pack(scratch.path()).unwrap();
    assert_eq!(packed.descriptor.media_type, media_type::LAYER);
    assert_eq!(packed.descriptor.digest, packed.diff_id);
    let status = Command::new("tar")
        .args(["--extract", "--preserve-permissions", "--numeric-owner", "--file"])
        .arg(&packed.file)
        .arg("--directory")
        .arg(&copy)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(diff_id(directory(&copy)), packed.diff_id);
    let path = packed.file.to_path_buf();
    drop(packed);
    assert!(!path.exists(), "the packed file goes with its value");
}

#[test]
fn file_capabilities_are_kept_and_other_attributes_are_not() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    fs::create_dir(&root).unwrap();
    odd_root(&root);
    let plain = diff_id(directory(&root));
    xattr::set(root.join("usr/bin/su"), "user.note", b"dropped").unwrap();
    assert_eq!(diff_id(directory(&root)), plain);
    xattr::set(root.join("usr/bin/ping"), "security.capability", CAPABILITY)
        .expect("tests that set capabilities run as root");
    let wanted = diff_id(directory(&root));
    assert_ne!(wanted, plain);

    let path = scratch.path().join("root.tar");
    gnu_tar(&root, &path, &["--sort=name", "--xattrs", "--xattrs-include=*"]);
    assert_eq!(diff_id(archive(&path)), wanted);
    let packed = directory(&root).pack(scratch.path()).unwrap();
    let layer = fs::read(&packed.file).unwrap();
    let mut record = b"56 SCHILY.xattr.security.capability=".to_vec();
    record.extend_from_slice(CAPABILITY);
    assert!(
        layer.windows(record.len() - 2).any(|at| at == &record[2..]),
        "the layer has the record"
    );
}

#[test]
fn the_fixture_roots_have_golden_digests_wherever_they_lie() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/roots");
    for (name, golden) in [
        ("minimal", "sha256:53f0822adcef205981bdf6fd54acc47773df95d7226e80d91bd0201b3b5bf8f5"),
        ("links", "sha256:2db2805702ed66526afc16299b6fc14a8f5a475b8d5c5dc40712f9c234e75dc5"),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let copy = scratch.path().join("copy");
        let run = |program: &str, arguments: &[&OsStr]| {
            let status = Command::new(program).args(arguments).status();
            assert!(status.unwrap().success(), "{program}");
        };
        // Git keeps neither owners nor what the umask of the checkout took away.
        let (source, target) = (fixtures.join(name), copy.as_os_str());
        run("cp", &["-a".as_ref(), source.as_ref(), target]);
        run("chown", &["-hR".as_ref(), "0:0".as_ref(), target]);
        run("chmod", &["-R".as_ref(), "u=rwX,go=rX".as_ref(), target]);
        let first = directory(&copy).pack(scratch.path()).unwrap();
        let second = directory(&copy).pack(scratch.path()).unwrap();
        assert_eq!(first.descriptor, second.descriptor, "{name}");
        assert_eq!(first.diff_id, diff_id(directory(&copy)), "{name}");
        assert_eq!(first.descriptor.digest.to_string(), golden, "{name}");
    }
}

#[test]
fn a_large_root_is_compressed_and_reads_back() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    fs::create_dir(&root).unwrap();
    let line = b"the same line again and again, but numbered: ";
    let content: Vec<u8> = (0_u32..150_000)
        .flat_map(|number| [line.as_slice(), number.to_string().as_bytes(), b"\n"].concat())
        .collect();
    fs::write(root.join("big"), &content).unwrap();
    let packed = directory(&root).pack(scratch.path()).unwrap();
    assert_eq!(packed.descriptor.media_type, media_type::LAYER_GZIP);
    assert_eq!(packed.diff_id, diff_id(directory(&root)));
    let bytes = fs::read(&packed.file).unwrap();
    assert_eq!(packed.descriptor.digest, Digest::of(&bytes));
    assert_eq!(packed.descriptor.size, bytes.len() as u64);
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut tar).unwrap();
    assert_eq!(packed.diff_id, Digest::of(&tar));
    // What we packed is itself an archive that packs to the same bytes.
    let again = archive(&packed.file).pack(scratch.path()).unwrap();
    assert_eq!(again.descriptor, packed.descriptor);
}

#[test]
fn sparse_files_are_expanded() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    fs::create_dir(&root).unwrap();
    let mut file = File::create(root.join("sparse")).unwrap();
    file.write_all(b"start").unwrap();
    file.set_len(3 << 20).unwrap();
    let path = scratch.path().join("sparse.tar");
    gnu_tar(&root, &path, &["--sparse", "--format=gnu"]);
    assert!(path.metadata().unwrap().len() < 1 << 20, "the archive is sparse");
    assert_eq!(diff_id(archive(&path)), diff_id(directory(&root)));

    gnu_tar(&root, &path, &["--sparse", "--format=pax"]);
    let error = archive(&path).diff_id().unwrap_err();
    assert!(text(&error).contains("without --sparse"), "{error}");
}

#[test]
fn other_file_systems_are_left_out() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    fs::create_dir_all(root.join("proc")).unwrap();
    fs::write(root.join("file"), "x").unwrap();
    let wanted = diff_id(directory(&root));
    let _mount = disks::Mount::tmpfs(&root.join("proc"), "mode=755");
    fs::write(root.join("proc/inside"), "not packed").unwrap();
    assert_eq!(diff_id(directory(&root)), wanted);
}

#[test]
fn what_cannot_be_read_is_named() {
    if let Some(root) = std::env::var_os("LAYERWRIGHT_TEST_CHILD") {
        let root = PathBuf::from(root);
        let error = directory(&root).diff_id().unwrap_err();
        let RootfsError::Unreadable { path, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(*path, root.join("etc/secret"));
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
    let root = scratch.path().join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/readable"), "").unwrap();
    fs::write(root.join("etc/secret"), "").unwrap();
    fs::set_permissions(root.join("etc/secret"), Permissions::from_mode(0o600)).unwrap();
    disks::passes(disks::child("what_cannot_be_read_is_named", &root, Some(65534)));
}

#[test]
fn a_file_that_is_not_as_long_as_it_says_is_an_error() {
    // The kernel says that these files are empty, and they are not.
    let error = directory(Path::new("/proc/sys/kernel/random")).diff_id().unwrap_err();
    assert!(text(&error).contains("changed while it was read"), "{error}");
}

#[test]
fn the_wrong_kind_of_root_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    fs::write(&file, "").unwrap();
    let pipe = scratch.path().join("pipe");
    node(&pipe, FileType::Fifo, 0);
    let nothing = scratch.path().join("nothing");
    for (root, expected) in [
        (directory(&file), "is no directory; for an archive write tar:PATH"),
        (directory(&nothing), "cannot read"),
        (archive(scratch.path()), "for a directory write dir:PATH"),
        (archive(&pipe), "save what comes through a pipe"),
        (archive(&nothing), "cannot read"),
    ] {
        let message = text(&root.diff_id().unwrap_err());
        assert!(message.contains(expected), "{root}: {message}");
    }
    let whiteout = scratch.path().join(".wh.file");
    fs::write(whiteout, "").unwrap();
    fs::remove_file(&pipe).unwrap();
    let message = text(&directory(scratch.path()).diff_id().unwrap_err());
    assert!(message.contains("stand for removed files"), "{message}");
}

#[test]
fn a_full_scratch_directory_is_named_and_left_clean() {
    let scratch = tempfile::tempdir().unwrap();
    let small = scratch.path().join("small");
    let _mount = disks::Mount::tmpfs(&small, "size=1m");
    let root = scratch.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("big"), vec![7; 3 << 20]).unwrap();
    let error = directory(&root).pack(&small).unwrap_err();
    assert!(matches!(error, RootfsError::Scratch { .. }), "{error:?}");
    assert!(text(&error).contains("No space left"), "{}", text(&error));
    assert_eq!(fs::read_dir(&small).unwrap().count(), 0);
}

#[test]
fn a_file_name_need_not_be_text() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    fs::create_dir(&root).unwrap();
    let name = <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff\n");
    fs::write(root.join(name), "x").unwrap();
    let path = scratch.path().join("root.tar");
    gnu_tar(&root, &path, &["--format=gnu"]);
    assert_eq!(diff_id(archive(&path)), diff_id(directory(&root)));
}
