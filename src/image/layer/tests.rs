//! Tests of the layer writers: golden bytes, order, refusals, and reading back by the `tar` crate.
//! Reading back by GNU tar is in tests/layer.rs.

use std::io::Read;

use super::{Entry, EntryKind, LayerError, LayerWriter, Member, MemberKind, write_layer};
use crate::image::{Digest, media_type};

fn file(path: &str, content: &str) -> Entry {
    Entry::new(path, EntryKind::File(content.into()), 0o644)
}

fn directory(path: &str) -> Entry {
    Entry::new(path, EntryKind::Directory, 0o755)
}

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry::new(path, kind, 0o777)
}

fn names(bytes: &[u8]) -> Vec<String> {
    tar::Archive::new(bytes)
        .entries()
        .unwrap()
        .map(|entry| String::from_utf8(entry.unwrap().path_bytes().into_owned()).unwrap())
        .collect()
}

fn fixture() -> Vec<Entry> {
    let mut owned = file("etc/owned", "x");
    (owned.uid, owned.gid, owned.mode) = (1000, 3_000_000, 0o4755);
    vec![
        directory("etc"),
        file("etc/hostname", "layerwright\n"),
        entry("etc/alias", EntryKind::HardLink(b"etc/hostname".to_vec())),
        entry("etc/link", EntryKind::Symlink(b"../usr".to_vec())),
        entry("etc/gone", EntryKind::Whiteout),
        entry("var/cache", EntryKind::OpaqueWhiteout),
        file(&format!("{}/long", "d".repeat(120)), "long"),
        file("grün/…", "names need not be ASCII"),
        owned,
    ]
}

#[test]
fn the_bytes_are_golden_in_whatever_order_entries_come() {
    let layer = write_layer(fixture()).unwrap();
    assert_eq!(layer.descriptor.media_type, media_type::LAYER);
    assert_eq!(layer.descriptor.digest, layer.diff_id, "a plain layer is its own tar");
    assert_eq!(layer.descriptor.digest, Digest::of(&layer.bytes));
    assert_eq!(layer.descriptor.size, layer.bytes.len() as u64);
    assert_eq!(
        layer.diff_id.to_string(),
        "sha256:02ef6b59975a85caf566ef737910ab9dda5c7936542e033d84c73ea9678edde9"
    );
    let mut turned = fixture();
    turned.reverse();
    assert_eq!(write_layer(turned).unwrap(), layer);
}

#[test]
fn names_are_sorted_by_bytes_and_hard_links_come_last() {
    let layer = write_layer([
        file("b", ""),
        entry("a", EntryKind::HardLink(b"b".to_vec())),
        file("d/x", ""),
        file("d-x", ""),
        directory("d"),
        file("D", ""),
        entry("w", EntryKind::Whiteout),
    ])
    .unwrap();
    assert_eq!(names(&layer.bytes), [".wh.w", "D", "b", "d/", "d-x", "d/x", "a"]);
}

#[test]
fn nothing_but_the_entries_is_in_the_bytes() {
    let layer = write_layer(fixture()).unwrap();
    let mut archive = tar::Archive::new(layer.bytes.as_slice());
    let mut seen = 0;
    for member in archive.entries().unwrap() {
        let member = member.unwrap();
        let header = member.header();
        assert_eq!(header.mtime().unwrap(), 0);
        assert_eq!(header.username_bytes(), Some(&b""[..]));
        assert_eq!(header.groupname_bytes(), Some(&b""[..]));
        seen += 1;
    }
    assert_eq!(seen, fixture().len());
    // Two empty blocks end it, without the padding to 10 KiB that other programs write.
    assert_eq!(layer.bytes.len() % 512, 0);
    assert_eq!(layer.bytes[layer.bytes.len() - 1024..], [0; 1024]);
    assert_ne!(layer.bytes[layer.bytes.len() - 1536..][..512], [0; 512]);
}

#[test]
fn what_does_not_fit_a_header_is_read_back_right() {
    let long = format!("{}/{}", "a".repeat(200), "b".repeat(250));
    let at_limit = "c".repeat(100);
    let target = "…/t".repeat(40);
    let mut owned = file(&long, "content");
    (owned.uid, owned.gid) = (u32::MAX, 2_097_152);
    let layer = write_layer([
        owned,
        file(&at_limit, ""),
        entry("link", EntryKind::Symlink(target.clone().into())),
        entry("hard", EntryKind::HardLink(long.clone().into())),
        Entry::new(b"\xff\xfe".to_vec(), EntryKind::Directory, 0o700),
    ])
    .unwrap();

    let mut archive = tar::Archive::new(layer.bytes.as_slice());
    let mut found = 0;
    for member in archive.entries().unwrap() {
        let mut member = member.unwrap();
        let path = member.path_bytes().into_owned();
        let link = member.link_name_bytes().map(std::borrow::Cow::into_owned);
        let (uid, gid) = (member.header().uid().unwrap(), member.header().gid().unwrap());
        let mut content = String::new();
        member.read_to_string(&mut content).unwrap();
        found += 1;
        match path.as_slice() {
            b"link" => assert_eq!(link.unwrap(), target.as_bytes()),
            b"hard" => assert_eq!(link.unwrap(), long.as_bytes()),
            b"\xff\xfe/" => assert!(member.header().entry_type().is_dir()),
            path if path == long.as_bytes() => {
                assert_eq!(content, "content");
                assert_eq!((uid, gid), (4_294_967_295, 2_097_152));
            }
            path => assert_eq!(path, at_limit.as_bytes()),
        }
    }
    assert_eq!(found, 5);
}

