//! The OCI layout home of a store, with real disks, real processes and the programs that others read
//! layouts with.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod disks;

use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use layerwright::image::layer::{Entry, EntryKind, write_layer};
use layerwright::image::{
    Descriptor, Digest, OwnLayer, Platform, RawManifest, base_image, media_type,
};
use layerwright::store::layout::{Layout, LayoutError};
use layerwright::store::{BlobSource, Reference, Store, StoreError};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

/// An image and its blobs.
struct Image {
    manifest: RawManifest,
    blobs: Vec<(Descriptor, Vec<u8>)>,
}

/// An image of one file.
fn image(content: &str) -> Image {
    let entry = Entry::new("etc/content", EntryKind::File(content.into()), 0o644);
    let layer = write_layer([entry]).unwrap();
    let own = OwnLayer { descriptor: layer.descriptor.clone(), diff_id: layer.diff_id };
    let image = base_image(&Platform::linux_amd64(), &own).unwrap();
    Image {
        manifest: image.manifest,
        blobs: vec![(layer.descriptor, layer.bytes), (image.config, image.config_bytes)],
    }
}

fn tag(name: &str) -> Reference {
    Reference::Tag(name.to_owned())
}

async fn put_blobs(layout: &Layout, image: &Image) -> Result<(), StoreError> {
    for (descriptor, bytes) in &image.blobs {
        layout.put_blob("s", descriptor, BlobSource::Bytes(bytes.clone())).await?;
    }
    Ok(())
}

async fn push(layout: &Layout, stream: &str, name: &str, image: &Image) -> Result<(), StoreError> {
    put_blobs(layout, image).await?;
    layout.put_manifest(stream, &tag(name), &image.manifest).await
}

