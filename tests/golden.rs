//! Golden digests: what layerwright packs is a pure function of its inputs (I1). The same numbers
//! hold in debug and release, in every time zone and locale; `.ci/test` runs this in both builds.
//!
//! They change only when every store's images are to be packed again, which is never by accident.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests throughout, helpers included"
)]

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use layerwright::image::{
    Config, Digest, OwnLayer, PackedImage, Platform, Stamp, annotation, assemble, base_image, stamp,
};
use layerwright::machineconfig::{MachineConfig, ReadOptions, read};
use layerwright::orchestrator::pack;
use layerwright::store::rootfs::PlainRoot;
use serde_json::{Value, json};
use support::program::{finish, fixture, layerwright, machine_config};

/// What an image is known by: the digests of its top layer, its config and its manifest. For the
/// rendered configs, another program worked out config and manifest from the layer.
#[derive(Debug, PartialEq, Eq)]
struct Golden {
    diff_id: &'static str,
    config: &'static str,
    manifest: &'static str,
}

const WORKER: Golden = Golden {
    diff_id: "f744e934d9f69ed9f9d065942538765891fd213a673138906f7a5bcd5e4c5d3d",
    config: "2002d1fa2bd1c33a3bd14e162be3b656cc20e122bd6d92a246fcefff1597f92f",
    manifest: "ef71d74e934c445505f341408f8b34d5d896c5a13b7bc1eeb6472dc3bf774087",
};

const REALTIME: Golden = Golden {
    diff_id: "355f46032a50735e2c750d130548ca2ca16e72943993394d54d92c1196dff93e",
    config: "36c2a516551be69dc3d55f98b9eca563ea0c6225fe1017d4a8be0b14eb08a776",
    manifest: "eadf2735c7bbdb8c3951b8c3dfae22ecc748584e4cc2fbc04961b5345a83bbf7",
};

const MINIMAL: Golden = Golden {
    diff_id: "6e1ca8f8d8b9348587afd8ed16ef885ea9c5bf07a25e579b7a8c2a664084d8dd",
    config: "c2c52e6e1ab3154fc1415269ef5ab4fd588641f04aa7e0d35dec3d2b012003cd",
    manifest: "8fa7a71138c6aed2ddb95e7baeb7082526620d801ae906901dfe40b91828b319",
};

const MINIMAL_ARM64: Golden = Golden {
    diff_id: MINIMAL.diff_id,
    config: "d3d02553147c0bc92dbb9b4e5ae96e013915ab4bf5a2a015e5c1c40b89c93a3f",
    manifest: "9c354763ecee84326b09e7057b07845436e0bb07b04c8675ae82e3ff08a44e6d",
};

const STAMP: Golden = Golden {
    diff_id: "7912cb029b641b79f815ab302926746fd6115f7d16e774d92514382f10e6923b",
    config: "9ef1abaa32a3af2e7df4e013e6bdb750c05ce202234723d362aebfe6c22929c0",
    manifest: "e9885414abaf3898d461927384cdaba4f4271268e98a527e791854d5868e100d",
};

const ROOT: Golden = Golden {
    diff_id: "53f0822adcef205981bdf6fd54acc47773df95d7226e80d91bd0201b3b5bf8f5",
    config: "5b439b13706ca24b28bd105c45b4a2df8b2d60d359c9e4c3aaaf6873735bf54e",
    manifest: "4092a077b6d90a479de80be41ab7a47c649dae9661014f14681107b8ac146ac4",
};

const FIXTURES: [(&str, &Golden); 4] = [
    ("rendered-worker.json", &WORKER),
    ("realtime.json", &REALTIME),
    ("realtime.yaml", &REALTIME),
    ("minimal.json", &MINIMAL),
];

fn check(what: &str, image: &PackedImage, diff_id: Digest, golden: &Golden) {
    let found =
        [diff_id, image.config.digest, image.manifest.descriptor.digest].map(|d| d.to_string());
    let wanted =
        [golden.diff_id, golden.config, golden.manifest].map(|hex| format!("sha256:{hex}"));
    assert_eq!(found, wanted, "{what}: layer, config, manifest");
}

