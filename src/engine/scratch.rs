//! Scratch directories: what a build writes and nobody needs afterwards. Each is locked by the
//! process that uses it; the next process removes those whose owner was killed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory that is removed when this is dropped. It keeps a lock file of its own in it.
#[derive(Debug)]
pub struct Scratch {
    dir: TempDir,
    // Held until the directory is gone; released by the kernel when the process is killed.
    _lock: File,
}

const LOCK: &str = "lock";

impl Scratch {
    /// Makes a scratch directory in a cache directory, and removes those there that nobody uses any
    /// more.
    ///
    /// # Errors
    /// When the cache directory cannot be written.
    pub fn create(cache: &Path) -> io::Result<Self> {
        let parent = &cache.join("scratch");
        fs::create_dir_all(parent)?;
        // Making a directory and locking it are two steps: without this lock, a sweep between them
        // would take the new one for an abandoned one.
        let guard = File::create(parent.join(LOCK))?;
        guard.lock()?;
        remove_abandoned(parent);
        let dir = tempfile::Builder::new().prefix("build-").tempdir_in(parent)?;
        let lock = File::create(dir.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self { dir, _lock: lock })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Removes the scratch directories of processes that were killed. What cannot be removed now is left
/// for next time.
///
/// # Errors
/// When the cache directory is there and cannot be written.
pub fn sweep(cache: &Path) -> io::Result<()> {
    let parent = cache.join("scratch");
    if parent.is_dir() {
        let guard = File::create(parent.join(LOCK))?;
        guard.lock()?;
        remove_abandoned(&parent);
    }
    Ok(())
}

fn remove_abandoned(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let dirs = entries.map(|entry| entry.path()).filter(|path| path.is_dir());
    for dir in dirs.filter(|dir| is_abandoned(dir)) {
        if let Err(error) = fs::remove_dir_all(&dir) {
            tracing::debug!(dir = %dir.display(), %error, "cannot remove an abandoned directory");
        }
    }
}

fn is_abandoned(dir: &Path) -> bool {
    let lock: PathBuf = dir.join(LOCK);
    match File::open(lock) {
        Ok(file) => !matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::Scratch;

    #[test]
    fn abandoned_directories_are_removed_and_used_ones_are_not() {
        let cache = tempfile::tempdir().unwrap();
        let used = Scratch::create(cache.path()).unwrap();
        let abandoned = cache.path().join("scratch/build-abandoned");
        std::fs::create_dir(&abandoned).unwrap();
        std::fs::write(abandoned.join("lock"), "").unwrap();
        let next = Scratch::create(cache.path()).unwrap();
        assert!(used.path().exists() && next.path().exists() && !abandoned.exists());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
    }
}
