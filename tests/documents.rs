//! The documents in `fixtures/machineconfigs`: the good ones give what they should, each bad one an
//! error that says where and why.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use layerwright::image::Digest;
use layerwright::machineconfig::{
    DocumentError, KernelType, MachineConfig, Problem, ReadOptions, read,
};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/machineconfigs")
}

fn read_fixture(name: &str, options: &ReadOptions) -> Result<MachineConfig, DocumentError> {
    let bytes = std::fs::read(fixtures().join(name)).unwrap();
    read(&bytes, name, options)
}

fn good(name: &str) -> MachineConfig {
    read_fixture(name, &ReadOptions::default()).unwrap()
}

/// Each bad document and what its error must say.
const BAD: &[(&str, &[&str])] = &[
    ("alias-bomb.yaml", &["line 12", "250000 values", "aliases"]),
    ("configmap.yaml", &["found a ConfigMap (v1)", "MachineConfig"]),
    ("cut-off.json", &["line 2", "not valid JSON", "EOF"]),
    ("duplicate-key.json", &["line 4", "$ has the key \"kind\" twice"]),
    ("duplicate-key.yaml", &["line 7, column 3", "$.spec has the key \"fips\" twice"]),
    ("empty-list.yaml", &["found an empty list"]),
    ("empty-name.yaml", &["metadata.name", "empty"]),
    ("empty.yaml", &["is empty"]),
    ("extension-option.json", &["$.spec.extensions[1]"]),
    ("extensions-null.json", &["$.spec.extensions[1] is null", "must be a string"]),
    ("extensions-text.json", &["$.spec.extensions is a string", "must be a list"]),
    ("fips-text.json", &["$.spec.fips is a string", "must be a boolean"]),
    (
        "generated-path.json",
        &["$.spec.config.storage.files", "/etc/machine-config-daemon/mcd_content.json"],
    ),
    ("ignition-2.yaml", &["2.2.0", "must be converted", "3.0.0 to 3.6.0"]),
    ("ignition-among-others.yaml", &["found an Ignition config among other documents"]),
    ("ignition-no-version.yaml", &["no ignition.version", "3.0.0 to 3.6.0"]),
    ("ignition-unknown.yaml", &["3.99.0", "3.0.0 to 3.6.0"]),
    ("kernel-arguments-number.json", &["$.spec.kernelArguments[1] is a number"]),
    ("kernel-type-number.json", &["$.spec.kernelType is a number", "must be a string"]),
    ("kernel-type.json", &["$.spec.kernelType", "tickless", "realtime", "64k-pages"]),
    ("list-of-others.yaml", &["found a Secret (v1), a Deployment (apps/v1)"]),
    ("merge-key.yaml", &["line 8, column 5", "$.spec.other", "merge key"]),
    ("mode-exponent.json", &["line 16", "$.spec.config.storage.files[0].mode", "integer"]),
    ("mode-fraction.json", &["line 16", "$.spec.config.storage.files[0].mode", "integer"]),
    ("mode-fraction.yaml", &["line 11, column 15", "files[0].mode", "integer"]),
    ("no-config.yaml", &["\"bad\" has no spec.config"]),
    ("no-kind.yaml", &["found an object without kind"]),
    ("no-name.yaml", &["metadata.name", "missing"]),
    ("no-spec.yaml", &["\"bad\" has no spec.config"]),
    ("not-json.json", &["line 2, column 9", "not valid JSON", "expected `:`"]),
    ("not-utf8.yaml", &["not UTF-8", "offset 39"]),
    ("not-yaml.yaml", &["line 3", "not valid YAML"]),
    ("number-too-large.json", &["files[0].mode", "2^53"]),
    ("other-version.yaml", &["found a MachineConfig (machineconfiguration.openshift.io/v1alpha1)"]),
    ("spec-list.yaml", &["$.spec is a list", "must be an object"]),
    ("storage-list.json", &["$.spec.config.storage is a list", "must be an object"]),
    ("tag.yaml", &["line 5, column 7", "tag at $.spec"]),
    ("text.yaml", &["found a string"]),
    ("two-concatenated.json", &["2 MachineConfigs", "\"first\"", "\"second\""]),
    ("two-documents.yaml", &["2 MachineConfigs", "\"first\"", "\"second\""]),
    ("two-in-list.json", &["2 MachineConfigs", "\"first\"", "\"second\""]),
    ("yaml-1.2.yaml", &["YAML 1.2"]),
];

#[test]
fn every_bad_document_says_what_is_wrong_and_where() {
    for (name, fragments) in BAD {
        let path = format!("bad/{name}");
        let message = match read_fixture(&path, &ReadOptions::default()) {
            Ok(config) => panic!("{name} was read as {config:?}"),
            Err(error) => error.to_string(),
        };
        assert!(message.starts_with(&path), "{message}");
        assert!(!message.contains('\n'), "{message}");
        for fragment in *fragments {
            assert!(message.contains(fragment), "{fragment:?} is not in: {message}");
        }
    }
}

