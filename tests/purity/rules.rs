//! What may be named where.

use super::imports::paths;

/// The bottom row of the house.
pub const PURE: [&str; 4] = ["plan", "image", "ignition", "machineconfig"];

/// Each room but the highest, and the rooms that it must not know.
pub const ABOVE: &[(&str, &[&str])] = &[
    ("plan", OVER_PURE),
    ("image", OVER_PURE),
    ("ignition", OVER_PURE),
    ("machineconfig", OVER_PURE),
    ("store", &["engine", "source", "serve", "orchestrator", "cli"]),
    ("source", &["engine", "serve", "orchestrator", "cli"]),
    ("engine", &["source", "serve", "orchestrator", "cli"]),
    ("orchestrator", &["cli"]),
];

const OVER_PURE: &[&str] = &["store", "source", "engine", "serve", "orchestrator", "cli"];

/// Modules of the standard library that reach out of the process, or differ from run to run.
const STD: &[&str] =
    &["backtrace", "env", "fs", "net", "os", "path", "process", "random", "sync", "thread", "time"];

/// Of those modules, what computes only: paths are texts, `Arc` and `OnceLock` are memory.
const STD_FINE: &[&str] =
    &["std::path", "std::sync::Arc", "std::sync::OnceLock", "std::sync::LazyLock"];

/// Items of `std::io` and others that are the process's own channels, or take their order from a
/// random seed.
const ITEMS: &[&str] = &[
    "stdin",
    "stdout",
    "stderr",
    "HashMap",
    "HashSet",
    "RandomState",
    "DefaultHasher",
    "Instant",
    "SystemTime",
];

/// Macros that read the environment of the build or files, or write to the process's channels.
const MACROS: &[&str] = &[
    "env!",
    "option_env!",
    "include!",
    "include_bytes!",
    "include_str!",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "dbg!",
];

/// The crates that pure rooms may use: they compute, and do nothing else. Another one needs a look
/// at what it does, and its name here.
const CRATES: &[&str] = &[
    "base64",
    "canon_json",
    "flate2",
    "granit_parser",
    "miniz_oxide",
    "oci_spec",
    "percent_encoding",
    "serde",
    "serde_json",
    "sha2",
    "tar",
    "thiserror",
];

/// All crates in Cargo.toml, as code names them.
fn dependencies() -> Vec<String> {
    let mut section = "";
    let mut names = Vec::new();
    for line in include_str!("../../Cargo.toml").lines() {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]"
            && let Some((name, _)) = line.split_once(" = ")
        {
            names.push(name.replace('-', "_"));
        }
    }
    assert!(names.len() > 20, "Cargo.toml is not read right: {names:?}");
    names
}

/// What code names that a pure room must not.
pub fn impure(code: &str) -> Vec<String> {
    let others: Vec<String> =
        dependencies().into_iter().filter(|name| !CRATES.contains(&name.as_str())).collect();
    let mut found: Vec<String> = paths(code)
        .into_iter()
        .filter(|path| {
            let parts: Vec<&str> = path.split("::").collect();
            let last = *parts.last().unwrap_or(&"");
            let in_std = matches!(parts[0], "std" | "core" | "alloc");
            let fine = STD_FINE.iter().any(|fine| {
                path == fine || path.strip_prefix(fine).is_some_and(|rest| rest.starts_with("::"))
            });
            let reaches_out = in_std && parts.get(1).is_some_and(|module| STD.contains(module));
            // `use std::*` and `use std;` would bring everything in.
            let everything = in_std && parts.len() == 1;
            (reaches_out && !fine)
                || everything
                || parts.iter().any(|part| ITEMS.contains(part))
                || MACROS.contains(&last)
                || others.iter().any(|name| name == parts[0])
                || (parts[0] == "extern" || parts[0] == "unsafe")
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// What code names of these rooms.
pub fn names_rooms(code: &str, rooms: &[&str]) -> Vec<String> {
    let of_crate = |path: &String| {
        let parts: Vec<&str> = path.split("::").collect();
        let inside = match parts.iter().position(|part| !matches!(*part, "super" | "self")) {
            // `super::super::store` is as good as `crate::store`.
            Some(at) if at > 0 => &parts[at..],
            _ if matches!(parts[0], "crate" | "layerwright") => &parts[1..],
            _ => return false,
        };
        inside.first().is_some_and(|room| rooms.contains(room))
    };
    let mut found: Vec<String> = paths(code).into_iter().filter(of_crate).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn what_reaches_out_is_found() {
    for code in [
        "use std::fs;",
        "use std::fs::File;",
        "use std::{fmt, fs};",
        "use std::{fmt, fs as disk};",
        "use std::*;",
        "std::fs::read(x)",
        "::std::env::var(x)",
        "use std::env::{self, args};",
        "let now = std::time::Instant::now();",
        "use std::time::SystemTime;",
        "std::thread::sleep(x)",
        "std::process::id()",
        "use std::net::TcpStream;",
        "use std::os::unix::fs::symlink;",
        "use std::collections::HashMap;",
        "use std::sync::Mutex;",
        "std::io::stdout()",
        "use std::io::{Read, stdin};",
        "env!(x)",
        "option_env!(x)",
        "include_str!(x)",
        "println!(x)",
        "tokio::spawn(x)",
        "async { tokio::fs::read(x).await }",
        "use reqwest::Client;",
        "use rustix::fs;",
        "use tempfile::TempDir;",
        "use walkdir::WalkDir;",
        "use oci_client::Reference;",
        "use tracing::debug;",
        "use {serde::Serialize, tokio::sync::mpsc};",
        "extern crate libc;",
        "unsafe { x }",
    ] {
        assert_ne!(impure(code), [""; 0], "{code}");
    }
}

#[test]
fn what_computes_is_fine() {
    for code in [
        "use std::collections::BTreeMap;",
        "use std::io::{self, Read, Write};",
        "use std::fmt;",
        "use serde::{Deserialize, Serialize};",
        "use std::path::Path;",
        "use std::sync::Arc;",
        "impl std::error::Error for X {}",
        "use super::layer::header;",
        "let time = environment.fs;",
        "fn process(thread: &str) -> Network {}",
        "format!(x)",
    ] {
        assert_eq!(impure(code), [""; 0], "{code}");
    }
}

#[test]
fn rooms_above_are_found_however_they_are_named() {
    for code in [
        "use crate::store::Store;",
        "use crate::{image::Digest, store};",
        "crate::store::open()",
        "use super::super::store;",
        "use super::store::Store;",
        "layerwright::store::open()",
    ] {
        assert_ne!(names_rooms(code, &["store"]), [""; 0], "{code}");
    }
    for code in ["use crate::image::Digest;", "use store::x;", "let store = self.store;"] {
        assert_eq!(names_rooms(code, &["store"]), [""; 0], "{code}");
    }
}
