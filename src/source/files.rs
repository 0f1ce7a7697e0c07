//! The pool file, `layerwright.yaml`: a store and pools (design, "The command line").

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::image::{Platform, PlatformError};
use crate::plan::{PoolNameError, check_pool_names};
use crate::store::{Location, LocationError, StoreLocation};

/// The most bytes that a pool file may have.
const POOL_FILE_LIMIT: u64 = 1024 * 1024;

/// What a pool file says, with paths taken from the file's own directory.
#[derive(Debug, Clone)]
pub struct PoolFile {
    /// Where the images go.
    pub store: StoreLocation,
    /// How builds run, as written; `auto` where nothing is.
    pub engine: Option<String>,
    /// The pools, in the order of the file.
    pub pools: Vec<Pool>,
}

/// One pool of a pool file.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// The file with its config.
    pub config: PathBuf,
    /// The base that the file names for it: its own, else the one for all pools. Where there is
    /// none, the config's osImageURL is the base.
    pub base: Option<Location>,
    /// What its image is for; this machine's platform where the file names none.
    pub platform: Option<Platform>,
}

/// A pool file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PoolFileError {
    /// It cannot be read.
    #[error("cannot read the pool file {path}; `layerwright init` writes one")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than any pool file.
    #[error("the pool file {path} has more than 1 MiB")]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// It is no YAML, or not of this shape.
    #[error("the pool file {path} is malformed: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// It names no pool.
    #[error("the pool file {path} names no pools")]
    NoPools {
        /// The file.
        path: PathBuf,
    },
    /// The names of its pools cannot be used.
    #[error("in the pool file {path}")]
    PoolName {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: PoolNameError,
    },
    /// A base or the store is not named as one.
    #[error("in the pool file {path}, {field}")]
    Location {
        /// The file.
        path: PathBuf,
        /// The field, with its pool.
        field: String,
        /// What is wrong with it.
        source: LocationError,
    },
    /// A platform is not written as one.
    #[error("in the pool file {path}, platforms of pool {pool:?}")]
    Platform {
        /// The file.
        path: PathBuf,
        /// The pool.
        pool: String,
        /// What is wrong with it.
        source: PlatformError,
    },
    /// Something that this version cannot do yet.
    #[error("in the pool file {path}, pool {pool:?}: {what} is not supported by this version")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The pool.
        pool: String,
        /// What it asks for.
        what: &'static str,
    },
    /// A pool was asked for that the file does not have.
    #[error("the pool file {path} has no pool {pool:?}; it has {known}")]
    UnknownPool {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        pool: String,
        /// Its pools, for people.
        known: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    store: String,
    engine: Option<String>,
    base: Option<String>,
    pools: Vec<WrittenPool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPool {
    name: String,
    config: PathBuf,
    base: Option<String>,
    custom: Option<PathBuf>,
    #[serde(default)]
    platforms: Vec<String>,
}

impl PoolFile {
    /// Reads a pool file.
    ///
    /// # Errors
    /// When it cannot be read, or is not one.
    pub fn read(path: &Path) -> Result<Self, PoolFileError> {
        let read = |source| PoolFileError::Read { path: path.to_owned(), source };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(read)?;
        file.take(POOL_FILE_LIMIT + 1).read_to_string(&mut text).map_err(read)?;
        if text.len() as u64 > POOL_FILE_LIMIT {
            return Err(PoolFileError::Size { path: path.to_owned() });
        }
        Self::parse(&text, path)
    }

    /// Reads the text of the pool file at `path`.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(text: &str, path: &Path) -> Result<Self, PoolFileError> {
        let written: WrittenFile = serde_saphyr::from_str(text).map_err(|error| {
            PoolFileError::Malformed { path: path.to_owned(), reason: error.to_string() }
        })?;
        if written.pools.is_empty() {
            return Err(PoolFileError::NoPools { path: path.to_owned() });
        }
        let names = written.pools.iter().map(|pool| pool.name.as_str());
        check_pool_names(names)
            .map_err(|source| PoolFileError::PoolName { path: path.to_owned(), source })?;
        let dir = path.parent().unwrap_or(Path::new(""));
        let wrong = |field: String| {
            move |source| PoolFileError::Location { path: path.to_owned(), field, source }
        };
        let store: StoreLocation = written.store.parse().map_err(wrong("store".to_owned()))?;
        let base = written.base.map(|base| base.parse::<Location>());
        let base = base.transpose().map_err(wrong("base".to_owned()))?;
        let pool = |pool: WrittenPool| {
            let field = format!("base of pool {:?}", pool.name);
            let own = pool.base.as_deref().map(str::parse::<Location>);
            let own = own.transpose().map_err(wrong(field))?;
            let found = own.or_else(|| base.clone()).map(|base| base.relative_to(dir));
            pool.check(dir, found, path)
        };
        Ok(Self {
            store: store.relative_to(dir),
            engine: written.engine,
            pools: written.pools.into_iter().map(pool).collect::<Result<_, _>>()?,
        })
    }

    /// The pools of these names, in the order of the file; all of them where no name is given.
    ///
    /// # Errors
    /// When there is no pool of a name.
    pub fn select(&self, names: &[String], path: &Path) -> Result<Vec<&Pool>, PoolFileError> {
        if let Some(pool) = names.iter().find(|name| self.pools.iter().all(|p| p.name != **name)) {
            let known: Vec<&str> = self.pools.iter().map(|pool| pool.name.as_str()).collect();
            let (pool, known) = (pool.clone(), known.join(", "));
            return Err(PoolFileError::UnknownPool { path: path.to_owned(), pool, known });
        }
        Ok(self.pools.iter().filter(|p| names.is_empty() || names.contains(&p.name)).collect())
    }
}

