//! The directory of a layout: what it is, how it becomes a layout, and who may change its index.
//!
//! What layerwright needs beside the layout lies in `.layerwright`, which readers of layouts do not
//! look at: a lock file, and files that are not finished. Creating goes in an order in which a
//! process may be killed anywhere: `.layerwright` first, which says that this directory is ours to
//! finish, and `oci-layout` last, which makes it a layout.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde::Deserialize;

use super::LayoutError;
use super::directory::{Directory, Temporary};
use super::index::{INDEX_LIMIT, Index};
use crate::image::{CanonicalError, Digest};

/// The file that makes a directory a layout (image-spec, image-layout.md, "oci-layout file").
const MARKER: &str = "oci-layout";
const MARKER_CONTENT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// The only version there is.
const VERSION: &str = "1.0.0";
/// The most bytes that are read of the marker.
const MARKER_LIMIT: usize = 4096;
/// The index.
const INDEX: &str = "index.json";
/// The directories of blobs; only sha256 is used.
const BLOBS: &str = "blobs";
const ALGORITHM: &str = "sha256";
/// What is ours in a layout.
const WORK: &str = ".layerwright";
const TEMPORARY: &str = "tmp";
const LOCK: &str = "lock";
/// What a new file system has in it.
const LOST_AND_FOUND: &str = "lost+found";

/// How long one process waits for another, which holds the lock for milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks.
const LOCK_POLL: Duration = Duration::from_millis(5);
/// An unlocked temporary file as old as this belongs to nobody: its maker locks it at once.
const ABANDONED: Duration = Duration::from_secs(60);

/// What is at the path of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing.
    Nothing,
    /// An empty directory, or one where creating a layout was broken off.
    Empty,
    /// A layout.
    Layout,
}

/// The directory of a layout.
#[derive(Debug)]
pub(super) struct Site {
    dir: PathBuf,
    swept: AtomicBool,
}

/// A layout that is open for writing.
#[derive(Debug)]
pub(super) struct Writable {
    root: Directory,
    work: Directory,
    blobs: Directory,
}

/// The right to change the index, until dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct IndexLock {
    /// The kernel lets go of the lock with the file.
    _file: File,
}

impl Site {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), swept: AtomicBool::new(false) }
    }

    /// Its path, as it was given.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is there. Refuses what is neither a layout nor could become one.
    pub(super) fn state(&self) -> Result<State, LayoutError> {
        Ok(self.look()?.0)
    }

    /// The layout's directory; `None` as long as there is no layout.
    pub(super) fn read(&self) -> Result<Option<Directory>, LayoutError> {
        Ok(match self.look()? {
            (State::Layout, root) => root,
            _ => None,
        })
    }

    fn look(&self) -> Result<(State, Option<Directory>), LayoutError> {
        let Some(root) = Directory::open(&self.dir)? else {
            return Ok((State::Nothing, None));
        };
        let mut marker = root.read(MARKER, MARKER_LIMIT)?;
        let mut names = Vec::new();
        if marker.is_none() {
            names = root.names(8)?;
            // Somebody finished creating it between these two looks.
            if names.iter().any(|name| name == MARKER) {
                marker = root.read(MARKER, MARKER_LIMIT)?;
            }
        }
        let Some(marker) = marker else {
            // Anything that creating does not make is somebody else's.
            let begun = names.iter().any(|name| name == WORK);
            let ours = |name: &str| match name {
                WORK | LOST_AND_FOUND => true,
                BLOBS | INDEX => begun,
                _ => false,
            };
            if names.iter().all(|name| ours(name)) {
                return Ok((State::Empty, Some(root)));
            }
            return Err(LayoutError::NotALayout { dir: self.dir.clone() });
        };
        self.check_marker(&marker, root.join(MARKER))?;
        Ok((State::Layout, Some(root)))
    }

    fn check_marker(&self, marker: &[u8], path: PathBuf) -> Result<(), LayoutError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Marker {
            image_layout_version: String,
        }
        let marker: Marker = serde_json::from_slice(marker).map_err(|_| {
            let problem = "it does not say imageLayoutVersion".to_owned();
            LayoutError::Malformed { path, problem }
        })?;
        if marker.image_layout_version == VERSION {
            return Ok(());
        }
        let version = marker.image_layout_version.chars().take(40).collect();
        Err(LayoutError::Version { dir: self.dir.clone(), version })
    }

    /// Opens the layout for writing, and creates it where there is none.
    pub(super) fn write(&self) -> Result<Writable, LayoutError> {
        let state = self.state()?;
        if state == State::Nothing {
            std::fs::create_dir_all(&self.dir)
                .map_err(|error| LayoutError::from_io("make", &self.dir, error))?;
        }
        let missing = || LayoutError::Missing { dir: self.dir.clone() };
        let root = Directory::open(&self.dir)?.ok_or_else(missing)?;
        let work = root.make_directory(WORK)?;
        work.make_directory(TEMPORARY)?;
        if state != State::Layout {
            let lock = lock(&work)?;
            // Another process may have been faster.
            if self.state()? != State::Layout {
                create(&root, &work, &lock)?;
            }
        }
        let blobs = root.make_directory(BLOBS)?.make_directory(ALGORITHM)?;
        if !self.swept.swap(true, Ordering::Relaxed) {
            sweep(&work)?;
        }
        Ok(Writable { root, work, blobs })
    }
}

