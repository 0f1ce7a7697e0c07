//! Names of the annotations and labels that layerwright writes on the images it makes.

/// The key of the build that an image came from. A label too.
pub const KEY: &str = "layerwright.dev/key";
/// The inputs of that build, as canonical JSON.
pub const INPUTS: &str = "layerwright.dev/inputs";
/// The engine that carried the build out. A label too.
pub const ENGINE: &str = "layerwright.dev/engine";
/// The version of layerwright that recorded the build. A label too.
pub const VERSION: &str = "layerwright.dev/version";
/// The digest of what an image was packed from, where the image's own digest may differ.
pub const SOURCE: &str = "layerwright.dev/source-digest";
/// The digest of the base's manifest for the image's platform.
pub const BASE_PLATFORM: &str = "layerwright.dev/base-platform-digest";
/// The digest of the unstamped image under a stamp.
pub const CONTENT: &str = "layerwright.dev/content-digest";
/// The digest of `/etc/machine-config-daemon/currentconfig` in a stamped image.
pub const CURRENT_CONFIG: &str = "layerwright.dev/currentconfig-digest";
/// The base as the user named it (OCI image-spec, annotations.md).
pub const BASE_NAME: &str = "org.opencontainers.image.base.name";
/// The digest behind that name, of the index where there is one.
pub const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
/// Label: the rendered config that is in an image.
pub const MACHINE_CONFIG: &str = "machineconfig";
/// Label: the pool that an image is for.
pub const POOL: &str = "io.openshift.machineconfig.pool";
