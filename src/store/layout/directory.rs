//! Directories by descriptor. A layout may come from anywhere: every file and directory in it is
//! opened by its one name in a directory that is open already, and symbolic links are refused, so
//! that nothing is read from or written to a place outside.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::LayoutError;

/// Mode of files, before the process's umask.
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);
/// Mode of directories, before the process's umask.
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens the layout's own directory; it may be named through links. `None` where there is none.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, LayoutError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path: path.to_owned() })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR) => Err(LayoutError::NotALayout { dir: path.to_owned() }),
            Err(error) => Err(LayoutError::from_io("open", path, error)),
        }
    }

    /// The path of something in it, for messages.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A directory in it; `None` where there is none.
    pub(super) fn directory(&self, name: &str) -> Result<Option<Self>, LayoutError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = self.join(name);
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(LayoutError::WrongKind { path }),
            Err(error) => Err(LayoutError::from_io("open", path, error)),
        }
    }

    /// A directory in it, made where there is none.
    pub(super) fn make_directory(&self, name: &str) -> Result<Self, LayoutError> {
        if let Some(found) = self.directory(name)? {
            return Ok(found);
        }
        match rustix::fs::mkdirat(&self.fd, name, DIRECTORY_MODE) {
            Ok(()) => self.sync()?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(LayoutError::from_io("make", self.join(name), error)),
        }
        self.directory(name)?
            .ok_or_else(|| LayoutError::from_io("open", self.join(name), Errno::NOENT))
    }

    /// A regular file in it and its length; `None` where there is none.
    pub(super) fn file(&self, name: &str) -> Result<Option<(File, u64)>, LayoutError> {
        // Not blocking: a named pipe would keep us waiting for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let path = self.join(name);
        let file = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => return Err(LayoutError::WrongKind { path }),
            Err(error) => return Err(LayoutError::from_io("open", path, error)),
        };
        let metadata =
            file.metadata().map_err(|error| LayoutError::from_io("read", &path, error))?;
        if !metadata.is_file() {
            return Err(LayoutError::WrongKind { path });
        }
        Ok(Some((file, metadata.len())))
    }

    /// The content of a file in it, which may have `limit` bytes; `None` where there is none.
    pub(super) fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, LayoutError> {
        let Some((file, _)) = self.file(name)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| LayoutError::from_io("read", self.join(name), error))?;
        if bytes.len() > limit {
            return Err(LayoutError::TooLarge { path: self.join(name), limit });
        }
        Ok(Some(bytes))
    }

    /// Opens a file in it to lock it, and makes it where there is none.
    pub(super) fn lock_file(&self, name: &str) -> Result<File, LayoutError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags | OFlags::NONBLOCK, FILE_MODE) {
            Ok(fd) => Ok(File::from(fd)),
            Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => {
                Err(LayoutError::WrongKind { path: self.join(name) })
            }
            Err(error) => Err(LayoutError::from_io("lock", self.join(name), error)),
        }
    }

    /// Whether `file` is what the name means now.
    pub(super) fn is_still(&self, name: &str, file: &File) -> bool {
        let named = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW);
        let opened = rustix::fs::fstat(file);
        matches!((named, opened), (Ok(a), Ok(b)) if (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
    }

    /// Some names in it: enough to see what it is, not all of a huge directory.
    pub(super) fn names(&self, most: usize) -> Result<Vec<String>, LayoutError> {
        let failed = |error| LayoutError::from_io("list", &self.path, error);
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd).map_err(failed)?.take(most.saturating_add(2)) {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy();
            if name != "." && name != ".." {
                names.push(name.into_owned());
            }
        }
        Ok(names)
    }

    /// Removes a file in it; one that is gone already is fine.
    pub(super) fn remove(&self, name: &str) -> Result<(), LayoutError> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(LayoutError::from_io("remove", self.join(name), error)),
        }
    }

    /// Makes what was done to its names outlast a crash of the machine.
    pub(super) fn sync(&self) -> Result<(), LayoutError> {
        rustix::fs::fsync(&self.fd)
            .map_err(|error| LayoutError::from_io("write", &self.path, error))
    }
}

/// A new file without a meaning yet, in the layout's directory for such. It is gone when this value
/// is dropped before [`Self::commit`]; what a killed process leaves is found by its lock.
#[derive(Debug)]
pub(super) struct Temporary {
    directory: Directory,
    name: String,
    file: File,
    committed: bool,
}

/// Tells the temporary files of this process apart.
static COUNTER: AtomicU64 = AtomicU64::new(0);

impl Temporary {
    /// Makes one in `directory`, and holds its lock.
    pub(super) fn create(directory: Directory) -> Result<Self, LayoutError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}-{count}", std::process::id());
            match rustix::fs::openat(&directory.fd, &name, flags | OFlags::CLOEXEC, FILE_MODE) {
                Ok(fd) => {
                    let file = File::from(fd);
                    let new = Self { directory, name, file, committed: false };
                    new.file.lock().map_err(|error| new.failed("lock", error))?;
                    return Ok(new);
                }
                // Of a dead process with our number.
                Err(Errno::EXIST) => {}
                Err(error) => {
                    return Err(LayoutError::from_io("write", directory.join(&name), error));
                }
            }
        }
    }

    /// A second handle to write through.
    pub(super) fn writer(&self) -> Result<File, LayoutError> {
        self.file.try_clone().map_err(|error| self.failed("write", error))
    }

    /// Writes all of a small file.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), LayoutError> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| self.failed("write", error))
    }

    /// What an error at writing it is.
    pub(super) fn failed(&self, doing: &'static str, error: std::io::Error) -> LayoutError {
        LayoutError::from_io(doing, self.directory.join(&self.name), error)
    }

    /// Gives it its name, in place of whatever had that: readers see the old file or the whole new
    /// one, even after a crash of the machine.
    pub(super) fn commit(mut self, to: &Directory, name: &str) -> Result<(), LayoutError> {
        self.file.sync_all().map_err(|error| self.failed("write", error))?;
        rustix::fs::renameat(&self.directory.fd, &self.name, &to.fd, name)
            .map_err(|error| LayoutError::from_io("write", to.join(name), error))?;
        self.committed = true;
        to.sync()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.committed {
            // What stays is removed by a later writer; there is nobody to tell here.
            let _ = self.directory.remove(&self.name);
        }
    }
}
