//! Building once, and not a second time (I2).

use crate::gate::Gate;
use crate::workspace::Workspace;
use crate::{bases, in_both_stores};

in_both_stores!(the_second_run_builds_nothing);

fn the_second_run_builds_nothing(workspace: Workspace) {
    workspace.pool(&workspace.base(bases::PLAIN), &workspace.rendered("rendered-layered-1", "one"));
    let first = workspace.build(&[]).ended(0);
    assert_eq!(first.builds(), 1);
    let image = workspace.tag("layered-mco-content", "latest").unwrap();
    assert_eq!(first.images(), [image]);
    assert_eq!(workspace.tag("layered-mco-content", "rendered-layered-1"), Some(image));

    let before = workspace.tags();
    let mark = workspace.registry().map(|registry| registry.mark());
    let second = workspace.build(&[]).ended(0).says("layered: nothing to do\n");
    assert_eq!(second.builds(), 0);
    assert_eq!(second.stdout, first.stdout);
    if let (Some(registry), Some(mark)) = (workspace.registry(), mark) {
        // One request for each tag in question: nothing less could tell.
        let mut requests: Vec<String> = registry
            .since(mark)
            .into_iter()
            .map(|request| format!("{} {}", request.method, request.path))
            .collect();
        requests.sort();
        assert_eq!(
            requests,
            [
                "GET /v2/golden/plain/manifests/latest",
                "GET /v2/os/layered-base/manifests/latest",
                "GET /v2/os/layered-mco-content/manifests/latest",
                "HEAD /v2/os/layered-mco-content/manifests/rendered-layered-1",
                "HEAD /v2/os/layered-rendered-config/manifests/latest",
                "HEAD /v2/os/layered-rendered-config/manifests/rendered-layered-1",
            ]
        );
    }
    assert_eq!(workspace.tags(), before);
}

/// The longest chain is one request: all of them are under way before the first is answered.
#[test]
fn the_second_run_asks_for_everything_at_once() {
    let workspace = Workspace::in_a_registry();
    workspace.pool(&workspace.base(bases::PLAIN), &workspace.rendered("rendered-1", "one"));
    let host = workspace.registry().unwrap().host();
    let pool_file = std::fs::read_to_string(workspace.path("layerwright.yaml")).unwrap();
    let gate = Gate::start(host.clone());
    workspace.write("layerwright.yaml", pool_file.replace(&host, gate.host()));
    workspace.build(&[]).ended(0);
    gate.hold_until(6);
    workspace.build(&[]).ended(0).says("layered: nothing to do\n");
}

/// The main job from nothing: an archive as base, and a cache directory that is not there yet.
#[test]
fn a_root_file_system_is_packed_once() {
    let workspace = Workspace::in_a_layout().with_cold_cache();
    let base = format!("tar:{}", bases::archive().display());
    workspace.pool(&base, &workspace.rendered("rendered-layered-1", "one"));
    assert_eq!(workspace.build(&[]).ended(0).builds(), 1);
    // The same layers as those of the same archive packed elsewhere.
    let plain = workspace.image_at(&format!("oci:{}:base:plain", bases::layout().display()));
    assert_eq!(workspace.tag("layered-base", "latest"), Some(plain.raw.descriptor.digest));

    // The cache may go at any time.
    std::fs::remove_dir_all(workspace.cache()).unwrap();
    let again = workspace.build(&[]).ended(0).says("layered: nothing to do\n");
    assert_eq!(again.builds(), 0);
    workspace.pool(&base, &workspace.rendered("rendered-layered-2", "two"));
    let other = workspace.build(&[]).ended(0);
    assert_eq!(other.builds(), 1);
    assert!(!other.stderr.contains("base, image"), "it was stored again: {}", other.stderr);
}
