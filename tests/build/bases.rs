//! The bases that the tests build on: packed once for all of them, and kept in a layout of this
//! test binary's own beside a cache directory that is warm.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use layerwright::engine::{Scratch, this_machine};
use layerwright::image::layer::{Entry, EntryKind, write_layer};
use layerwright::image::{Config, OwnLayer, PackedImage, assemble, base_image};
use layerwright::store::layout::Layout;
use layerwright::store::rootfs::PlainRoot;
use layerwright::store::{BlobSource, transfer};

use crate::workspace::now;

/// A small Debian root with a real Ignition in it.
pub const PLAIN: &str = "plain";
/// The same with one file more.
pub const OTHER: &str = "other";
/// The same with an `rm` that takes a second and leaves a file with a random content: a recipe that
/// runs on it gives another image each time, slowly.
pub const RESTLESS: &str = "restless";
/// The same with an `rm` that takes a minute: for those who do not let it come to its end.
pub const SLOW: &str = "slow";

const RESTLESS_RM: &str = "#!/bin/bash
echo $SRANDOM > /etc/restless
sleep 1
for path; do
    case $path in
        -*) ;;
        *) find \"$path\" -delete 2> /dev/null ;;
    esac
done
exit 0
";

static SHARED: LazyLock<Scratch> = LazyLock::new(|| {
    // What an earlier run left is swept; what another process uses now is not.
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("build");
    let shared = Scratch::create(&parent).unwrap();
    now(fill(&shared.path().join("bases")));
    shared
});

/// The layout with the bases: `base:plain` and the others.
pub fn layout() -> PathBuf {
    SHARED.path().join("bases")
}

/// A cache directory that is warm after the first build, shared by tests that are not about it.
pub fn shared_cache() -> PathBuf {
    SHARED.path().join("cache")
}

/// The archive that `.ci/setup` makes.
pub fn archive() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let archive = cache.unwrap().join("layerwright-tools/small-ignition-base.tar");
    assert!(archive.is_file(), "there is no {}: run .ci/setup", archive.display());
    archive
}

async fn fill(dir: &Path) {
    let layout = Layout::open_or_create(dir).unwrap();
    let packed = PlainRoot::Archive(archive()).pack(dir.parent().unwrap()).unwrap();
    let own = OwnLayer { descriptor: packed.descriptor.clone(), diff_id: packed.diff_id };
    let plain = base_image(&this_machine(), &own).unwrap();
    let file = BlobSource::File(packed.file.to_path_buf());
    put(&layout, PLAIN, &plain, vec![(packed.descriptor.clone(), file)]).await;
    for (name, path, text, mode) in [
        (OTHER, "etc/other", "another base\n", 0o644),
        (RESTLESS, "usr/bin/rm", RESTLESS_RM, 0o755),
        (SLOW, "usr/bin/rm", "#!/bin/bash\nsleep 60\n", 0o755),
    ] {
        let entry = Entry::new(path, EntryKind::File(text.as_bytes().to_vec()), mode);
        let layer = write_layer([entry]).unwrap();
        let own = OwnLayer { descriptor: layer.descriptor.clone(), diff_id: layer.diff_id };
        let below = plain.manifest.parse_manifest().unwrap();
        let config = Config::parse(&plain.config_bytes).unwrap();
        let image = assemble(Some(&below), config, &[own], name, BTreeMap::new()).unwrap();
        put(&layout, name, &image, vec![(layer.descriptor, BlobSource::Bytes(layer.bytes))]).await;
    }
}

async fn put(
    layout: &Layout,
    name: &str,
    image: &PackedImage,
    mut blobs: Vec<(layerwright::image::Descriptor, BlobSource)>,
) {
    blobs.push((image.config.clone(), BlobSource::Bytes(image.config_bytes.clone())));
    transfer::put_blobs(layout, "base", blobs).await.unwrap();
    transfer::tag_all(layout, "base", &image.manifest, &[name]).await.unwrap();
}
