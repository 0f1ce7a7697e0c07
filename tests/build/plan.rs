//! `plan` says what `build` would do and changes nothing; `build --force` builds again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use layerwright::image::{Digest, annotation};
use layerwright::store::{Reference, Store as _};

use crate::forged::edited;
use crate::workspace::{Workspace, now};
use crate::{bases, in_both_stores};

in_both_stores!(
    a_plan_says_what_a_build_does_and_changes_nothing,
    force_builds_again_and_replaces_the_record,
);

/// Every file below a directory, with its content.
fn files(dir: &Path) -> BTreeMap<PathBuf, Digest> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), Digest::of(&fs::read(path).unwrap()));
        }
    }
    found
}

/// Plans, and checks that nothing was changed.
fn plan(workspace: &Workspace, code: i32) -> String {
    let images = workspace.path("images");
    let (before, existed) = (files(&images), images.exists());
    let mark = workspace.registry().map(|registry| registry.mark());
    let plan = workspace.plan(&[]).ended(code);
    assert_eq!(plan.builds(), 0);
    assert_eq!(files(&images), before);
    assert_eq!(images.exists(), existed);
    if let (Some(registry), Some(mark)) = (workspace.registry(), mark) {
        for request in registry.since(mark) {
            assert!(["GET", "HEAD"].contains(&request.method.as_str()), "{request:?}");
        }
    }
    plan.stdout
}

fn a_plan_says_what_a_build_does_and_changes_nothing(workspace: Workspace) {
    let (plain, other) = (workspace.base(bases::PLAIN), workspace.base(bases::OTHER));
    for base in [&plain, &other] {
        workspace.pool(base, &workspace.rendered("rendered-1", "one"));
        let planned = plan(&workspace, 2);
        let built = workspace.build(&[]).ended(0);
        assert_eq!(built.builds(), 1);
        // Line for line what the build then says, as far as it can be known before.
        let did: Vec<&str> = built.stderr.lines().filter(|l| l.starts_with("layered: ")).collect();
        let would: Vec<&str> = planned.lines().collect();
        assert_eq!(would[..would.len() - 1], did[..did.len() - 1]);
        let publish = would[would.len() - 1];
        assert!(publish.starts_with("layered: publish the image of key "), "{planned}");
        assert!(did[did.len() - 1].starts_with(publish), "{did:?}");
        assert_eq!(plan(&workspace, 0), "layered: nothing to do\n");
    }
    let digest = |base: &str| workspace.image_at(base).raw.descriptor.digest.short();
    workspace.pool(&plain, &workspace.rendered("rendered-1", "two"));
    let planned = plan(&workspace, 2);
    let line = format!("layered:   base: {} -> {}\n", digest(&other), digest(&plain));
    assert!(planned.contains(&line), "{planned}");
    assert!(planned.contains("layered:   files./machine-config-ignition.json: "), "{planned}");
    assert!(!planned.contains("platform"), "{planned}");
}

fn force_builds_again_and_replaces_the_record(workspace: Workspace) {
    workspace.pool(&workspace.base(bases::PLAIN), &workspace.rendered("rendered-1", "one"));
    workspace.build(&[]).ended(0);
    let key = crate::forged::key(&workspace);
    let ours = workspace.image("builds", &key);
    // A record that is believed, but that another version made.
    let old = edited(&ours.raw, |manifest| {
        manifest["annotations"][annotation::VERSION] = "0.0.1".into();
    });
    let reference = Reference::Tag(key.clone());
    now(workspace.open().put_manifest("builds", &reference, &old)).unwrap();
    workspace.config("config.json", &workspace.rendered("rendered-2", "one"));
    let believed = workspace.build(&[]).ended(0);
    assert_eq!(believed.builds(), 0);
    assert_eq!(workspace.tag("builds", &key), Some(old.descriptor.digest));
    let content = |tag: &str| {
        let image = workspace.image("layered-mco-content", tag);
        image.manifest.annotation(annotation::CONTENT).unwrap().to_owned()
    };
    assert_eq!(content("latest"), old.descriptor.digest.to_string());

    let planned = workspace.plan(&["--force"]).ended(2).stdout;
    assert!(planned.contains("although there is an image, because of --force"), "{planned}");
    let forced = workspace.build(&["--force"]).ended(0).says("because of --force");
    assert_eq!(forced.builds(), 1);
    assert_eq!(workspace.tag("builds", &key), Some(ours.raw.descriptor.digest));
    assert_eq!(content("latest"), ours.raw.descriptor.digest.to_string());
    assert_eq!(content("rendered-2"), ours.raw.descriptor.digest.to_string());
    assert_eq!(workspace.build(&[]).ended(0).builds(), 0);
}
