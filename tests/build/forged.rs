//! Records in `builds` that must not be believed (design, "Trust"): each is refused with its
//! reason, and the build that follows puts a good one in its place.

use layerwright::image::{Descriptor, RawManifest, annotation, canonical_json, media_type};
use layerwright::store::{BlobSource, Reference, Store as _};
use serde_json::{Value, json};

use crate::workspace::{Workspace, now};
use crate::{bases, in_both_stores};

in_both_stores!(a_forged_record_is_refused_and_replaced);

/// The tag of the one record that the store has.
pub fn key(workspace: &Workspace) -> String {
    let records = workspace.tags().into_keys().filter(|(stream, _)| stream == "builds");
    let records: Vec<String> = records.map(|(_, tag)| tag).collect();
    assert_eq!(records.len(), 1, "{records:?}");
    records[0].clone()
}

/// A manifest, changed.
pub fn edited(manifest: &RawManifest, edit: impl FnOnce(&mut Value)) -> RawManifest {
    let mut value: Value = serde_json::from_slice(&manifest.bytes).unwrap();
    edit(&mut value);
    RawManifest::new(&manifest.descriptor.media_type, canonical_json(&value).unwrap())
}

/// A record that is wrong in one point, with the blobs it needs.
struct Forgery {
    reason: &'static str,
    manifest: RawManifest,
    blobs: Vec<(Descriptor, Vec<u8>)>,
}

/// Forgeries of a good record: its manifest, and its config as JSON.
fn forgeries(good: &RawManifest, config: &Value) -> Vec<Forgery> {
    let with_config = |reason, bytes: Vec<u8>, edit: &dyn Fn(&mut Value)| {
        let blob = Descriptor::of(media_type::CONFIG, &bytes);
        let manifest = edited(good, |manifest| {
            manifest["config"]["digest"] = json!(blob.digest);
            manifest["config"]["size"] = json!(blob.size);
            edit(manifest);
        });
        Forgery { reason, manifest, blobs: vec![(blob, bytes)] }
    };
    let edited_config = |reason, edit: &dyn Fn(&mut Value)| {
        let mut config = config.clone();
        edit(&mut config);
        with_config(reason, canonical_json(&config).unwrap(), &|_| ())
    };
    let annotated = |reason, edit: &dyn Fn(&mut Value)| {
        let manifest = edited(good, |manifest| edit(&mut manifest["annotations"]));
        Forgery { reason, manifest, blobs: Vec::new() }
    };
    let foreign = b"foreign".to_vec();
    let foreign_layer = Descriptor::of(media_type::LAYER, &foreign);
    let put_foreign = |layers: &mut Value| {
        layers[0] = json!({
            "mediaType": foreign_layer.media_type,
            "digest": foreign_layer.digest,
            "size": foreign_layer.size,
        });
    };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::INDEX,
        "manifests": [{
            "mediaType": good.descriptor.media_type,
            "digest": good.descriptor.digest,
            "size": good.descriptor.size,
            "platform": { "os": "linux", "architecture": "amd64" },
        }],
    });
    vec![
        annotated("its inputs have key sha256:", &|annotations| {
            let inputs = annotations[annotation::INPUTS].as_str().unwrap();
            annotations[annotation::INPUTS] = inputs.replace("linux/", "linux/ ").into();
        }),
        annotated("it names no inputs", &|annotations| {
            annotations.as_object_mut().unwrap().remove(annotation::INPUTS);
        }),
        edited_config("its image is for linux/s390x, not linux/", &|config| {
            config["architecture"] = json!("s390x");
        }),
        Forgery {
            reason: "layer 0 of its image is sha256:",
            manifest: edited(good, |manifest| put_foreign(&mut manifest["layers"])),
            blobs: vec![(foreign_layer.clone(), foreign.clone())],
        },
        edited_config("layer 0 of its image is sha256:", &|config| {
            config["rootfs"]["diff_ids"][0] = json!(foreign_layer.digest);
        }),
        edited_config("but its config names 1", &|config| {
            config["rootfs"]["diff_ids"].as_array_mut().unwrap().truncate(1);
        }),
        with_config("it counts as absent", b"{\"config\":".to_vec(), &|_| ()),
        with_config("the limit is", b"{}".to_vec(), &|manifest| {
            manifest["config"]["size"] = json!(1_u64 << 40);
        }),
        Forgery {
            reason: "it counts as absent",
            manifest: RawManifest::new(media_type::INDEX, canonical_json(&index).unwrap()),
            blobs: Vec::new(),
        },
    ]
}

fn a_forged_record_is_refused_and_replaced(workspace: Workspace) {
    let base = workspace.base(bases::PLAIN);
    workspace.pool(&base, &workspace.rendered("rendered-1", "one"));
    workspace.build(&[]).ended(0);
    let key = key(&workspace);
    let good = workspace.image("builds", &key);
    let (_, config) = good.config.write().unwrap();
    let config = serde_json::from_slice(&config).unwrap();
    let forgeries = forgeries(&good.raw, &config);
    let (last, mut stored) = (forgeries.len() - 1, 0);
    for (number, forgery) in forgeries.into_iter().enumerate() {
        // All are refused by a plan; of the builds that follow, two stand for all.
        let rebuilt = number == 0 || number == last;
        let Forgery { reason, manifest, blobs } = forgery;
        let store = workspace.open();
        let put = now(async {
            for (blob, bytes) in blobs {
                store.put_blob("builds", &blob, BlobSource::Bytes(bytes)).await?;
            }
            store.put_manifest("builds", &Reference::Tag(key.clone()), &manifest).await
        });
        // A store that would not even take it needs no protection from it.
        if let Err(error) = put {
            println!("{number}, {reason}: refused by the store: {error}");
            continue;
        }
        stored += 1;
        // A pool that has no image yet has to look at the record.
        let pool = format!("pool-{number}");
        workspace.pools(&base, &[(&pool, "config.json")]);
        let refused = "refused the record of key ";
        let plan = workspace.plan(&[]).ended(2).says(refused);
        assert!(plan.stdout.contains(&format!("{pool}: build key ")), "{}", plan.stdout);
        let line = plan.stderr.lines().find(|line| line.contains(refused)).unwrap();
        assert!(line.contains(reason), "{number}: {line}");
        if rebuilt {
            let run = workspace.build(&[]).ended(0).says(refused);
            assert_eq!(run.builds(), 1, "{reason}");
            assert_eq!(workspace.tag("builds", &key), Some(good.raw.descriptor.digest), "{reason}");
            let stamped = workspace.image(&format!("{pool}-mco-content"), "latest");
            let content = stamped.manifest.annotation(annotation::CONTENT);
            assert_eq!(content, Some(good.raw.descriptor.digest.to_string().as_str()), "{reason}");
            assert_eq!(workspace.build(&[]).ended(0).builds(), 0, "{reason}");
        }
    }
    assert!(stored > 5, "the store took {stored} forgeries only");
}
