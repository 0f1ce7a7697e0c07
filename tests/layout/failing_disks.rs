//! Disks that are full or read-only, and directories of other users.

use super::*;

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
    disks::passes(disks::child(
        "failing_disks::a_directory_of_another_user_is_named",
        &dir,
        Some(NOBODY),
    ));
}