fn parse(bytes: &[u8]) -> MachineConfig {
    read(bytes, "golden", &ReadOptions::default()).unwrap()
}

fn packed(config: &MachineConfig, platform: &str) -> (PackedImage, Digest) {
    let (image, layer, _) = pack(config, &platform.parse::<Platform>().unwrap()).unwrap();
    (image, layer.diff_id)
}

#[test]
fn rendered_config_images() {
    for (name, golden) in FIXTURES {
        let config = parse(&std::fs::read(machine_config(name)).unwrap());
        let (image, diff_id) = packed(&config, "linux/amd64");
        check(name, &image, diff_id, golden);
    }
    let config = parse(&std::fs::read(machine_config("minimal.json")).unwrap());
    let (image, diff_id) = packed(&config, "linux/arm64");
    check("minimal.json for arm64", &image, diff_id, &MINIMAL_ARM64);
}

/// Layouts that the program pushes to under one environment, and the digest of each fixture.
fn pushed(environment: &[(&str, &str)]) -> Vec<[String; 3]> {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("images");
    let to = format!("oci:{}", dir.display());
    FIXTURES
        .iter()
        .map(|(name, _)| {
            let mut command = layerwright();
            command.arg("push-rendered").arg(machine_config(name)).args(["--to", &to]);
            command.envs(environment.iter().copied());
            let line = finish(&mut command).line();
            let manifest = line.split_once('@').unwrap().1.to_owned();
            let document = blob(&dir, &manifest);
            let config = document["config"]["digest"].as_str().unwrap().to_owned();
            let diff_id = blob(&dir, &config)["rootfs"]["diff_ids"][0].as_str().unwrap().to_owned();
            assert_eq!(document["layers"][0]["digest"], diff_id, "a small layer is plain");
            [diff_id, config, manifest]
        })
        .collect()
}