impl WrittenPool {
    fn check(self, dir: &Path, base: Option<Location>, path: &Path) -> Result<Pool, PoolFileError> {
        let unsupported = |what| {
            let (path, pool) = (path.to_owned(), self.name.clone());
            Err(PoolFileError::Unsupported { path, pool, what })
        };
        if self.custom.is_some() {
            return unsupported("a custom image");
        }
        if self.platforms.len() > 1 {
            return unsupported("more than one platform");
        }
        let config = dir.join(&self.config);
        if config.is_dir() {
            return unsupported("a directory of MachineConfigs");
        }
        let platform = self.platforms.first().map(|text| text.parse()).transpose();
        let platform = platform.map_err(|source| PoolFileError::Platform {
            path: path.to_owned(),
            pool: self.name.clone(),
            source,
        })?;
        Ok(Pool { name: self.name, config, base, platform })
    }
}

#[cfg(test)]
mod tests {
    use super::{PoolFile, PoolFileError};
    use crate::store::StoreLocation;
    use std::path::Path;

    fn parse(text: &str) -> Result<PoolFile, PoolFileError> {
        PoolFile::parse(text, Path::new("somewhere/layerwright.yaml"))
    }

    #[test]
    fn paths_are_taken_from_the_directory_of_the_file() {
        let file = parse(
            "store: oci:./images\nbase: dir:root\npools:\n- name: a\n  config: a.yaml\n\
             - name: b\n  config: /etc/b.yaml\n  base: registry.example.com/base:1\n",
        )
        .unwrap();
        assert_eq!(file.store, StoreLocation::Layout("somewhere/images".into()));
        let bases = file.pools.iter().map(|p| p.base.as_ref().unwrap().to_string());
        let wanted = ["dir:somewhere/root", "registry.example.com/base:1"];
        assert_eq!(bases.collect::<Vec<_>>(), wanted);
        assert_eq!(file.pools[0].config, Path::new("somewhere/a.yaml"));
        assert_eq!(file.pools[1].config, Path::new("/etc/b.yaml"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let pool = "pools:\n- name: a\n  config: a.yaml\n";
        for (text, wanted) in [
            (format!("store: oci:x\n{pool}  platfrom: x\n"), "platfrom"),
            (format!("store: images\n{pool}"), "store"),
            (format!("store: oci:x\nbase: golden\n{pool}"), "base"),
            (format!("store: oci:x\n{pool}  base: golden\n"), "base of pool \"a\""),
            (format!("store: oci:x\n{pool}  platforms: [amd64]\n"), "platforms of pool \"a\""),
            (format!("store: oci:x\n{pool}  custom: Containerfile\n"), "a custom image"),
            ("store: oci:x\npools: []\n".to_owned(), "names no pools"),
            ("store: [".to_owned(), "line"),
            (String::new(), "malformed"),
        ] {
            let found = parse(&text).unwrap_err().to_string();
            assert!(found.contains(wanted), "{text}\ngave {found}");
        }
    }

    #[test]
    fn pools_are_selected_by_name() {
        let text = "store: oci:x\npools:\n- {name: a, config: a.yaml}\n- {name: b, config: b}\n";
        let (file, path) = (parse(text).unwrap(), Path::new("layerwright.yaml"));
        assert_eq!(file.select(&[], path).unwrap().len(), 2);
        assert_eq!(file.select(&["b".to_owned()], path).unwrap()[0].name, "b");
        let unknown = file.select(&["c".to_owned()], path).unwrap_err();
        assert!(unknown.to_string().contains("a, b"), "{unknown}");
    }
}