async fn read_blob(layout: &Layout, descriptor: &Descriptor) -> std::io::Result<Vec<u8>> {
    let mut reader = layout.blob("s", descriptor).await.map_err(std::io::Error::other)?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// Reads every image of a layout with all its blobs, as a second process would; their number.
async fn verify_all(dir: &Path) -> usize {
    let Ok(index) = fs::read(dir.join("index.json")) else {
        return 0;
    };
    let index: Value = serde_json::from_slice(&index).expect("a whole index");
    if !dir.join("oci-layout").exists() {
        return 0;
    }
    let layout = Layout::open(dir).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    for entry in entries {
        let name = entry["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap();
        let manifest = layout.named(Some(name)).await.unwrap().expect("a name stays");
        for blob in manifest.parse_manifest().unwrap().blobs() {
            read_blob(&layout, blob).await.unwrap();
        }
    }
    entries.len()
}

/// An error with all its causes, as a user sees it.
fn text(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

fn layout_error(error: StoreError) -> LayoutError {
    match error {
        StoreError::Layout(error) => error,
        StoreError::Registry(error) => panic!("{error}"),
    }
}

fn blob_path(dir: &Path, digest: Digest) -> PathBuf {
    dir.join("blobs/sha256").join(digest.hex())
}

/// Every path below a directory with its content, to see that nothing changed.
fn snapshot(dir: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    walkdir::WalkDir::new(dir)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| {
            let path = entry.unwrap().into_path();
            let content = path.is_file().then(|| fs::read(&path).unwrap());
            (path, content)
        })
        .collect()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; .ci/setup installs what tests need"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn what_is_put_is_read_back() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("a/new/layout");
    let layout = Layout::open_or_create(&dir).unwrap();
    assert!(!dir.exists(), "opening writes nothing");
    assert!(layout.head("s", &tag("latest")).await.unwrap().is_none());
    assert!(layout.named(None).await.unwrap().is_none());

    let (first, second) = (image("first"), image("second"));
    push(&layout, "pool-base", "latest", &first).await.unwrap();
    push(&layout, "pool-base", "latest", &second).await.unwrap();
    push(&layout, "pool", "1", &first).await.unwrap();
    let head = layout.head("pool-base", &tag("latest")).await.unwrap();
    assert_eq!(head, Some(second.manifest.descriptor.clone()));
    for (stream, name, image) in [("pool-base", "latest", &second), ("pool", "1", &first)] {
        let read = layout.manifest(stream, &tag(name)).await.unwrap().unwrap();
        assert_eq!(read, image.manifest);
    }
    // A digest finds what no tag leads to any more, and its kind.
    let by_digest = Reference::Digest(first.manifest.descriptor.digest);
    assert_eq!(layout.manifest("x", &by_digest).await.unwrap(), Some(first.manifest.clone()));
    for (descriptor, bytes) in &second.blobs {
        assert!(layout.mount_blob("other", descriptor, "pool-base").await.unwrap());
        assert_eq!(&read_blob(&layout, descriptor).await.unwrap(), bytes);
    }
    let absent = Descriptor::of(media_type::LAYER, b"absent");
    assert!(!layout.mount_blob("other", &absent, "pool-base").await.unwrap());
    assert!(layout.manifest("pool", &tag("latest")).await.unwrap().is_none());
    assert!(layout.manifest("x", &Reference::Digest(absent.digest)).await.unwrap().is_none());
    assert_eq!(layout.describe("pool"), format!("oci:{}:pool", dir.display()));

    // Pushing what is there writes nothing.
    let before = fs::metadata(dir.join("index.json")).unwrap().modified().unwrap();
    push(&layout, "pool", "1", &first).await.unwrap();
    assert_eq!(fs::metadata(dir.join("index.json")).unwrap().modified().unwrap(), before);
}

#[tokio::test]
async fn other_programs_read_it_and_it_reads_theirs() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("layout");
    let layout = Layout::open_or_create(&dir).unwrap();
    let image = image("for skopeo");
    push(&layout, "layered-mco-content", "latest", &image).await.unwrap();
    push(&layout, "", "rhel-coreos", &image).await.unwrap();

    let named = format!("oci:{}:layered-mco-content:latest", dir.display());
    let seen: Value = serde_json::from_str(&output("skopeo", &["inspect", &named])).unwrap();
    assert_eq!(seen["Digest"], json!(image.manifest.descriptor.digest));
    assert_eq!(seen["Architecture"], "amd64");
    let raw = output("skopeo", &["inspect", "--raw", &named]);
    assert_eq!(raw.as_bytes(), image.manifest.bytes);
    let listed = output("umoci", &["ls", "--layout", dir.to_str().unwrap()]);
    assert_eq!(listed, "layered-mco-content:latest\nrhel-coreos\n");
    let bundle = scratch.path().join("bundle");
    let source = format!("{}:rhel-coreos", dir.display());
    output("umoci", &["unpack", "--image", &source, bundle.to_str().unwrap()]);
    let unpacked = fs::read_to_string(bundle.join("rootfs/etc/content")).unwrap();
    assert_eq!(unpacked, "for skopeo");

    // Theirs, in a new layout and beside ours in one.
    for target in [scratch.path().join("theirs"), dir.clone()] {
        let copy = format!("oci:{}:copied", target.display());
        // Without this skopeo compresses plain layers that it copies.
        let keep = "--preserve-digests";
        output("skopeo", &["copy", "--quiet", keep, &named, &copy]);
        let theirs = Layout::open(&target).unwrap();
        let read = theirs.named(Some("copied")).await.unwrap().unwrap();
        assert_eq!(read.descriptor.digest, image.manifest.descriptor.digest);
    }
    let only = Layout::open(&scratch.path().join("theirs")).unwrap().named(None).await.unwrap();
    assert_eq!(only.unwrap().bytes, image.manifest.bytes);
    let error = layout.named(None).await.unwrap_err().to_string();
    assert!(error.contains("3 images") && error.contains("rhel-coreos, copied"), "{error}");
    // umoci removes what no tag leads to, and leaves ours alone.
    output("umoci", &["gc", "--layout", dir.to_str().unwrap()]);
    assert_eq!(verify_all(&dir).await, 3);
}

#[tokio::test]
async fn fields_and_entries_of_others_are_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let layout = Layout::open_or_create(scratch.path()).unwrap();
    push(&layout, "a", "1", &image("x")).await.unwrap();
    let path = scratch.path().join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    index["org.example"] = json!({"theirs": [1, 2.5]});
    index["manifests"].as_array_mut().unwrap().insert(
        0,
        json!({"mediaType": "x/y", "digest": "sha512:ff", "size": 1, "org.example": true}),
    );
    fs::write(&path, index.to_string()).unwrap();
    push(&layout, "a", "2", &image("y")).await.unwrap();
    let mut after: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let added = after["manifests"].as_array_mut().unwrap().pop().unwrap();
    assert_eq!(added["annotations"]["org.opencontainers.image.ref.name"], "a:2");
    assert_eq!(after, index);
}

