//! Directories that are no layouts, damaged layouts, and layouts that lead elsewhere.

use super::*;

#[tokio::test]
async fn what_is_no_layout_is_refused_and_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let make = |name: &str, files: &[(&str, &str)]| {
        let dir = scratch.path().join(name);
        for (file, content) in files {
            let path = dir.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        dir
    };
    let marker = ("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    let file = make("files", &[("file", "")]).join("file");
    let cases = [
        (make("other", &[("letter.txt", "Dear")]), "is no OCI image layout"),
        (make("blobs-only", &[("blobs/sha256/x", "")]), "is no OCI image layout"),
        (make("index-only", &[("index.json", "{}")]), "is no OCI image layout"),
        (file, "is no OCI image layout"),
        (make("newer", &[("oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#)]), "\"2.0.0\""),
        (make("none", &[("oci-layout", "{}")]), "does not say imageLayoutVersion"),
        (make("number", &[("oci-layout", r#"{"imageLayoutVersion":1}"#)]), "does not say"),
        (make("huge", &[("oci-layout", &"x".repeat(10_000))]), "larger than 4096"),
    ];
    for (dir, words) in &cases {
        let before = snapshot(dir);
        let error = Layout::open_or_create(dir).unwrap_err().to_string();
        assert!(error.contains(words), "{}: {error}", dir.display());
        assert!(error.contains(dir.to_str().unwrap()), "{error}");
        assert!(Layout::open(dir).is_err());
        assert_eq!(snapshot(dir), before);
    }
    for dir in [scratch.path().join("nothing"), make("empty", &[])] {
        let error = Layout::open(&dir).unwrap_err();
        assert!(matches!(error, LayoutError::Missing { .. }), "{error}");
        assert!(!dir.exists());
    }

    let entry = |digest: &str| {
        format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"m","size":1,"digest":"{digest}",
            "annotations":{{"org.opencontainers.image.ref.name":"s:t"}}}}]}}"#
        )
    };
    let huge = format!("{}{}", entry("sha256:0"), " ".repeat(5 << 20));
    for (at, (index, words)) in [
        (None, "it is missing"),
        (Some("{"), "it is no JSON"),
        (Some("[]"), "no JSON object"),
        (Some(r#"{"schemaVersion":2,"manifests":"x"}"#), "manifests is no array"),
        (Some(r#"{"schemaVersion":2,"manifests":["x"]}"#), "manifests[0]"),
        (Some(&*entry("../../../../etc/passwd")), "manifests[0].digest"),
        (Some(&*huge), "larger than 4194304 bytes"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut files = vec![marker];
        files.extend(index.map(|index| ("index.json", index)));
        let dir = make(&format!("index-{at}"), &files);
        let layout = Layout::open(&dir).unwrap();
        for error in [
            layout.head("s", &tag("t")).await.map(|_| ()).unwrap_err(),
            layout.manifest("s", &tag("t")).await.map(|_| ()).unwrap_err(),
        ] {
            let error = text(&error);
            assert!(error.contains(words), "{error}");
            assert!(error.contains(dir.join("index.json").to_str().unwrap()), "{error}");
        }
        if !words.contains("digest") {
            let before = fs::read(dir.join("index.json")).ok();
            assert!(push(&layout, "s", "other", &image("x")).await.is_err(), "{words}");
            assert_eq!(fs::read(dir.join("index.json")).ok(), before, "{words}");
        }
    }
}

#[tokio::test]
async fn nothing_leads_out_of_a_layout() {
    let scratch = tempfile::tempdir().unwrap();
    let outside = scratch.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let image = image("x");
    let blob = &image.blobs[0];
    let fresh = async |name: &str| {
        let dir = scratch.path().join(name);
        let layout = Layout::open_or_create(&dir).unwrap();
        push(&layout, "s", "t", &image).await.unwrap();
        (layout, dir)
    };
    let moved = |path: &Path, name: &str| {
        let target = outside.join(name);
        fs::rename(path, &target).unwrap();
        symlink(&target, path).unwrap();
    };

    let (layout, dir) = fresh("blob").await;
    moved(&blob_path(&dir, blob.0.digest), "blob");
    let error = layout.blob("s", &blob.0).await.map(|_| ()).unwrap_err();
    assert!(matches!(layout_error(error), LayoutError::WrongKind { .. }));

    let (layout, dir) = fresh("pipe").await;
    let path = blob_path(&dir, blob.0.digest);
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let error = layout.blob("s", &blob.0).await.map(|_| ()).unwrap_err();
    assert!(matches!(layout_error(error), LayoutError::WrongKind { .. }));

    for part in ["blobs", "blobs/sha256", "index.json", "oci-layout", ".layerwright"] {
        let (layout, dir) = fresh(&part.replace('/', "-")).await;
        moved(&dir.join(part), &part.replace('/', "-"));
        let before = snapshot(&outside);
        let error = push(&layout, "s", "new", &self::image("y")).await.unwrap_err();
        assert!(matches!(layout_error(error), LayoutError::WrongKind { .. }), "{part}");
        assert_eq!(snapshot(&outside), before, "{part}");
    }
    for part in [".layerwright/lock", ".layerwright/tmp"] {
        let (layout, dir) = fresh(&part.replace('/', "-")).await;
        let path = dir.join(part);
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        symlink(outside.join("trap"), &path).unwrap();
        let error = push(&layout, "s", "new", &self::image("y")).await.unwrap_err();
        assert!(matches!(layout_error(error), LayoutError::WrongKind { .. }), "{part}");
        assert!(!outside.join("trap").exists(), "{part}");
    }
    // The layout itself may be reached through a link.
    let (_, dir) = fresh("linked").await;
    let link = scratch.path().join("link");
    symlink(&dir, &link).unwrap();
    let layout = Layout::open(&link).unwrap();
    push(&layout, "s", "new", &self::image("y")).await.unwrap();
    assert_eq!(verify_all(&dir).await, 2);
}
