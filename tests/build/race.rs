//! Two processes at once: the race can cost a build, never a wrong tag (I2).

use layerwright::image::annotation;

use crate::workspace::Workspace;
use crate::{bases, in_both_stores};

in_both_stores!(
    two_processes_of_one_machine_build_a_key_once,
    two_machines_that_build_one_key_agree_on_one_image,
);

/// What the published image was made of is what the record of the key holds.
fn check_one_image(workspace: &Workspace, pools: &[&str]) {
    let key = crate::forged::key(workspace);
    let record = workspace.tag("builds", &key).unwrap().to_string();
    for pool in pools {
        for tag in ["latest", "rendered-1"] {
            let image = workspace.image(&format!("{pool}-mco-content"), tag);
            assert_eq!(image.manifest.annotation(annotation::CONTENT), Some(record.as_str()));
        }
    }
    assert_eq!(workspace.build(&[]).ended(0).builds(), 0);
}

fn two_processes_of_one_machine_build_a_key_once(workspace: Workspace) {
    workspace.pool(&workspace.base(bases::RESTLESS), &workspace.rendered("rendered-1", "one"));
    let runs = [workspace.start(&["build"]), workspace.start(&["build"])];
    let runs = runs.map(|run| run.wait().ended(0));
    let ran = |stderr: &str| stderr.contains("| [1/2] STEP 1/");
    assert_eq!(runs.iter().filter(|run| ran(&run.stderr)).count(), 1);
    let other = runs.iter().find(|run| !ran(&run.stderr)).unwrap();
    assert!(other.stderr.contains("waiting for another process that builds key"), "{other:?}");
    assert!(other.stderr.contains("took over the image"), "{other:?}");
    assert_eq!(runs[0].stdout, runs[1].stdout);
    assert_eq!(runs[0].images(), [workspace.tag("layered-mco-content", "latest").unwrap()]);
    check_one_image(&workspace, &["layered"]);
}

/// Each has a cache directory of its own, and what runs gives another image each time.
fn two_machines_that_build_one_key_agree_on_one_image(workspace: Workspace) {
    workspace.pool(&workspace.base(bases::RESTLESS), &workspace.rendered("rendered-1", "one"));
    let machines = ["cache-1", "cache-2"];
    let runs = machines.map(|machine| {
        let mut command = workspace.command(&["build"]);
        command.env("LAYERWRIGHT_CACHE_DIR", workspace.path(machine));
        crate::run::Running::start(command)
    });
    let runs = runs.map(|run| run.wait().ended(0));
    println!("builds: {:?}", runs.each_ref().map(crate::run::Run::builds));
    println!("took over: {:?}", runs.each_ref().map(|run| run.stderr.contains("took over")));
    check_one_image(&workspace, &["layered"]);
}
