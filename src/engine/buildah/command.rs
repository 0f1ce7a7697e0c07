//! The command lines that are run: pure functions from what is wanted to arguments.

use std::ffi::OsString;
use std::path::Path;

use crate::engine::{ImagePlace, PinnedImage, RegistryAccess};
use crate::image::Digest;

/// The directories of one build.
#[derive(Debug, Clone, Copy)]
pub struct Directories<'a> {
    /// What survives the build: pulled images.
    pub cache: &'a Path,
    /// What does not: the storage that the build writes, its files.
    pub scratch: &'a Path,
}

/// Begins a command in namespaces of its own, so that whatever a recipe starts or mounts ends with
/// it: when the outermost process is killed, or the program that started it, all of it is gone.
/// A kill is the only way to end it, because `unshare` ignores everything else while it waits.
fn in_namespaces(network: bool) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["setpriv", "--pdeathsig", "KILL", "--", "unshare", "--mount"]
        .iter()
        .chain(&["--pid", "--fork", "--kill-child=KILL", "--mount-proc"])
        .map(OsString::from)
        .collect();
    if !network {
        words.push("--net".into());
    }
    words.extend(["--".into(), "buildah".into()]);
    words
}

/// The environment of every command: nothing of this process's own reaches a recipe.
#[must_use]
pub fn environment(scratch: &Path) -> Vec<(&'static str, OsString)> {
    vec![
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()),
        ("HOME", scratch.into()),
        ("TMPDIR", scratch.join("tmp").into()),
        // Runs steps in a chroot: the one kind that needs no container runtime.
        ("BUILDAH_ISOLATION", "chroot".into()),
        ("STORAGE_DRIVER", "overlay".into()),
        ("CONTAINERS_CONF", "/dev/null".into()),
        ("CONTAINERS_STORAGE_CONF", "/dev/null".into()),
    ]
}

/// What pulling needs of this process's environment: how to reach registries and whom to trust.
#[must_use]
pub fn network_environment() -> Vec<(&'static str, OsString)> {
    const NAMES: [&str; 8] = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ];
    NAMES.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))).collect()
}

fn option(name: &str, value: &Path) -> [OsString; 2] {
    [name.into(), value.into()]
}

/// The storage that survives.
fn cache_storage(directories: Directories<'_>) -> Vec<OsString> {
    let root = option("--root", &directories.cache.join("root"));
    root.into_iter().chain(option("--runroot", &directories.cache.join("run"))).collect()
}

/// The build's own storage, with the one that survives below it for reading.
fn build_storage(directories: Directories<'_>) -> Vec<OsString> {
    let mut shared = OsString::from("overlay.imagestore=");
    shared.push(directories.cache.join("root"));
    option("--root", &directories.scratch.join("root"))
        .into_iter()
        .chain(option("--runroot", &directories.scratch.join("run")))
        .chain(["--storage-opt".into(), shared])
        .collect()
}

/// Pulls an image, into the storage that survives or that of the build. Prints its image ID.
#[must_use]
pub fn pull(directories: Directories<'_>, image: &PinnedImage) -> Vec<OsString> {
    let mut words = in_namespaces(true);
    words.extend(if image.keep { cache_storage(directories) } else { build_storage(directories) });
    words.extend(["pull".into(), "-q".into()]);
    words.extend(option("--signature-policy", &directories.scratch.join("policy.json")));
    let place = match &image.place {
        ImagePlace::Registry { name, digest, access } => {
            words.extend(registry_options(access, directories));
            format!("docker://{name}@{digest}").into()
        }
        ImagePlace::Layout { name, .. } => format!("oci:{}:{name}", link(image)).into(),
    };
    words.push(place);
    words
}

/// The name of the link to an image's layout in the scratch directory, where commands run. buildah
/// makes a name for what it pulls of the path it is given, and refuses paths that make no name.
#[must_use]
pub fn link(image: &PinnedImage) -> String {
    image.argument.to_lowercase()
}

fn registry_options(access: &RegistryAccess, directories: Directories<'_>) -> Vec<OsString> {
    let mut words = Vec::new();
    if access.insecure {
        words.push("--tls-verify=false".into());
    }
    if let Some(authfile) = &access.authfile {
        words.extend(option("--authfile", authfile));
    }
    if access.ca_file.is_some() {
        words.extend(option("--cert-dir", &directories.scratch.join("certs")));
    }
    words
}