impl Writable {
    /// A temporary file in the layout.
    pub(super) fn temporary(&self) -> Result<Temporary, LayoutError> {
        temporary(&self.work)
    }

    /// Gives a temporary file the name of the blob that it is.
    pub(super) fn commit_blob(&self, file: Temporary, digest: Digest) -> Result<(), LayoutError> {
        file.commit(&self.blobs, &digest.hex())
    }

    /// Waits for the right to change the index.
    pub(super) fn lock_index(&self) -> Result<IndexLock, LayoutError> {
        lock(&self.work)
    }

    /// Reads the index.
    pub(super) fn index(&self) -> Result<Index, LayoutError> {
        read_index(&self.root)
    }

    /// Replaces the index, under the lock that was held while it was read.
    pub(super) fn write_index(&self, index: &Index, _: &IndexLock) -> Result<(), LayoutError> {
        write_index(&self.root, &self.work, index)
    }
}

/// Reads the index of a layout.
pub(super) fn read_index(root: &Directory) -> Result<Index, LayoutError> {
    let malformed = |problem| LayoutError::Malformed { path: root.join(INDEX), problem };
    let bytes =
        root.read(INDEX, INDEX_LIMIT)?.ok_or_else(|| malformed("it is missing".to_owned()))?;
    Index::parse(&bytes).map_err(malformed)
}

/// The path of the index, for messages.
pub(super) fn index_path(dir: &Path) -> PathBuf {
    dir.join(INDEX)
}

/// The file of a blob and its length; `None` where there is none.
pub(super) fn blob_file(
    root: &Directory,
    digest: Digest,
) -> Result<Option<(File, u64)>, LayoutError> {
    let Some(blobs) = root.directory(BLOBS)? else {
        return Ok(None);
    };
    match blobs.directory(ALGORITHM)? {
        Some(blobs) => blobs.file(&digest.hex()),
        None => Ok(None),
    }
}

/// The path of a blob, for messages.
pub(super) fn blob_path(dir: &Path, digest: Digest) -> PathBuf {
    [dir, Path::new(BLOBS), Path::new(ALGORITHM), Path::new(&digest.hex())].iter().collect()
}

fn create(root: &Directory, work: &Directory, _: &IndexLock) -> Result<(), LayoutError> {
    root.make_directory(BLOBS)?.make_directory(ALGORITHM)?;
    write_index(root, work, &Index::empty())?;
    let mut marker = temporary(work)?;
    marker.write(MARKER_CONTENT)?;
    marker.commit(root, MARKER)
}

fn write_index(root: &Directory, work: &Directory, index: &Index) -> Result<(), LayoutError> {
    let bytes = index.to_bytes().map_err(|error: CanonicalError| {
        let path = root.join(INDEX);
        LayoutError::Malformed { path, problem: error.to_string() }
    })?;
    if bytes.len() > INDEX_LIMIT {
        return Err(LayoutError::TooLarge { path: root.join(INDEX), limit: INDEX_LIMIT });
    }
    let mut file = temporary(work)?;
    file.write(&bytes)?;
    file.commit(root, INDEX)
}

fn temporary(work: &Directory) -> Result<Temporary, LayoutError> {
    Temporary::create(work.make_directory(TEMPORARY)?)
}

fn lock(work: &Directory) -> Result<IndexLock, LayoutError> {
    let begun = Instant::now();
    let path = work.join(LOCK);
    loop {
        let file = work.lock_file(LOCK)?;
        match file.try_lock() {
            // Whoever removed the file let others lock a new one.
            Ok(()) if work.is_still(LOCK, &file) => return Ok(IndexLock { _file: file }),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(LayoutError::from_io("lock", path, error));
            }
        }
        if begun.elapsed() > LOCK_PATIENCE {
            return Err(LayoutError::Locked { path, seconds: LOCK_PATIENCE.as_secs() });
        }
        std::thread::sleep(LOCK_POLL);
    }
}

/// Removes what killed processes left unfinished. A living one holds the lock of its file.
fn sweep(work: &Directory) -> Result<(), LayoutError> {
    const AT_ONCE: usize = 1000;
    let temporary = work.make_directory(TEMPORARY)?;
    for name in temporary.names(AT_ONCE)? {
        let Ok(Some((file, _))) = temporary.file(&name) else {
            continue;
        };
        let age = file
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map(|modified| SystemTime::now().duration_since(modified).unwrap_or_default());
        if age.is_ok_and(|age| age >= ABANDONED) && file.try_lock().is_ok() {
            temporary.remove(&name)?;
        }
    }
    Ok(())
}
