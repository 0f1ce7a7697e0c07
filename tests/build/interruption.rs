//! Killed at any instruction, the next run finishes the work, and nobody who reads meanwhile sees
//! anything half done (I3, I5).

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use layerwright::image::annotation;
use rustix::process::Signal;

use crate::puller::Puller;
use crate::workspace::Workspace;
use crate::{bases, in_both_stores};

in_both_stores!(
    killed_when_it_says_what_it_does,
    killed_after_any_time,
    killed_while_it_pushes,
    an_interrupt_ends_it_in_order,
);

/// How long the kernel may take to end what was started.
const SOON: Duration = Duration::from_secs(5);

/// Processes, but this one, that have to do with a directory.
fn processes(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name == own || !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let link = |file: &str| fs::read_link(entry.path().join(file)).unwrap_or_default();
        let words = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        let mounts = String::from_utf8_lossy(&read("mountinfo")).into_owned();
        let places = [link("cwd"), link("root"), link("exe")];
        if words.contains(dir)
            || mounts.contains(dir)
            || places.iter().any(|place| place.starts_with(dir))
        {
            found.push(format!("{name} {words}"));
        }
    }
    found
}

/// Checks that nothing that was started is left: no process, and no mount in any namespace.
#[track_caller]
fn check_nothing_runs(workspace: &Workspace) {
    let until = Instant::now() + SOON;
    loop {
        let left = processes(workspace.cache());
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "still there: {left:?}");
        sleep(Duration::from_millis(10));
    }
}

