//! Several processes at once, and processes that are killed.

use super::*;

#[tokio::test]
async fn two_processes_lose_nothing() {
    const TAGS: usize = 50;
    if let Some(dir) = std::env::var_os("LAYERWRIGHT_TEST_CHILD") {
        let layout = Layout::open_or_create(Path::new(&dir)).unwrap();
        for number in 0..TAGS {
            let content = format!("{} of {}", number, std::process::id());
            let name = format!("{}-{number}", std::process::id());
            push(&layout, "stream", &name, &image(&content)).await.unwrap();
        }
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("layout");
    let mut children: Vec<_> = (0..2)
        .map(|_| {
            disks::child("processes::two_processes_lose_nothing", &dir, None)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut pulls = 0;
    while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
        pulls += verify_all(&dir).await;
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
    assert_eq!(verify_all(&dir).await, 2 * TAGS);
    assert!(pulls > 0, "nothing was pulled meanwhile");
    println!("{pulls} images pulled and verified while two processes pushed");
    assert_eq!(fs::read_dir(dir.join(".layerwright/tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn killed_processes_leave_a_good_layout() {
    if let Some(dir) = std::env::var_os("LAYERWRIGHT_TEST_CHILD") {
        let layout = Layout::open_or_create(Path::new(&dir)).unwrap();
        println!("begun");
        for number in 0_usize.. {
            // Large enough that killing hits the writing of blobs too.
            let content = format!("{number}").repeat(200_000);
            let name = format!("t{}", number % 5);
            push(&layout, "stream", &name, &image(&content)).await.unwrap();
        }
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut survivors = 0;
    for round in 0_u64..24 {
        // Every third round begins with no layout: creating one is killed too.
        let dir = scratch.path().join(format!("layout-{}", round / 3));
        let mut child = disks::child("processes::killed_processes_leave_a_good_layout", &dir, None)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("begun") {
            line.clear();
            assert!(std::io::BufRead::read_line(&mut said, &mut line).unwrap() > 0);
        }
        std::thread::sleep(Duration::from_micros(round * round * 400));
        child.kill().unwrap();
        child.wait().unwrap();
        let left = verify_all(&dir).await;
        survivors += left;
        if left > 0 {
            let name = fs::read(dir.join("index.json")).unwrap();
            let index: Value = serde_json::from_slice(&name).unwrap();
            let name = &index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"];
            let name = format!("oci:{}:{}", dir.display(), name.as_str().unwrap());
            output("skopeo", &["inspect", &name]);
        }
        // And the next process goes on.
        let layout = Layout::open_or_create(&dir).unwrap();
        push(&layout, "next", "latest", &image("next")).await.unwrap();
        assert!(verify_all(&dir).await > 0);
    }
    println!("{survivors} images verified after 24 kills");
    assert!(survivors > 0, "no round got as far as a tag");
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed_and_nothing_else() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("layout");
    push(&Layout::open_or_create(&dir).unwrap(), "s", "t", &image("x")).await.unwrap();
    let temporary = dir.join(".layerwright/tmp");
    let old = SystemTime::now() - Duration::from_secs(3600);
    let left = |name: &str, modified: Option<SystemTime>| {
        let file = File::create(temporary.join(name)).unwrap();
        if let Some(modified) = modified {
            file.set_modified(modified).unwrap();
        }
        file
    };
    drop(left("abandoned", Some(old)));
    drop(left("young", None));
    let alive = left("alive", Some(old));
    alive.lock().unwrap();
    push(&Layout::open(&dir).unwrap(), "s", "u", &image("y")).await.unwrap();
    let mut names: Vec<_> =
        fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["alive", "young"]);
}

#[tokio::test]
async fn creating_that_was_broken_off_is_finished() {
    let scratch = tempfile::tempdir().unwrap();
    let steps: [&[&str]; 4] = [
        &[".layerwright/tmp"],
        &[".layerwright/tmp", "blobs"],
        &[".layerwright/tmp", "blobs/sha256"],
        &[".layerwright/tmp", "blobs/sha256", "lost+found"],
    ];
    for (at, step) in steps.into_iter().enumerate() {
        let dir = scratch.path().join(at.to_string());
        for part in step {
            fs::create_dir_all(dir.join(part)).unwrap();
        }
        if at > 1 {
            fs::write(dir.join("index.json"), r#"{"manifests":[],"schemaVersion":2}"#).unwrap();
        }
        assert!(Layout::open(&dir).is_err(), "nothing to read yet");
        let layout = Layout::open_or_create(&dir).unwrap();
        assert!(layout.manifest("s", &tag("t")).await.unwrap().is_none());
        push(&layout, "s", "t", &image("x")).await.unwrap();
        assert_eq!(verify_all(&dir).await, 1);
    }
}
