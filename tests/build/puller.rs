//! Somebody else who pulls every tag of a store all the while and verifies what comes: no pull may
//! fail, whatever happens to those who write.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use layerwright::store::{Home, Reference, Store};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::workspace::{Workspace, now};

/// What is said of a tag that was there before.
const GONE: &str = "it is gone";

/// A puller at work.
pub struct Puller {
    stop: Arc<AtomicBool>,
    work: JoinHandle<(usize, usize)>,
}

impl Puller {
    /// Begins to pull.
    pub fn start(workspace: &Workspace) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (store, stopped) = (workspace.open(), stop.clone());
        let host = workspace.registry().map(super::support::registry::Distribution::host);
        let layout = workspace.path("images");
        let work = spawn(move || {
            let mut seen = BTreeSet::new();
            let (mut pulls, mut again) = (0, 0);
            while !stopped.load(Ordering::SeqCst) {
                seen.extend(match &host {
                    Some(host) => registry_tags(host, "os/"),
                    None => layout_tags(&layout),
                });
                // What was there once stays: a tag moves, it never goes.
                for (stream, tag) in &seen {
                    again += pull_patiently(&store, stream, tag);
                    pulls += 1;
                }
                sleep(Duration::from_millis(20));
            }
            (pulls, again)
        });
        Self { stop, work }
    }

    /// Ends it and prints how often it pulled.
    pub fn finish(self) {
        self.stop.store(true, Ordering::SeqCst);
        let (pulls, again) = self.work.join().expect("a pull failed");
        println!("{pulls} pulls, none failed; asked again {again} times");
        assert!(pulls > 0);
    }
}

/// Pulls an image. distribution 2.8 writes the small files that lead to a tag, a manifest and a blob
/// in place: for the moment in which anybody puts one again (a second tag for the same manifest is
/// enough), it tells others 500 or 404. No client can prevent that, so a registry is asked again, a
/// little later: what is really gone or broken stays so. Returns how often it asked again.
fn pull_patiently(store: &Home, stream: &str, tag: &str) -> usize {
    let mut again = 0;
    loop {
        match now(pull(store, stream, tag)) {
            Ok(()) => return again,
            Err(error) if again < 3 && is_momentary(store, error.as_ref()) => {
                again += 1;
                sleep(Duration::from_millis(50));
            }
            Err(error) => panic!("pulling {stream}:{tag}: {error}"),
        }
    }
}

/// Whether distribution says this for a moment.
fn is_momentary(store: &Home, error: &dyn Error) -> bool {
    let text = error.to_string();
    matches!(store, Home::Registry(_))
        && (text == GONE || text.contains("404 Not Found") || text.contains("500 Internal"))
}

/// Pulls an image: its manifest, its config and its layers, each verified by the store.
async fn pull(store: &Home, stream: &str, tag: &str) -> Result<(), Box<dyn Error>> {
    let manifest = store.manifest(stream, &Reference::Tag(tag.to_owned())).await?;
    let manifest = manifest.ok_or(GONE)?.parse_manifest()?;
    for blob in manifest.blobs() {
        let mut reader = store.blob(stream, blob).await?;
        let mut buffer = vec![0; 256 * 1024];
        while reader.read(&mut buffer).await? > 0 {}
    }
    Ok(())
}

/// Every stream and tag of a layout.
pub fn layout_tags(dir: &Path) -> Vec<(String, String)> {
    let Ok(index) = fs::read(dir.join("index.json")) else { return Vec::new() };
    let index: Value = serde_json::from_slice(&index).expect("the index is torn");
    let entries = index["manifests"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let name = &entry["annotations"]["org.opencontainers.image.ref.name"];
            let (stream, tag) = name.as_str().unwrap().rsplit_once(':').unwrap();
            (stream.to_owned(), tag.to_owned())
        })
        .collect()
}

/// Every stream and tag of a registry below `prefix`.
pub fn registry_tags(host: &str, prefix: &str) -> Vec<(String, String)> {
    let catalog = get(host, "/v2/_catalog?n=1000");
    let streams = catalog["repositories"].as_array().unwrap().iter();
    let streams = streams.filter_map(|name| name.as_str().unwrap().strip_prefix(prefix));
    let tags = |stream: &str| {
        let list = get(host, &format!("/v2/{prefix}{stream}/tags/list"));
        let tags = list["tags"].as_array().cloned().unwrap_or_default();
        let tag = |tag: Value| (stream.to_owned(), tag.as_str().unwrap().to_owned());
        tags.into_iter().map(tag).collect::<Vec<_>>()
    };
    streams.flat_map(tags).collect()
}

/// Asks a registry by other means than the client under test.
fn get(host: &str, path: &str) -> Value {
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {host}\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (_, body) = reply.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {reply}"))
}