#[test]
fn every_bad_document_is_on_the_list() {
    let listed: BTreeSet<String> = BAD.iter().map(|(name, _)| (*name).to_owned()).collect();
    let there: BTreeSet<String> = std::fs::read_dir(fixtures().join("bad"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(listed, there);
}

#[test]
fn the_rich_config_is_read_whole() {
    let config = good("rendered-worker.json");
    assert_eq!(config.name(), "rendered-worker-4f1d9c0a7be35826d1c4e09f73ab5d18");
    assert_eq!(config.ignition_version().to_string(), "3.5.0");
    assert_eq!(config.kernel_type(), KernelType::Default);
    assert!(config.package_changes().is_empty());
    assert_eq!(config.kernel_arguments().len(), 2);
    assert!(config.os_image_url().unwrap().contains("rhel-coreos@sha256:ccc"));
    assert!(config.extensions_image().unwrap().contains("extensions@sha256:eee"));
    assert!(!config.fips());
    let canonical = std::str::from_utf8(config.canonical_json()).unwrap();
    assert!((160_000..230_000).contains(&canonical.len()), "{}", canonical.len());
    for dropped in ["ownerReferences", "generated-by-controller", "release-image-version"] {
        assert!(!canonical.contains(dropped), "{dropped}");
    }
    assert!(!canonical.contains("annotations"));
    let rendered: serde_json::Value = serde_json::from_slice(config.rendered_ignition()).unwrap();
    let mut files = rendered["storage"]["files"].as_array().unwrap().clone();
    let added = files.pop().unwrap();
    assert_eq!(added["path"], "/etc/machine-config-daemon/mcd_content.json");
    assert_eq!(&files, config.ignition()["storage"]["files"].as_array().unwrap());
}

#[test]
fn json_and_yaml_of_one_config_have_the_same_bytes() {
    let (json, yaml) = (good("realtime.json"), good("realtime.yaml"));
    assert_eq!(json.canonical_json(), yaml.canonical_json());
    assert_eq!(json.rendered_ignition(), yaml.rendered_ignition());
    assert_eq!(json.kernel_type(), KernelType::Realtime);
    assert_eq!(json.extensions(), ["kernel-devel", "usbguard"]);
    assert!(json.fips());
    assert_eq!(json.os_image_url(), None);
    assert_eq!(
        json.package_changes().install.join(" "),
        "kernel-devel kernel-headers usbguard kernel-rt kernel-rt-modules kernel-rt-modules-extra"
    );
    let rendered = std::str::from_utf8(json.rendered_ignition()).unwrap();
    assert!(rendered.contains("/etc/rpm-ostree/origin.d/extensions-"));
}

#[test]
fn a_list_counts_as_the_config_in_it() {
    let (list, alone) = (good("list.yaml"), good("minimal.json"));
    assert_eq!(list.canonical_json(), alone.canonical_json());
}

#[test]
fn a_bare_ignition_config_is_taken_where_it_is_allowed() {
    let error = read_fixture("ignition.json", &ReadOptions::default()).unwrap_err();
    assert!(matches!(error.problem, Problem::BareIgnition));
    let options = ReadOptions { allow_ignition: true, ..ReadOptions::default() };
    let bare = read_fixture("ignition.json", &options).unwrap();
    let wrapped = good("minimal.json");
    assert_eq!(bare.rendered_ignition(), wrapped.rendered_ignition());
    let digits = bare.name().strip_prefix("ignition-").unwrap();
    assert!(digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    // Its canonical form is a MachineConfig like any other.
    let again = read(bare.canonical_json(), "again", &ReadOptions::default()).unwrap();
    assert_eq!(again.canonical_json(), bare.canonical_json());
    // A MachineConfig is as good as ever where an Ignition config would be.
    assert!(read_fixture("minimal.json", &options).is_ok());
}

/// Worked out by another program. They change only together with what every store holds already.
#[test]
fn the_bytes_are_what_they_always_were() {
    let golden = [
        ("rendered-worker.json", "318ae6242112", "f912adaf3bc4"),
        ("realtime.yaml", "ccf30f7ac3f3", "9d3e8a5631f5"),
        ("minimal.json", "4ad4fc8226fa", "a2ce9fb429ae"),
    ];
    for (name, canonical, rendered) in golden {
        let config = good(name);
        assert_eq!(Digest::of(config.canonical_json()).short(), canonical, "{name}");
        assert_eq!(Digest::of(config.rendered_ignition()).short(), rendered, "{name}");
    }
}