/// Checks that no scratch files are left.
#[track_caller]
fn check_no_scratch(workspace: &Workspace) {
    let left = fs::read_dir(workspace.cache().join("scratch")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"], "left in the scratch directory");
}

/// Lets the work be finished, and checks that it is right.
fn check_finished(workspace: &Workspace) {
    workspace.build(&[]).ended(0);
    check_nothing_runs(workspace);
    check_no_scratch(workspace);
    let record = workspace.image("builds", &crate::forged::key(workspace));
    let base = workspace.image("layered-base", "latest");
    let layers = base.manifest.layers();
    assert_eq!(record.manifest.layers()[..layers.len()], *layers);
    for tag in ["latest", "rendered-1"] {
        let image = workspace.image("layered-mco-content", tag);
        let content = image.manifest.annotation(annotation::CONTENT).unwrap();
        assert_eq!(content, record.raw.descriptor.digest.to_string());
        assert_eq!(image.config.labels()["machineconfig"], "rendered-1");
    }
    let again = workspace.build(&[]).ended(0).says("nothing to do");
    assert_eq!(again.builds(), 0);
}

fn prepared(workspace: Workspace, base: &str) -> Workspace {
    let base = workspace.base(base);
    let workspace = workspace.with_cold_cache();
    workspace.pool(&base, &workspace.rendered("rendered-1", "one"));
    workspace
}

/// Each step says what it does before it does it, and buildah says each of its steps.
fn killed_when_it_says_what_it_does(workspace: Workspace) {
    let workspace = prepared(workspace, bases::RESTLESS);
    let puller = Puller::start(&workspace);
    for moment in [
        "push the rendered config",
        "set the base",
        "build key",
        "[1/2] STEP 1/",
        "[2/2] STEP 3/",
        "Ignition v",
        "[2/2] STEP 4/",
        "COMMIT",
        "publish the image",
    ] {
        let mut run = workspace.start(&["build"]);
        assert!(run.wait_for(moment), "it never said {moment:?}");
        let run = run.kill();
        assert_eq!(run.code, None, "{moment:?}: it was not killed");
        check_nothing_runs(&workspace);
    }
    check_finished(&workspace);
    puller.finish();
}

/// The push of the base takes most of the time at first, then pulling it, then building.
fn killed_after_any_time(workspace: Workspace) {
    let workspace = prepared(workspace, bases::PLAIN);
    let puller = Puller::start(&workspace);
    let (mut time, mut kills) = (Duration::from_millis(50), 0);
    loop {
        let mut run = workspace.start(&["build"]);
        if !run.wait_while_running(time) {
            run.wait().ended(0);
            break;
        }
        run.kill();
        kills += 1;
        check_nothing_runs(&workspace);
        time += time / 2;
    }
    println!("killed {kills} times, the last time after {time:?}");
    assert!(kills > 5);
    check_finished(&workspace);
    puller.finish();
}

/// Between the end of the recipe and the record, and between the record and the last tag.
fn killed_while_it_pushes(workspace: Workspace) {
    let workspace = prepared(workspace, bases::PLAIN);
    let puller = Puller::start(&workspace);
    let mut kills = 0;
    for (moment, pause) in [("COMMIT", 120), ("publish the image", 8)] {
        for number in 0..6 {
            let mut run = workspace.start(&["build"]);
            let reached = run.wait_for(moment)
                && run.wait_while_running(Duration::from_millis(pause) * number);
            // It came to its end before, or has nothing of the kind left to do.
            if !reached {
                run.wait().ended(0);
                break;
            }
            run.kill();
            kills += 1;
            check_nothing_runs(&workspace);
        }
        if moment == "COMMIT" {
            // Whatever of it there is now, the next moment needs the record, and no published image.
            workspace.build(&[]).ended(0);
            workspace.config("config.json", &workspace.rendered("rendered-0", "one"));
            workspace.build(&[]).ended(0);
            workspace.config("config.json", &workspace.rendered("rendered-1", "one"));
        }
    }
    println!("killed {kills} times");
    assert!(kills > 3);
    check_finished(&workspace);
    puller.finish();
}

fn an_interrupt_ends_it_in_order(workspace: Workspace) {
    let workspace = prepared(workspace, bases::RESTLESS);
    for (signal, moment) in
        [(Signal::INT, "set the base"), (Signal::INT, "[2/2] STEP 4/"), (Signal::TERM, "COMMIT")]
    {
        let mut run = workspace.start(&["build"]);
        assert!(run.wait_for(moment), "it never said {moment:?}");
        let began = Instant::now();
        run.signal(signal);
        let run = run.wait().ended(1).says("interrupted");
        assert!(began.elapsed() < SOON, "{moment:?}: {:?}", began.elapsed());
        assert_eq!(run.stdout, "");
        assert_eq!(processes(workspace.cache()), Vec::<String>::new());
        if workspace.cache().join("scratch").exists() {
            check_no_scratch(&workspace);
        }
        assert_eq!(workspace.tag("layered-mco-content", "latest"), None);
        assert!(workspace.tags().into_keys().all(|(stream, _)| stream != "builds"));
    }
    check_finished(&workspace);
}

/// Also what would otherwise work on for a minute, and what that started.
#[test]
fn nothing_outlives_the_program() {
    let workspace = prepared(Workspace::in_a_layout(), bases::SLOW);
    for signal in [Signal::KILL, Signal::INT] {
        let mut run = workspace.start(&["build"]);
        assert!(run.wait_for("[2/2] STEP 4/"));
        // The recipe's own processes are seen too, so that they can be missed afterwards.
        while !processes(workspace.cache()).iter().any(|process| process.contains("sleep 60")) {
            assert!(run.is_running(), "it ended");
            sleep(Duration::from_millis(10));
        }
        run.signal(signal);
        run.wait();
        check_nothing_runs(&workspace);
    }
}

/// A root file system is packed by a thread that knows nothing of signals, into a scratch file.
#[test]
fn packing_a_root_file_system_can_be_interrupted_and_killed() {
    let workspace = Workspace::in_a_layout().with_cold_cache();
    let base = format!("tar:{}", bases::archive().display());
    workspace.pool(&base, &workspace.rendered("rendered-1", "one"));
    let packing = || {
        let entries = fs::read_dir(workspace.cache().join("scratch")).into_iter().flatten();
        let dirs = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
        let files = dirs.flat_map(|dir| fs::read_dir(dir).into_iter().flatten().flatten());
        files.map(|file| file.file_name()).any(|name| name != "lock")
    };
    for signal in [Signal::INT, Signal::KILL] {
        let mut run = workspace.start(&["build"]);
        while !packing() {
            assert!(run.is_running(), "it ended before it packed anything");
            sleep(Duration::from_millis(2));
        }
        let began = Instant::now();
        run.signal(signal);
        let run = run.wait();
        assert!(began.elapsed() < Duration::from_secs(1), "{signal:?}: {:?}", began.elapsed());
        if signal == Signal::INT {
            run.ended(1).says("interrupted");
            check_no_scratch(&workspace);
        } else {
            assert_eq!(run.code, None);
            assert!(packing(), "nothing was left to sweep");
        }
    }
    check_finished(&workspace);
}

/// Also while it only waits for another process to build the same.
#[test]
fn an_interrupt_ends_waiting_too() {
    let workspace = prepared(Workspace::in_a_layout(), bases::RESTLESS);
    let mut first = workspace.start(&["build"]);
    assert!(first.wait_for("[2/2] STEP 4/"));
    let mut second = workspace.start(&["build"]);
    assert!(second.wait_for("waiting for another process"));
    second.signal(Signal::INT);
    let second = second.wait().ended(1).says("interrupted");
    assert!(first.is_running(), "it ended only with the build that it waited for");
    let first = first.wait().ended(0);
    assert!(!first.stdout.is_empty() && second.stdout.is_empty());
    check_finished(&workspace);
}
