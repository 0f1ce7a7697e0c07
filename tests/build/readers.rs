//! The programs of others read what is published, from both stores: skopeo, buildah and umoci.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use layerwright::machineconfig::{ReadOptions, read};
use layerwright::store::transfer::StoredImage;
use serde_json::{Value, json};

use crate::run::Running;
use crate::workspace::Workspace;
use crate::{bases, in_both_stores};

in_both_stores!(what_is_published_is_read_by_others);

/// A config with one of everything that shows in an image.
fn config() -> Value {
    let file = |path: &str, mode: u32, source: &str| json!({ "path": path, "mode": mode, "overwrite": true, "contents": { "source": source } });
    let unit = |name: &str, enabled: bool| {
        let contents = "[Unit]\nDescription=A unit\n\n[Service]\nExecStart=/bin/true\n\n[Install]\nWantedBy=multi-user.target\n";
        json!({ "name": name, "enabled": enabled, "contents": contents })
    };
    json!({
        "apiVersion": "machineconfiguration.openshift.io/v1",
        "kind": "MachineConfig",
        "metadata": { "name": "rendered-readers" },
        "spec": { "config": {
            "ignition": { "version": "3.4.0" },
            "storage": {
                "files": [
                    file("/etc/app/secret.conf", 0o600, "data:,a%20b%0A"),
                    file("/usr/local/bin/tool.sh", 0o755, "data:text/plain;base64,IyEvYmluL3NoCg=="),
                    file("/etc/debian_version", 0o644, "data:,replaced"),
                    file("/var/cache/gone", 0o644, "data:,gone"),
                ],
                "directories": [{ "path": "/etc/app/empty", "mode": 0o711 }],
                "links": [{ "path": "/etc/app/link", "target": "secret.conf" }],
            },
            "systemd": { "units": [
                unit("zulu.service", true),
                json!({ "name": "apt-daily.timer", "enabled": false }),
                unit("mike.service", true),
            ] },
        } },
    })
}

/// Runs a program of others with nothing that an earlier run of it knows, and returns its output.
fn other(directory: &Path, words: &[&str]) -> String {
    // What buildah and skopeo remember of blobs is in /var/lib/containers. What they mount is gone
    // with the namespace.
    let script = "mount -t tmpfs tmpfs /var/lib/containers && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).args(words).current_dir(directory);
    command.env("STORAGE_DRIVER", "overlay").env("BUILDAH_ISOLATION", "chroot");
    let run = Running::start(command).wait();
    assert_eq!(run.code, Some(0), "{words:?}: {}", run.stderr);
    run.stdout
}

/// Pulls an image with buildah into storage of its own, and says what buildah makes of its config.
fn pulled_by_buildah(directory: &Path, image: &str) -> Value {
    let buildah = ["buildah", "--root", "storage", "--runroot", "run"];
    let pull = ["pull", "-q", "--tls-verify=false", image];
    let id = other(directory, &[&buildah[..], &pull].concat());
    let text =
        other(directory, &[&buildah[..], &["inspect", "--type", "image", id.trim()]].concat());
    serde_json::from_str(&text).unwrap()
}

/// What skopeo makes of an image: its config.
fn inspected_by_skopeo(directory: &Path, image: &str) -> Value {
    let text = other(directory, &["skopeo", "inspect", "--tls-verify=false", "--config", image]);
    let summary = other(directory, &["skopeo", "inspect", "--tls-verify=false", image]);
    let (config, summary): (Value, Value) =
        (serde_json::from_str(&text).unwrap(), serde_json::from_str(&summary).unwrap());
    assert_eq!(config["config"]["Labels"], summary["Labels"]);
    config
}

/// The root file system of an image, unpacked by umoci.
fn unpacked_by_umoci(directory: &Path, image: &str, name: &str) -> PathBuf {
    // umoci reads layouts only, and no names with a colon.
    let copy = format!("oci:copy:{name}");
    other(directory, &["skopeo", "copy", "-q", "--src-tls-verify=false", image, &copy]);
    other(directory, &["umoci", "unpack", "--image", &format!("copy:{name}"), name]);
    directory.join(name).join("rootfs")
}

