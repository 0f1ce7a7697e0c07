//! Bad input through the whole program: each gives its exit code, a message that names the object,
//! the cause and the remedy, and leaves no trace; what is hostile costs no memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests throughout, helpers included"
)]

mod disks;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::program::{
    Run, finish, finish_with_input, layerwright, layerwright_under, machine_config, run,
};
use support::registry::Distribution;

#[path = "bad_input/documents.rs"]
mod documents;
#[path = "bad_input/pools.rs"]
mod pools;
#[path = "bad_input/stores.rs"]
mod stores;

/// Runs `push-rendered` on a file.
fn push(file: &Path, to: &str, more: &[&str]) -> Run {
    finish(layerwright().arg("push-rendered").arg(file).args(["--to", to]).args(more))
}

/// Everything below a directory: paths, and for files their content.
fn snapshot(dir: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    walkdir::WalkDir::new(dir)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let content = entry.file_type().is_file().then(|| fs::read(entry.path()).unwrap());
            (entry.into_path(), content)
        })
        .collect()
}

/// That a message says all of this, begins as messages do, and is not endless.
fn says(message: &str, wanted: &[&str]) {
    assert!(message.starts_with("error: ") && message.len() < 2_000, "{message}");
    for wanted in wanted {
        assert!(message.contains(wanted), "{wanted:?} is not in: {message}");
    }
}