#[tokio::test]
async fn wrong_bytes_are_neither_taken_nor_given() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("layout");
    let layout = Layout::open_or_create(&dir).unwrap();
    let good = image("good");
    let named = &good.blobs[0].0;
    let file = scratch.path().join("source");
    for (wrong, words) in [
        (vec![7; usize::try_from(named.size).unwrap()], "the bytes are sha256"),
        (b"short".to_vec(), "the bytes end after 5"),
        (vec![7; 100_000], "there are more than"),
    ] {
        fs::write(&file, &wrong).unwrap();
        for source in [
            BlobSource::Bytes(wrong.clone()),
            BlobSource::File(file.clone()),
            BlobSource::Reader(Box::pin(std::io::Cursor::new(wrong.clone()))),
        ] {
            let error = layout.put_blob("s", named, source).await.unwrap_err();
            assert!(text(&error).contains(words), "{}", text(&error));
            assert!(!layout.has_blob("s", named).await.unwrap());
        }
    }
    fs::remove_file(&file).unwrap();
    let error = layout.put_blob("s", named, BlobSource::File(file.clone())).await.unwrap_err();
    assert!(text(&error).contains("source: No such file"), "{}", text(&error));
    let temporary = dir.join(".layerwright/tmp");
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "nothing stays behind");

    // A manifest does not come before what it names, nor under another digest.
    let error = layout.put_manifest("s", &tag("t"), &good.manifest).await.unwrap_err();
    assert!(matches!(layout_error(error), LayoutError::MissingBlob { .. }));
    put_blobs(&layout, &good).await.unwrap();
    let other = Reference::Digest(Digest::of(b"other"));
    let error = layout.put_manifest("s", &other, &good.manifest).await.unwrap_err();
    assert!(matches!(layout_error(error), LayoutError::Content { .. }));
    let mut forged = good.manifest.clone();
    forged.bytes.push(b' ');
    let error = layout.put_manifest("s", &tag("t"), &forged).await.unwrap_err();
    assert!(matches!(layout_error(error), LayoutError::Content { .. }));
    assert!(layout.head("s", &tag("t")).await.unwrap().is_none());
    layout.put_manifest("s", &tag("t"), &good.manifest).await.unwrap();

    // What rots on the disk is noticed, by length at once and else at the end.
    let path = blob_path(&dir, named.digest);
    let mut bytes = fs::read(&path).unwrap();
    bytes[600] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = read_blob(&layout, named).await.unwrap_err();
    assert!(error.to_string().contains("push the image again"), "{error}");
    fs::write(&path, &bytes[..700]).unwrap();
    assert!(!layout.has_blob("s", named).await.unwrap());
    assert!(layout.blob("s", named).await.is_err());
    put_blobs(&layout, &good).await.unwrap();
    assert_eq!(read_blob(&layout, named).await.unwrap(), good.blobs[0].1, "pushing repairs it");

    let manifest = &good.manifest.descriptor;
    let path = blob_path(&dir, manifest.digest);
    fs::write(&path, b"{}").unwrap();
    assert!(layout.manifest("s", &tag("t")).await.is_err());
    assert!(layout.head("s", &tag("t")).await.unwrap().is_none());
    fs::remove_file(&path).unwrap();
    let error = layout.manifest("s", &tag("t")).await.unwrap_err();
    assert!(matches!(layout_error(error), LayoutError::MissingBlob { .. }));
    push(&layout, "s", "t", &good).await.unwrap();
    assert_eq!(layout.manifest("s", &tag("t")).await.unwrap(), Some(good.manifest));
}

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

#[tokio::test]
async fn a_full_disk_leaves_the_layout_as_it_was() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("small");
    let _mount = disks::Mount::tmpfs(&dir, "size=1m");
    let layout = Layout::open_or_create(&dir).unwrap();
    push(&layout, "s", "t", &image("fits")).await.unwrap();
    let before = snapshot(&dir);

    let large = vec![7; 2 << 20];
    let descriptor = Descriptor::of(media_type::LAYER, &large);
    let error = layout.put_blob("s", &descriptor, BlobSource::Bytes(large)).await.unwrap_err();
    let error = layout_error(error);
    assert!(matches!(error, LayoutError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("make room"), "{error}");
    assert_eq!(snapshot(&dir), before);

    // Full to the last byte: not even an index fits.
    let filler = dir.join(".layerwright/filler");
    let mut file = File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[7; 4096]).is_ok() {}
    drop(file);
    let same = image("fits");
    let error = layout.put_manifest("s", &tag("new"), &same.manifest).await.unwrap_err();
    assert!(matches!(layout_error(error), LayoutError::Full { .. }));
    fs::remove_file(&filler).unwrap();
    assert_eq!(snapshot(&dir), before);
    assert_eq!(verify_all(&dir).await, 1);
    push(&layout, "s", "new", &same).await.unwrap();
    assert_eq!(verify_all(&dir).await, 2);
}

