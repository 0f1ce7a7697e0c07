//! A place to work in: a directory with a pool file and configs, a store, and the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use layerwright::image::{Descriptor, Digest};
use layerwright::store::layout::Layout;
use layerwright::store::transfer::{self, StoredImage};
use layerwright::store::{Access, Home, Location, Reference, Store as _};
use serde_json::Value;

use crate::bases;
use crate::configs::with_file;
use crate::run::{Run, Running};
use crate::support::registry::Distribution;

/// A directory of one test, and the store that its pool file names.
pub struct Workspace {
    dir: tempfile::TempDir,
    registry: Option<Distribution>,
    cache: PathBuf,
}

/// Waits for what is to be done now.
pub fn now<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(work)
}

impl Workspace {
    /// One whose store is an OCI layout.
    pub fn in_a_layout() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), registry: None, cache: bases::shared_cache() }
    }

    /// One whose store is a registry of its own.
    pub fn in_a_registry() -> Self {
        Self { registry: Some(Distribution::start()), ..Self::in_a_layout() }
    }

    /// With a cache directory of its own, empty at first.
    pub fn with_cold_cache(mut self) -> Self {
        self.cache = self.path("cache");
        self
    }

    /// A path in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Its registry.
    pub fn registry(&self) -> Option<&Distribution> {
        self.registry.as_ref()
    }

    /// Its cache directory.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The store, as the pool file names it.
    fn store(&self) -> String {
        match &self.registry {
            Some(registry) => format!("{}/os", registry.host()),
            None => "oci:./images".to_owned(),
        }
    }

    /// An image of the store, as skopeo and buildah name it when they run in this directory: they
    /// take no path with capital letters in it.
    pub fn transport_name(&self, stream: &str, tag: &str) -> String {
        match &self.registry {
            Some(registry) => format!("docker://{}/os/{stream}:{tag}", registry.host()),
            None => format!("oci:images:{stream}:{tag}"),
        }
    }

    /// Puts one of the bases of the tests where a user would have it, in the store's registry or in
    /// a layout, and returns the name that a pool file gives it.
    pub fn base(&self, name: &str) -> String {
        let Some(registry) = &self.registry else {
            return format!("oci:{}:base:{name}", bases::layout().display());
        };
        self.push_base(name, "latest");
        format!("{}/golden/{name}", registry.host())
    }

    /// Puts a base into the registry as `golden/NAME:TAG`.
    fn push_base(&self, name: &str, tag: &str) {
        let host = self.registry.as_ref().unwrap().host();
        let registry = Access::default().registry(&host, "golden").unwrap();
        let layout = Layout::open(&bases::layout()).unwrap();
        now(async {
            let image = layout.manifest("base", &Reference::Tag(name.to_owned())).await;
            let image = image.unwrap().unwrap();
            let manifest = image.parse_manifest().unwrap();
            let blobs: Vec<Descriptor> = manifest.blobs().cloned().collect();
            transfer::copy_blobs(&layout, "base", &registry, name, &blobs, &|_| ()).await.unwrap();
            transfer::tag_all(&registry, name, &image, &[tag]).await.unwrap();
        });
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes a config as JSON.
    pub fn config(&self, name: &str, config: &Value) {
        self.write(name, serde_json::to_vec_pretty(config).unwrap());
    }

    /// Writes the pool file: one base, and pools with their config files.
    pub fn pools(&self, base: &str, pools: &[(&str, &str)]) {
        let mut text = format!("store: {}\nbase: {base}\npools:\n", self.store());
        for (pool, config) in pools {
            text.push_str(&format!("- name: {pool}\n  config: {config}\n"));
        }
        self.write("layerwright.yaml", text);
    }

    /// A rendered config that writes this text into `/etc/app.conf`, and with it the name of this
    /// workspace: no two tests have a key in common, nor wait for each other's builds.
    pub fn rendered(&self, name: &str, text: &str) -> Value {
        let here = self.dir.path().display();
        with_file(name, "/etc/app.conf", &format!("{text}%20{here}"), true)
    }

    /// Writes the config of the one pool, `layered`, and the pool file.
    pub fn pool(&self, base: &str, config: &Value) {
        self.config("config.json", config);
        self.pools(base, &[("layered", "config.json")]);
    }

    /// The program with its arguments, in another directory than the pool file's.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerwright"));
        command
            .args(arguments)
            .arg("--file")
            .arg(self.path("layerwright.yaml"))
            .current_dir("/")
            .env_remove("REGISTRY_AUTH_FILE")
            .env_remove("LAYERWRIGHT_LOG")
            .env("LAYERWRIGHT_CACHE_DIR", &self.cache)
            .env("HOME", self.dir.path());
        command
    }

    /// Starts the program.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Runs `build`.
    pub fn build(&self, arguments: &[&str]) -> Run {
        self.start(&[&["build"], arguments].concat()).wait()
    }

    /// Runs `plan`.
    pub fn plan(&self, arguments: &[&str]) -> Run {
        self.start(&[&["plan"], arguments].concat()).wait()
    }

    /// The store, opened by the library.
    pub fn open(&self) -> Home {
        let access = Access::default();
        match &self.registry {
            Some(registry) => {
                Home::Registry(Box::new(access.registry(&registry.host(), "os").unwrap()))
            }
            None => Home::Layout(Layout::open_or_create(&self.path("images")).unwrap()),
        }
    }

    /// What a tag of a stream holds.
    pub fn tag(&self, stream: &str, tag: &str) -> Option<Digest> {
        let found = now(self.open().head(stream, &Reference::Tag(tag.to_owned()))).unwrap();
        found.map(|descriptor| descriptor.digest)
    }

    /// The image under a tag of a stream.
    pub fn image(&self, stream: &str, tag: &str) -> StoredImage {
        let store = self.open();
        now(async {
            let raw = store.manifest(stream, &Reference::Tag(tag.to_owned())).await.unwrap();
            transfer::read_image(&store, stream, raw.unwrap()).await.unwrap()
        })
    }

    /// An image outside the store.
    pub fn image_at(&self, location: &str) -> StoredImage {
        let location: Location = location.parse().unwrap();
        now(async {
            let opened = Access::default().open_image(&location).await;
            let (home, stream, reference) = opened.unwrap();
            let raw = home.manifest(&stream, &reference).await.unwrap().unwrap();
            transfer::read_image(&home, &stream, raw).await.unwrap()
        })
    }

    /// Every tag that the store has, with the digest it stands for.
    pub fn tags(&self) -> BTreeMap<(String, String), Digest> {
        let names = match &self.registry {
            Some(registry) => crate::puller::registry_tags(&registry.host(), "os/"),
            None => crate::puller::layout_tags(&self.path("images")),
        };
        let digest = |(stream, tag): (String, String)| {
            let digest = self.tag(&stream, &tag).unwrap();
            ((stream, tag), digest)
        };
        names.into_iter().map(digest).collect()
    }
}