/// Runs the recipe in `scratch/Dockerfile`. One layer comes out, whatever its number of steps, and
/// times are 0, so that two runs of one recipe give the same bytes.
#[must_use]
pub fn build(
    directories: Directories<'_>,
    images: &[&PinnedImage],
    network: bool,
) -> Vec<OsString> {
    let scratch = directories.scratch;
    let mut words = in_namespaces(network);
    words.extend(build_storage(directories));
    words.extend(
        [
            "build",
            "--format=oci",
            "--pull-never",
            "--layers=false",
            "--no-cache",
            "--force-rm",
            "--timestamp=0",
            "--identity-label=false",
            "--http-proxy=false",
        ]
        .map(OsString::from),
    );
    if !network {
        words.push("--network=none".into());
    }
    words.extend(option("--signature-policy", &scratch.join("policy.json")));
    for image in images {
        words.push("--build-arg".into());
        words.push(format!("{}={}", image.argument, image.image_id.hex()).into());
    }
    words.extend(option("--iidfile", &scratch.join("image-id")));
    words.extend(option("-f", &scratch.join("Dockerfile")));
    words.push(scratch.join("context").into());
    words
}

/// Writes the built image into the layout `scratch/out`, where blobs that are there already are not
/// written again.
#[must_use]
pub fn export(directories: Directories<'_>, image_id: &Digest) -> Vec<OsString> {
    let mut words = in_namespaces(false);
    words.extend(build_storage(directories));
    words.extend(["push".into(), "-q".into()]);
    words.extend(option("--signature-policy", &directories.scratch.join("policy.json")));
    words.push(image_id.hex().into());
    let mut target = OsString::from("oci:");
    target.push(directories.scratch.join("out"));
    target.push(":built");
    words.push(target);
    words
}

#[cfg(test)]
mod tests {
    use super::{Directories, build, export, pull};
    use crate::engine::{ImagePlace, PinnedImage, RegistryAccess};
    use crate::image::Digest;
    use std::path::Path;

    fn directories() -> Directories<'static> {
        Directories { cache: Path::new("/c"), scratch: Path::new("/s") }
    }

    fn image(place: ImagePlace) -> PinnedImage {
        PinnedImage { argument: "BASE", place, image_id: Digest::of(b"config"), keep: true }
    }

    fn line(words: Vec<std::ffi::OsString>) -> String {
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    const NAMESPACES: &str = "setpriv --pdeathsig KILL -- unshare --mount --pid --fork \
                              --kill-child=KILL --mount-proc";

    #[test]
    fn images_are_pulled_by_digest_from_registries_and_by_name_from_layouts() {
        let digest = Digest::of(b"manifest");
        let access = RegistryAccess {
            insecure: true,
            authfile: Some("/s/auth.json".into()),
            ca_file: Some("/ca.pem".into()),
        };
        let name = "registry.example.com/os/base".to_owned();
        let registry = image(ImagePlace::Registry { name, digest, access });
        assert_eq!(
            line(pull(directories(), &registry)),
            format!(
                "{NAMESPACES} -- buildah --root /c/root --runroot /c/run pull -q \
                 --signature-policy /s/policy.json --tls-verify=false --authfile /s/auth.json \
                 --cert-dir /s/certs docker://registry.example.com/os/base@{digest}"
            )
        );
        let dir = "/images".into();
        let layout = image(ImagePlace::Layout { dir, name: "a-base:latest".to_owned() });
        assert!(line(pull(directories(), &layout)).ends_with(" oci:base:a-base:latest"));
        let not_kept = PinnedImage { keep: false, ..layout };
        assert!(line(pull(directories(), &not_kept)).contains(" buildah --root /s/root "));
    }

    #[test]
    fn a_build_hands_images_in_by_id_and_has_no_network_unless_it_needs_one() {
        let place = ImagePlace::Layout { dir: "/images".into(), name: "a-base:latest".to_owned() };
        let base = image(place);
        let quiet = line(build(directories(), &[&base], false));
        let argument = format!("--build-arg BASE={} ", Digest::of(b"config").hex());
        assert!(quiet.contains(&argument), "{quiet}");
        assert!(quiet.starts_with(&format!("{NAMESPACES} --net -- buildah --root /s/root")));
        assert!(quiet.contains(" --storage-opt overlay.imagestore=/c/root build "));
        assert!(quiet.contains(" --network=none "));
        let online = line(build(directories(), &[&base], true));
        assert!(!online.contains("--net"), "{online}");
        assert!(online.ends_with(" --iidfile /s/image-id -f /s/Dockerfile /s/context"));
    }

    #[test]
    fn the_result_is_exported_by_id() {
        let id = Digest::of(b"result");
        let wanted =
            format!(" push -q --signature-policy /s/policy.json {} oci:/s/out:built", id.hex());
        assert!(line(export(directories(), &id)).ends_with(&wanted));
    }
}