#[test]
fn a_length_beyond_eight_gibibytes_gets_a_record() {
    let member = Member {
        path: b"big",
        kind: MemberKind::File { size: 9 << 30 },
        mode: 0o644,
        uid: 0,
        gid: 0,
        capability: None,
    };
    let blocks = member.header().unwrap();
    assert_eq!(blocks.len(), 3 * 512);
    assert!(blocks[512..].starts_with(b"19 size=9663676416\n\0"));
    let mut archive = tar::Archive::new(blocks.as_slice());
    let read = archive.entries().unwrap().next().unwrap().unwrap();
    assert_eq!(read.size(), 9 << 30);
}

#[test]
fn records_come_in_the_order_of_their_keys() {
    let path = "p".repeat(101);
    let member = Member {
        path: path.as_bytes(),
        kind: MemberKind::File { size: 9 << 30 },
        mode: 0o644,
        uid: 3_000_000,
        gid: 3_000_001,
        capability: Some(b"\x01\n=\0"),
    };
    let blocks = member.header().unwrap();
    let expected = format!(
        "41 SCHILY.xattr.security.capability=\u{1}\n=\0\n15 gid=3000001\n111 path={path}\n\
         19 size=9663676416\n15 uid=3000000\n\0"
    );
    let records = String::from_utf8_lossy(&blocks[512..512 + expected.len()]).into_owned();
    assert_eq!(records, expected);
}

#[test]
fn the_length_of_a_record_counts_its_own_digits() {
    // Around 99/100 and 999/1000 bytes the number of digits changes by counting itself.
    for length in (101..120).chain(985..1000) {
        let path = ["n".repeat(100), "m".repeat(length - 101)].join("/");
        let path = path.trim_end_matches('/');
        let deep: String = path
            .as_bytes()
            .chunks(200)
            .map(|part| String::from_utf8(part.to_vec()).unwrap().replace('/', "_"))
            .collect::<Vec<_>>()
            .join("/");
        let layer = write_layer([file(&deep, "x")]).unwrap();
        assert_eq!(names(&layer.bytes), [deep], "{length}");
    }
}

#[test]
fn what_readers_would_disagree_about_is_refused() {
    let link = |path: &str, target: &str| entry(path, EntryKind::HardLink(target.into()));
    let cases: Vec<(&str, Vec<Entry>)> = vec![
        ("twice", vec![file("a", "1"), file("a", "2")]),
        ("twice", vec![directory("a"), directory("a")]),
        ("twice", vec![file("a", ""), entry("a", EntryKind::Whiteout)]),
        ("no directory", vec![file("a", ""), file("a/b", "")]),
        ("no directory", vec![entry("a", EntryKind::Symlink(b"/etc".to_vec())), file("a/b/c", "")]),
        ("no directory", vec![entry("a", EntryKind::Whiteout), file("a/b", "")]),
        ("before it", vec![link("a", "b")]),
        ("before it", vec![directory("b"), link("a", "b")]),
        ("before it", vec![entry("b", EntryKind::Whiteout), link("a", "b")]),
        ("relative path", vec![file("b", ""), link("a", "/b")]),
        ("target is empty", vec![entry("a", EntryKind::Symlink(Vec::new()))]),
        ("NUL", vec![entry("a", EntryKind::Symlink(b"x\0y".to_vec()))]),
        ("absolute", vec![file("/etc/passwd", "")]),
        ("\"..\"", vec![file("a/../../b", "")]),
        ("removed files", vec![file("a/.wh.b", "")]),
        ("removed files", vec![entry("a/.wh.b", EntryKind::Whiteout)]),
    ];
    for (expected, entries) in cases {
        let message = write_layer(entries.clone()).unwrap_err().to_string();
        assert!(message.contains(expected), "{entries:?}: {message}");
    }
}

#[test]
fn a_file_must_be_as_long_as_was_said() {
    for (size, content) in [(4, "abc"), (2, "abc"), (0, "abc"), (1, "")] {
        let mut writer = LayerWriter::new(Vec::new());
        let member = Member {
            path: b"f",
            kind: MemberKind::File { size },
            mode: 0o644,
            uid: 0,
            gid: 0,
            capability: None,
        };
        let error = writer.tar().append(&member, &mut content.as_bytes()).unwrap_err();
        assert!(matches!(error, LayerError::Changed { .. }), "{size}: {error}");
    }
}

#[test]
fn announced_lengths_are_bounded_before_anything_is_read() {
    let mut writer = LayerWriter::new(Vec::new());
    let member = Member {
        path: b"f",
        kind: MemberKind::File { size: u64::MAX },
        mode: 0o644,
        uid: 0,
        gid: 0,
        capability: None,
    };
    let error = writer.tar().append(&member, &mut std::io::repeat(0)).unwrap_err();
    assert!(matches!(error, LayerError::TooLarge { .. }), "{error}");
}

proptest::proptest! {
    #[test]
    fn any_set_of_files_reads_back(
        files in proptest::collection::btree_map("[a-zé…-]{1,90}(/[a-z]{1,90}){0,3}", ".{0,40}", 0..12)
    ) {
        let entries = files.iter().map(|(path, content)| file(path, content));
        let below_a_file = files.keys().any(|path| {
            path.match_indices('/').any(|(at, _)| files.contains_key(&path[..at]))
        });
        let written = write_layer(entries);
        proptest::prop_assert_eq!(written.is_err(), below_a_file);
        if let Ok(layer) = written {
            let mut archive = tar::Archive::new(layer.bytes.as_slice());
            let mut read = std::collections::BTreeMap::new();
            for member in archive.entries().unwrap() {
                let mut member = member.unwrap();
                let path = String::from_utf8(member.path_bytes().into_owned()).unwrap();
                let mut content = String::new();
                member.read_to_string(&mut content).unwrap();
                read.insert(path, content);
            }
            proptest::prop_assert_eq!(read, files);
        }
    }
}
