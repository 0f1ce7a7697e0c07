//! What makes a build another build, and what does not (design, "Identity").

use serde_json::{Value, json};

use crate::bases;
use crate::in_both_stores;
use crate::workspace::Workspace;

in_both_stores!(
    going_back_to_an_earlier_config_builds_nothing,
    two_pools_with_equal_inputs_share_one_build,
    another_base_is_another_build,
);

fn going_back_to_an_earlier_config_builds_nothing(workspace: Workspace) {
    let base = workspace.base(bases::PLAIN);
    let mut images = Vec::new();
    let mut builds = Vec::new();
    for (name, text) in [("a", "one"), ("b", "two"), ("a", "one")] {
        workspace.pool(&base, &workspace.rendered(name, text));
        let run = workspace.build(&[]).ended(0);
        builds.push(run.builds());
        images.extend(run.images());
        assert_eq!(workspace.tag("layered-mco-content", name), images.last().copied());
        assert_eq!(workspace.tag("layered-mco-content", "latest"), images.last().copied());
    }
    assert_eq!(builds, [1, 1, 0]);
    assert_eq!(images[0], images[2]);
    assert_ne!(images[0], images[1]);
    let records = workspace.tags().into_keys().filter(|(stream, _)| stream == "builds");
    assert_eq!(records.count(), 2);
}

fn two_pools_with_equal_inputs_share_one_build(workspace: Workspace) {
    workspace.config("one.json", &workspace.rendered("rendered-one", "same"));
    workspace.config("two.json", &workspace.rendered("rendered-two", "same"));
    let base = workspace.base(bases::PLAIN);
    workspace.pools(&base, &[("one", "one.json"), ("two", "two.json")]);
    let run = workspace.build(&[]).ended(0);
    assert_eq!(run.builds(), 1);
    let images = ["one", "two"].map(|pool| {
        let image = workspace.image(&format!("{pool}-mco-content"), "latest");
        let labels = image.config.labels();
        assert_eq!(labels["machineconfig"], format!("rendered-{pool}"));
        assert_eq!(labels["io.openshift.machineconfig.pool"], pool);
        image
    });
    assert_eq!(run.images(), images.each_ref().map(|image| image.raw.descriptor.digest));
    assert_ne!(images[0].raw.descriptor.digest, images[1].raw.descriptor.digest);
    // The stamp is one layer; everything below is shared.
    let below = images.each_ref().map(|image| {
        let layers = image.manifest.layers();
        layers[..layers.len() - 1].to_vec()
    });
    assert_eq!(below[0], below[1]);
}

fn another_base_is_another_build(workspace: Workspace) {
    let (plain, other) = (workspace.base(bases::PLAIN), workspace.base(bases::OTHER));
    workspace.pool(&plain, &workspace.rendered("rendered-1", "one"));
    assert_eq!(workspace.build(&[]).ended(0).builds(), 1);
    let old = workspace.tag("layered-base", "latest").unwrap();
    workspace.pool(&other, &workspace.rendered("rendered-1", "one"));
    let new = workspace.image_at(&other).raw.descriptor.digest;
    let changed = format!("layered:   base: {} -> {}\n", old.short(), new.short());
    let run = workspace.build(&[]).ended(0).says(&changed);
    assert_eq!(run.builds(), 1);
    // That line is all: nothing else changed.
    assert_eq!(run.stderr.lines().filter(|line| line.starts_with("layered:   ")).count(), 1);
    assert_eq!(workspace.tag("layered-base", "latest"), Some(new));
    workspace.pool(&plain, &workspace.rendered("rendered-1", "one"));
    assert_eq!(workspace.build(&[]).ended(0).builds(), 0);
}

/// The same config in other words, as JSON text or YAML.
fn in_other_words(workspace: &Workspace, name: &str) -> Vec<(&'static str, String, bool)> {
    let mut metadata = workspace.rendered(name, "one");
    metadata["metadata"]["uid"] = json!("9f0c6c1e-7d6b-4f55-9d0a-1f2e3d4c5b6a");
    metadata["metadata"]["resourceVersion"] = json!("123456");
    metadata["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    metadata["metadata"]["annotations"] = json!({
        "machineconfiguration.openshift.io/generated-by-controller-version": "abc",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    });
    metadata["status"] = json!({ "anything": true });
    metadata["spec"]["osImageURL"] = Value::Null;
    let source = &metadata["spec"]["config"]["storage"]["files"][0]["contents"]["source"];
    let source = source.as_str().unwrap();
    let yaml = format!(
        "# In another order, and with another spelling of the mode.\n\
         spec:\n  config:\n    storage:\n      files:\n      - contents: {{source: '{source}'}}\n        \
         overwrite: yes\n        mode: 0640\n        path: /etc/app.conf\n    \
         ignition:\n      version: 3.4.0\n\
         metadata:\n  name: {name}\nkind: MachineConfig\n\
         apiVersion: machineconfiguration.openshift.io/v1\n"
    );
    let list =
        json!({ "apiVersion": "v1", "kind": "List", "items": [workspace.rendered(name, "one")] });
    let mut labelled = workspace.rendered(name, "one");
    labelled["metadata"]["labels"] = json!({ "a": "label" });
    vec![
        ("other metadata", metadata.to_string(), false),
        ("YAML in another order", yaml, false),
        ("a list", list.to_string(), false),
        // Labels are part of the document: a new stamp, and no build.
        ("a label", labelled.to_string(), true),
        ("another name", workspace.rendered("another-name", "one").to_string(), true),
    ]
}

#[test]
fn the_same_config_in_other_words_is_no_other_build() {
    let workspace = Workspace::in_a_layout();
    let base = workspace.base(bases::PLAIN);
    workspace.pool(&base, &workspace.rendered("rendered-1", "one"));
    let first = workspace.build(&[]).ended(0);
    assert_eq!(first.builds(), 1);
    for (what, text, new_stamp) in in_other_words(&workspace, "rendered-1") {
        workspace.write("config.json", text);
        let run = workspace.build(&[]).ended(0);
        assert_eq!(run.builds(), 0, "{what}");
        assert_eq!(run.stderr.contains("nothing to do"), !new_stamp, "{what}: {}", run.stderr);
        assert_eq!(run.images() != first.images(), new_stamp, "{what}");
    }
    // The last one has another name: it has tags of its own, and an image that says so.
    let image = workspace.image("layered-mco-content", "another-name");
    assert_eq!(image.config.labels()["machineconfig"], "another-name");
    assert_eq!(workspace.tag("layered-mco-content", "latest"), Some(image.raw.descriptor.digest));
    assert_eq!(
        workspace.tag("layered-rendered-config", "another-name"),
        workspace.tag("layered-rendered-config", "latest")
    );
    let key = |tag| {
        workspace.image("layered-mco-content", tag).config.labels()["layerwright.dev/key"].clone()
    };
    assert_eq!(key("another-name"), key("rendered-1"));
}

#[test]
fn another_kind_of_file_is_another_build_and_says_so() {
    let workspace = Workspace::in_a_layout();
    let base = workspace.base(bases::PLAIN);
    workspace.pool(&base, &workspace.rendered("rendered-1", "one"));
    workspace.build(&[]).ended(0);
    let mut mode = workspace.rendered("rendered-1", "one");
    mode["spec"]["config"]["storage"]["files"][0]["mode"] = json!(0o600);
    workspace.pool(&base, &mode);
    let run =
        workspace.build(&[]).ended(0).says("layered:   files./machine-config-ignition.json: ");
    assert_eq!(run.builds(), 1);
}
