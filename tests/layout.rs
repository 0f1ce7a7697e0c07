//! The OCI layout home of a store, with real disks, real processes and the programs that others read
//! layouts with.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod disks;
#[path = "layout/failing_disks.rs"]
mod failing_disks;
#[path = "layout/processes.rs"]
mod processes;
#[path = "layout/refusals.rs"]
mod refusals;

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

/// Whoever looks while another creates the layout sees one that begins or one that is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_layout_that_is_being_created_is_no_foreign_directory() {
    let scratch = tempfile::tempdir().unwrap();
    for round in 0..150 {
        let dir = scratch.path().join(round.to_string());
        let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let lookers = [(); 3].map(|()| {
            let (dir, done) = (dir.clone(), done.clone());
            std::thread::spawn(move || {
                while !done.load(std::sync::atomic::Ordering::SeqCst) {
                    Layout::open_or_create(&dir)?;
                }
                Ok::<_, LayoutError>(())
            })
        });
        let layout = Layout::open_or_create(&dir).unwrap();
        put_blobs(&layout, &image("content")).await.unwrap();
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        for looker in lookers {
            looker.join().unwrap().unwrap();
        }
    }
}
