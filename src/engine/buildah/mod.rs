//! The engine `buildah`: runs a Dockerfile on this machine, as root.
//!
//! Each build has storage of its own, thrown away afterwards, above one that all builds share and
//! that keeps the pulled bases. Of the result only the layers above the base are taken.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::scratch::Scratch;
use super::{BuildSpec, Built, ImagePlace, PinnedImage};
use crate::image::Platform;
use command::Directories;
pub use process::LineSink;
pub use result::ResultError;

mod command;
mod process;
mod result;

/// A build by buildah failed.
#[derive(Debug, thiserror::Error)]
pub enum BuildahError {
    /// There is no command to run. Does not happen; kept so that nothing can panic.
    #[error("no command to run")]
    NoCommand,
    /// A program is missing.
    #[error(
        "cannot start {program}: the engine buildah needs the programs setpriv, unshare and \
         buildah; on Debian, `apt-get install buildah`"
    )]
    Start {
        /// Which program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program could not be waited for.
    #[error("cannot wait for buildah")]
    Wait {
        /// Why.
        source: std::io::Error,
    },
    /// This user cannot build.
    #[error("the engine buildah must run as root; run as root, or with sudo")]
    NotRoot,
    /// A program failed.
    #[error("buildah ended with {status}: {last}")]
    Failed {
        /// How it ended.
        status: String,
        /// The last thing it said of an error.
        last: String,
    },
    /// The user interrupted it.
    #[error("the build was interrupted; nothing was recorded, and the next run starts it again")]
    Cancelled,
    /// The image that was pulled is not the one that was meant.
    #[error(
        "{place} was pulled as image {found}, not {wanted}; did it change meanwhile? Run again"
    )]
    Moved {
        /// Where it was pulled from.
        place: String,
        /// The image ID that buildah reports.
        found: String,
        /// The image ID that the plan was made for.
        wanted: String,
    },
    /// The base does not run on the wanted platform.
    #[error("the base is for {found}, but the build is for {wanted}")]
    Platform {
        /// What the base's config says.
        found: Platform,
        /// What the build wants.
        wanted: Platform,
    },
    /// The cache directory cannot be used.
    #[error("cannot use the cache directory {path}; name another with --cache-dir")]
    Cache {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The CA file cannot be read.
    #[error("cannot read the CA file {path}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the build cannot be written.
    #[error("cannot write {path}; is the disk of the cache directory full?")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What buildah gave is not what was asked for.
    #[error("the result of the build cannot be used")]
    Result(#[from] ResultError),
}

/// Trusts what is named by digest: every image here is.
const POLICY: &str = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;

/// Checks that this machine can build at all, and says which buildah it has, as it says it: `1.28.2`.
///
/// # Errors
/// When this is not root, or a program is missing or does not start.
pub async fn preflight(cancel: &CancellationToken) -> Result<String, BuildahError> {
    if !rustix::process::geteuid().is_root() {
        return Err(BuildahError::NotRoot);
    }
    let mut version = String::new();
    for program in ["setpriv", "unshare", "buildah"] {
        let words = [program, "--version"].map(OsString::from);
        let environment = command::environment(Path::new("/tmp"));
        let output = process::run(&words, &environment, "/".as_ref(), &Silent, cancel).await?;
        version = output.first().cloned().unwrap_or_default();
    }
    let version = version.strip_prefix("buildah version ").and_then(|rest| rest.split(' ').next());
    Ok(version.unwrap_or("unknown").to_owned())
}

/// Drops what a command says.
struct Silent;

impl LineSink for Silent {
    fn line(&self, _: &str) {}
}

/// Carries out a build.
///
/// # Errors
/// When the machine cannot build, the recipe fails, or the user interrupts it.
pub async fn build(
    spec: &BuildSpec,
    cache: &Path,
    sink: &dyn LineSink,
    cancel: &CancellationToken,
) -> Result<Built, BuildahError> {
    let version = preflight(cancel).await?;
    let found = spec.base_config.platform();
    if !found.satisfies(&spec.platform) {
        let (found, wanted) = (found.clone(), spec.platform.clone());
        return Err(BuildahError::Platform { found, wanted });
    }
    let scratch = Scratch::create(cache)
        .map_err(|source| BuildahError::Cache { path: cache.to_owned(), source })?;
    let storage = cache.join("buildah");
    let directories = Directories { cache: &storage, scratch: scratch.path() };
    prepare(spec, directories)?;
    let environment = command::environment(scratch.path());
    let run = |what: String, words: Vec<OsString>, environment: Vec<(&'static str, OsString)>| {
        sink.line(&format!("== {what}"));
        async move { process::run(&words, &environment, directories.scratch, sink, cancel).await }
    };
    // The base comes first: its storage has to be there before that of the build can stand on it.
    let mut images = vec![&spec.base];
    images.extend(&spec.images);
    for image in &images {
        let what = format!("pull {}", image.argument);
        let with_network = [environment.clone(), command::network_environment()].concat();
        let output = run(what, command::pull(directories, image), with_network).await?;
        check_pulled(image, output.last().map_or("nothing", String::as_str))?;
    }
    let words = command::build(directories, &images, spec.network);
    run("build".to_owned(), words, environment.clone()).await?;
    let image_id = result::read_image_id(&scratch.path().join("image-id"))?;
    result::place_base_layers(&scratch.path().join("out"), &spec.base_config)?;
    run("export".to_owned(), command::export(directories, &image_id), environment).await?;
    let (config, layers) =
        result::take_apart(scratch.path(), &spec.base_config, &spec.base_layers).await?;
    Ok(Built { engine: format!("buildah {version}"), config, layers, scratch })
}

/// Writes what the commands read.
fn prepare(spec: &BuildSpec, directories: Directories<'_>) -> Result<(), BuildahError> {
    let scratch = directories.scratch;
    for dir in ["context", "tmp", "certs", "out/blobs/sha256"] {
        let path = scratch.join(dir);
        fs::create_dir_all(&path).map_err(|source| BuildahError::File { path, source })?;
    }
    let write = |name: &str, text: &[u8]| {
        let path = scratch.join(name);
        fs::write(&path, text).map_err(|source| BuildahError::File { path, source })
    };
    write("Dockerfile", spec.dockerfile.as_bytes())?;
    write("policy.json", POLICY.as_bytes())?;
    for image in [&spec.base].into_iter().chain(&spec.images) {
        match &image.place {
            ImagePlace::Registry { access, .. } => {
                if let Some(ca_file) = &access.ca_file {
                    let path = scratch.join("certs/ca.crt");
                    let text = fs::read(ca_file)
                        .map_err(|source| BuildahError::CaFile { path: ca_file.clone(), source })?;
                    fs::write(&path, text).map_err(|source| BuildahError::File { path, source })?;
                }
            }
            ImagePlace::Layout { dir, .. } => {
                let path = scratch.join(command::link(image));
                std::path::absolute(dir)
                    .and_then(|dir| std::os::unix::fs::symlink(dir, &path))
                    .map_err(|source| BuildahError::File { path, source })?;
            }
        }
    }
    Ok(())
}

fn check_pulled(image: &PinnedImage, found: &str) -> Result<(), BuildahError> {
    let wanted = image.image_id.hex();
    if found.trim() == wanted {
        return Ok(());
    }
    let place = match &image.place {
        ImagePlace::Registry { name, digest, .. } => format!("{name}@{digest}"),
        ImagePlace::Layout { dir, name } => format!("oci:{}:{name}", dir.display()),
    };
    Err(BuildahError::Moved { place, found: found.to_owned(), wanted })
}
