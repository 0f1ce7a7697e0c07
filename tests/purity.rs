//! Rooms keep to themselves (design, "The house"): the pure ones touch no network, disk, clock,
//! environment or cluster, and no room knows of one above it. The sources are read as text: what a
//! room does not name, it does not use.
//!
//! This finds slips, not disguises: a room that hands on another one's items under other names is
//! found there, where they are named.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests throughout, helpers included"
)]

use std::path::{Path, PathBuf};

#[path = "purity/imports.rs"]
mod imports;
#[path = "purity/rules.rs"]
mod rules;
#[path = "purity/source.rs"]
mod source;

/// The Rust files of a room, without those that are only tests.
fn files(room: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(&dir)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| !source::is_test_file(path))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no sources", dir.display());
    files
}

/// What `check` finds in the sources of a room, each with its file.
fn found(room: &str, check: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let in_file = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let code = source::code_only(&text);
        let name = path.display().to_string();
        check(&code).into_iter().map(move |what| format!("{name}: {what}")).collect::<Vec<_>>()
    };
    files(room).iter().flat_map(in_file).collect()
}

#[test]
fn the_pure_rooms_touch_nothing() {
    for room in rules::PURE {
        assert_eq!(found(room, rules::impure), [""; 0], "{room} is pure");
    }
}

#[test]
fn no_room_knows_of_one_above_it() {
    for (room, above) in rules::ABOVE {
        assert_eq!(found(room, |code| rules::names_rooms(code, above)), [""; 0], "{room}");
    }
}

#[test]
fn every_room_has_its_place() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut there: Vec<String> = std::fs::read_dir(src)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    there.sort();
    let mut known: Vec<&str> = rules::ABOVE.iter().map(|(room, _)| *room).collect();
    known.push("cli");
    known.sort_unstable();
    assert_eq!(there, known, "a new room needs a rule of its own");
    for room in rules::PURE {
        assert!(known.contains(&room), "{room}");
    }
}

#[test]
fn rooms_that_are_not_pure_are_found_so() {
    // The check has to find what is really there.
    for (room, wanted) in
        [("store", "std::fs"), ("engine", "tokio"), ("source", "std::fs"), ("cli", "std::env")]
    {
        let found = found(room, rules::impure);
        assert!(found.iter().any(|what| what.contains(wanted)), "{room}: {found:#?}");
    }
    let found = found("orchestrator", |code| rules::names_rooms(code, &["store", "engine"]));
    assert!(found.iter().any(|what| what.contains("store")), "{found:#?}");
    assert!(found.iter().any(|what| what.contains("engine")), "{found:#?}");
}