#[track_caller]
fn check_file(root: &Path, path: &str, mode: u32, content: impl AsRef<[u8]>) {
    let file = root.join(path);
    let found = fs::read(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (found, content) =
        (String::from_utf8_lossy(&found), String::from_utf8_lossy(content.as_ref()));
    assert_eq!(found, content, "{path}");
    let found = fs::symlink_metadata(&file).unwrap().permissions().mode() & 0o7777;
    assert_eq!(found, mode, "{path} has mode {found:o}");
}

fn check_content(root: &Path, machine_config: &[u8]) {
    check_file(root, "etc/app/secret.conf", 0o600, "a b\n");
    check_file(root, "usr/local/bin/tool.sh", 0o755, "#!/bin/sh\n");
    check_file(root, "etc/debian_version", 0o644, "replaced");
    check_file(root, "etc/machine-config-daemon/currentconfig", 0o644, machine_config);
    let daemon = fs::read(root.join("etc/machine-config-daemon/mcd_content.json")).unwrap();
    let daemon: Value = serde_json::from_slice(&daemon).unwrap();
    assert_eq!(daemon, json!({ "kernelArguments": null, "fips": false }));
    assert_eq!(fs::read_link(root.join("etc/app/link")).unwrap(), Path::new("secret.conf"));
    let empty = fs::metadata(root.join("etc/app/empty")).unwrap();
    assert!(empty.is_dir() && empty.permissions().mode() & 0o7777 == 0o711, "{empty:?}");
    let presets = "disable apt-daily.timer\nenable mike.service\nenable zulu.service\n";
    check_file(root, "etc/systemd/system-preset/20-ignition.preset", 0o644, presets);
    for gone in ["var/cache", "etc/machine-config-ignition.json", "etc/rpm-ostree/origin.d"] {
        assert!(!root.join(gone).exists(), "{gone} is there");
    }
    // The base is there too, and nothing of the build is.
    assert!(root.join("usr/lib/dracut/modules.d/30ignition/ignition").is_file());
    for noise in ["run/.containerenv", "etc/hosts", "layerwright"] {
        assert!(!root.join(noise).exists(), "{noise} is there");
    }
}

/// The first layers are the base's own, byte for byte: the descriptors are the same, and a digest
/// is what it names.
fn check_layers(image: &StoredImage, base: &StoredImage) {
    let (layers, below) = (image.manifest.layers(), base.manifest.layers());
    assert_eq!(layers[..below.len()], *below);
    assert_eq!(layers.len(), below.len() + 2, "the content and the stamp: {layers:?}");
    assert_eq!(image.config.diff_ids()[..below.len()], *base.config.diff_ids());
}

fn what_is_published_is_read_by_others(workspace: Workspace) {
    let base = workspace.base(bases::PLAIN);
    // Cold, so that nothing but the store says what the layers are.
    let workspace = workspace.with_cold_cache();
    workspace.pool(&base, &config());
    let mut command = Command::new("unshare");
    let program = workspace.command(&["build"]);
    command
        .args([
            "--mount",
            "sh",
            "-c",
            "mount -t tmpfs tmpfs /var/lib/containers && exec \"$@\"",
            "sh",
        ])
        .arg(program.get_program())
        .args(program.get_args())
        .env("LAYERWRIGHT_CACHE_DIR", workspace.cache());
    assert_eq!(Running::start(command).wait().ended(0).builds(), 1);
    let directory = workspace.path("");

    let (content, rendered) = ("layered-mco-content", "layered-rendered-config");
    let base = workspace.image_at(&base);
    let built = workspace.image(content, "latest");
    check_layers(&built, &base);
    let text = config().to_string();
    let machine_config = read(text.as_bytes(), "a test", &ReadOptions::default()).unwrap();

    for (stream, name) in [(content, "content"), (rendered, "rendered")] {
        let here = workspace.transport_name(stream, "latest");
        let config = inspected_by_skopeo(&directory, &here);
        let stored = workspace.image(stream, "latest");
        let labels = serde_json::to_value(stored.config.labels()).unwrap();
        assert_eq!(config["config"]["Labels"], labels);
        assert_eq!(labels["machineconfig"], "rendered-readers");
        let pulled = pulled_by_buildah(&directory, &here);
        assert_eq!(pulled["OCIv1"]["config"]["Labels"], labels);
        assert_eq!(pulled["FromImageDigest"], stored.raw.descriptor.digest.to_string());
        let root = unpacked_by_umoci(&directory, &here, name);
        if stream == content {
            assert_eq!(labels["io.openshift.machineconfig.pool"], "layered");
            let engine = labels["layerwright.dev/engine"].as_str().unwrap();
            assert!(engine.starts_with("buildah 1."), "{engine}");
            assert_eq!(labels["layerwright.dev/version"], env!("CARGO_PKG_VERSION"));
            let key = labels["layerwright.dev/key"].as_str().unwrap().replace("sha256:", "key-");
            assert_eq!(key, crate::forged::key(&workspace));
            check_content(&root, machine_config.canonical_json());
        } else {
            check_file(&root, "machine-config.json", 0o644, machine_config.canonical_json());
            let ignition = machine_config.rendered_ignition();
            check_file(&root, "machine-config-ignition.json", 0o644, ignition);
            assert_eq!(fs::read_dir(&root).unwrap().count(), 2);
        }
    }
}