fn blob(dir: &Path, digest: &str) -> Value {
    let path = dir.join("blobs").join(digest.replace(':', "/"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn rendered_config_images_of_the_program_in_any_environment() {
    let wanted: Vec<[String; 3]> = FIXTURES
        .iter()
        .map(|(_, g)| [g.diff_id, g.config, g.manifest].map(|hex| format!("sha256:{hex}")))
        .collect();
    for environment in [
        &[][..],
        &[("TZ", "Asia/Tokyo"), ("LC_ALL", "C")],
        &[("TZ", "America/St_Johns"), ("LC_ALL", "tr_TR.UTF-8"), ("LANG", "tr_TR.UTF-8")],
        &[("SOURCE_DATE_EPOCH", "1700000000"), ("TZ", "UTC-25"), ("LC_ALL", "nonsense")],
        &[("TOKIO_WORKER_THREADS", "1"), ("HOSTNAME", "other"), ("USER", "other")],
    ] {
        assert_eq!(pushed(environment), wanted, "{environment:?}");
    }
}

#[test]
fn spelling_and_bookkeeping_change_nothing() {
    let bytes = std::fs::read(machine_config("minimal.json")).unwrap();
    let plain: Value = serde_json::from_slice(&bytes).unwrap();
    let digest = |text: &str| packed(&parse(text.as_bytes()), "linux/amd64").0.manifest.descriptor;
    let wanted = packed(&parse(&bytes), "linux/amd64").0.manifest.descriptor;
    check("minimal.json", &packed(&parse(&bytes), "linux/amd64").0, layer_of(&bytes), &MINIMAL);

    assert_eq!(digest(&plain.to_string()), wanted, "sorted keys, no white space");
    assert_eq!(digest(&reversed(&plain)), wanted, "keys in the other order");
    assert_eq!(digest(&serde_json::to_string_pretty(&plain).unwrap()), wanted, "white space");

    let mut object = plain.clone();
    object["metadata"]["uid"] = json!("5a3c");
    object["metadata"]["resourceVersion"] = json!("17");
    object["metadata"]["generation"] = json!(3);
    object["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    object["metadata"]["managedFields"] = json!([{"manager": "x"}]);
    object["metadata"]["ownerReferences"] = json!([{"kind": "MachineConfigPool"}]);
    object["metadata"]["annotations"] =
        json!({"machineconfiguration.openshift.io/generated-by-controller-version": "v4"});
    object["status"] = json!({"x": 1});
    object["spec"]["osImageURL"] = Value::Null;
    assert_eq!(digest(&object.to_string()), wanted, "what a cluster adds");

    // What is not bookkeeping counts.
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 4] = [
        ("name", |o| o["metadata"]["name"] = json!("other")),
        ("annotation", |o| o["metadata"]["annotations"] = json!({"x": "y"})),
        ("label", |o| o["metadata"]["labels"] = json!({"x": "y"})),
        ("file", |o| o["spec"]["config"]["storage"]["files"][0]["mode"] = json!(384)),
    ];
    for (what, change) in changes {
        let mut object = plain.clone();
        change(&mut object);
        assert_ne!(digest(&object.to_string()), wanted, "{what}");
    }
}

fn layer_of(bytes: &[u8]) -> Digest {
    packed(&parse(bytes), "linux/amd64").1
}

/// The value as JSON text with the keys of every object in falling order.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_by(|a, b| b.cmp(a));
            let member = |name: &String| format!("{}:{}", json!(name), reversed(&members[name]));
            format!("{{{}}}", names.into_iter().map(member).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(reversed).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// A digest that a word stands for.
fn digest(word: &str) -> Digest {
    Digest::of(word.as_bytes())
}

#[test]
fn a_stamp() {
    let own = OwnLayer {
        descriptor: layerwright::image::Descriptor::of(
            layerwright::image::media_type::LAYER_GZIP,
            b"base layer",
        ),
        diff_id: digest("base tar"),
    };
    let annotations = BTreeMap::from(
        [
            (annotation::KEY, digest("key").to_string()),
            (annotation::INPUTS, "{\"the\":\"inputs\"}".to_owned()),
            (annotation::ENGINE, "buildah 1.28.2".to_owned()),
            (annotation::VERSION, "0.1.0".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let mut config = Config::new(&Platform::linux_amd64());
    config.set_label("ostree.commit", "c");
    let content = assemble(None, config, &[own], "base", annotations).unwrap();
    let says = Stamp {
        pool: "layered",
        machine_config_name: "rendered-layered-1",
        machine_config: "{\"name\":\"ü\"}".as_bytes(),
        base_name: Some("registry.example.com/base:4.20"),
        base_digest: digest("index"),
        base_platform_digest: digest("manifest"),
        content: content.manifest.descriptor.digest,
    };
    let manifest = content.manifest.parse_manifest().unwrap();
    let config = Config::parse(&content.config_bytes).unwrap();
    let (image, layer) = stamp(&manifest, &config, &says).unwrap();
    check("stamp", &image, layer.diff_id, &STAMP);
}

/// A copy of a fixture's root file system, with the modes that it should have: a checkout gives it
/// those of the umask.
fn root(scratch: &Path) -> PathBuf {
    let root = scratch.join("root");
    for entry in walkdir::WalkDir::new(fixture("roots/minimal")).sort_by_file_name() {
        let entry = entry.unwrap();
        let target = root.join(entry.path().strip_prefix(fixture("roots/minimal")).unwrap());
        let kind = entry.file_type();
        if kind.is_symlink() {
            let to = std::fs::read_link(entry.path()).unwrap();
            std::os::unix::fs::symlink(to, target).unwrap();
            continue;
        }
        if kind.is_dir() {
            std::fs::create_dir(&target).unwrap();
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
        let program = kind.is_dir() || target.ends_with("usr/bin/true");
        let mode = std::fs::Permissions::from_mode(if program { 0o755 } else { 0o644 });
        std::fs::set_permissions(&target, mode).unwrap();
    }
    root
}

#[test]
fn the_image_of_a_root_file_system() {
    let scratch = tempfile::tempdir().unwrap();
    // Its files belong to root when root runs this, as the other tests need it as well.
    let root = PlainRoot::Directory(root(scratch.path()));
    let layer = root.pack(scratch.path()).unwrap();
    let own = OwnLayer { descriptor: layer.descriptor.clone(), diff_id: layer.diff_id };
    let image = base_image(&Platform::linux_amd64(), &own).unwrap();
    check("root", &image, layer.diff_id, &ROOT);
}