#[tokio::test]
async fn a_read_only_disk_is_read_and_named() {
    let scratch = tempfile::tempdir().unwrap();
    let point = scratch.path().join("disk");
    let mount = disks::Mount::tmpfs(&point, "size=1m");
    let dir = point.join("layout");
    push(&Layout::open_or_create(&dir).unwrap(), "s", "t", &image("x")).await.unwrap();
    fs::remove_dir_all(dir.join(".layerwright")).unwrap();
    mount.read_only();
    let before = snapshot(&point);
    for dir in [dir.clone(), point.join("new")] {
        let layout = Layout::open_or_create(&dir).unwrap();
        let error = push(&layout, "s", "new", &image("y")).await.unwrap_err();
        let error = layout_error(error);
        assert!(matches!(error, LayoutError::ReadOnly { .. }), "{error:?}");
        assert!(error.to_string().contains(dir.to_str().unwrap()), "{error}");
    }
    assert_eq!(snapshot(&point), before);
    assert_eq!(verify_all(&dir).await, 1);
    // What is there already can be pushed again.
    push(&Layout::open(&dir).unwrap(), "s", "t", &image("x")).await.unwrap();
}

#[tokio::test]
async fn a_directory_of_another_user_is_named() {
    const NOBODY: u32 = 65534;
    if let Some(dir) = std::env::var_os("LAYERWRIGHT_TEST_CHILD") {
        let dir = PathBuf::from(dir);
        let layout = Layout::open(&dir).unwrap();
        let error = layout_error(push(&layout, "s", "n", &image("y")).await.unwrap_err());
        assert!(matches!(error, LayoutError::Denied { .. }), "{error:?}");
        assert!(error.to_string().contains(dir.to_str().unwrap()), "{error}");
        assert_eq!(verify_all(&dir).await, 1);
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(scratch.path(), open).unwrap();
    let dir = scratch.path().join("layout");
    push(&Layout::open_or_create(&dir).unwrap(), "s", "t", &image("x")).await.unwrap();
    disks::passes(disks::child("a_directory_of_another_user_is_named", &dir, Some(NOBODY)));
}

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
            disks::child("two_processes_lose_nothing", &dir, None)
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
        let mut child = disks::child("killed_processes_leave_a_good_layout", &dir, None)
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

#[tokio::test]
async fn an_index_of_images_needs_its_images() {
    let scratch = tempfile::tempdir().unwrap();
    let layout = Layout::open_or_create(scratch.path()).unwrap();
    let image = image("x");
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::INDEX,
        "manifests": [{
            "mediaType": media_type::MANIFEST,
            "digest": image.manifest.descriptor.digest,
            "size": image.manifest.descriptor.size,
            "platform": {"os": "linux", "architecture": "amd64"},
        }],
    });
    let index = RawManifest::new(media_type::INDEX, index.to_string().into_bytes());
    let error = layout.put_manifest("s", &tag("t"), &index).await.unwrap_err();
    assert!(matches!(layout_error(error), LayoutError::MissingBlob { .. }));
    put_blobs(&layout, &image).await.unwrap();
    let by_digest = Reference::Digest(image.manifest.descriptor.digest);
    layout.put_manifest("s", &by_digest, &image.manifest).await.unwrap();
    assert!(layout.named(None).await.unwrap().is_none(), "a digest gets no name");
    layout.put_manifest("s", &tag("t"), &index).await.unwrap();
    assert_eq!(layout.manifest("s", &tag("t")).await.unwrap(), Some(index));
    let name = format!("oci:{}:s:t", scratch.path().display());
    let seen: Value = serde_json::from_str(&output("skopeo", &["inspect", &name])).unwrap();
    assert_eq!(seen["Architecture"], "amd64");
}
