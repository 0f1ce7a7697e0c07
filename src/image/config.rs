//! Image configs (OCI image-spec, config.md). A config is kept as the JSON it came as, so that
//! nothing a base says is lost; what layerwright reads of it is checked on the way in.

use std::collections::BTreeMap;

use oci_spec::image as spec;
use serde_json::{Map, Value, json};

use super::{
    CanonicalError, Descriptor, Digest, DigestError, Platform, PlatformError, canonical_json,
    media_type,
};

/// The most bytes of a config that are read. Real ones have some ten kilobytes.
pub const CONFIG_LIMIT: u64 = 8 * 1024 * 1024;

/// An image config.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Everything but what the other fields hold.
    document: Map<String, Value>,
    /// The member `config` without its labels: what a container gets by default.
    settings: Map<String, Value>,
    labels: BTreeMap<String, String>,
    platform: Platform,
    diff_ids: Vec<Digest>,
}

/// A config from a store is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The bytes are no image config.
    #[error("image config {digest} is malformed")]
    Malformed {
        /// Which blob.
        digest: Digest,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It does not say what the image runs on.
    #[error("image config {digest} names no platform")]
    Platform {
        /// Which blob.
        digest: Digest,
        /// What is wrong with what it names.
        source: PlatformError,
    },
    /// A layer is named by a digest that cannot be used.
    #[error("image config {digest} names a layer by a digest that cannot be used")]
    DiffId {
        /// Which blob.
        digest: Digest,
        /// The digest it names.
        source: DigestError,
    },
}

impl Config {
    /// A config for an image from scratch.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        let mut document = Map::new();
        document.insert("architecture".to_owned(), json!(platform.architecture));
        document.insert("os".to_owned(), json!(platform.os));
        if let Some(variant) = &platform.variant {
            document.insert("variant".to_owned(), json!(variant));
        }
        document.insert("config".to_owned(), json!({}));
        Self {
            document,
            settings: Map::new(),
            labels: BTreeMap::new(),
            platform: platform.clone(),
            diff_ids: Vec::new(),
        }
    }

    /// Reads a config blob.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let digest = Digest::of(bytes);
        let malformed = |source| ConfigError::Malformed { digest, source };
        let known: spec::ImageConfiguration = serde_json::from_slice(bytes).map_err(malformed)?;
        let mut document: Map<String, Value> = serde_json::from_slice(bytes).map_err(malformed)?;
        let mut settings = match document.remove("config") {
            Some(Value::Object(settings)) => settings,
            _ => Map::new(),
        };
        settings.remove("Labels");
        let labels = known.labels_of_config().into_iter().flatten();
        let labels = labels.map(|(name, value)| (name.clone(), value.clone())).collect();
        let (os, architecture) = (known.os().to_string(), known.architecture().to_string());
        let platform = Platform::new(&os, &architecture, known.variant().as_deref())
            .map_err(|source| ConfigError::Platform { digest, source })?;
        let diff_ids = known
            .rootfs()
            .diff_ids()
            .iter()
            .map(|id| id.parse().map_err(|source| ConfigError::DiffId { digest, source }))
            .collect::<Result<_, _>>()?;
        Ok(Self { document, settings, labels, platform, diff_ids })
    }

    /// What the image runs on.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The digests of the uncompressed layers, lowest first.
    #[must_use]
    pub fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    /// The labels, by name.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// Sets a label.
    pub fn set_label(&mut self, name: &str, value: &str) {
        self.labels.insert(name.to_owned(), value.to_owned());
    }

    /// Puts a layer on top, with a line of history when the layers below have theirs.
    pub fn add_layer(&mut self, diff_id: Digest, created_by: &str) {
        if self.history_is_complete() {
            let line = json!({"created_by": created_by});
            if let Value::Array(lines) = self.document.entry("history").or_insert(json!([])) {
                lines.push(line);
            }
        }
        self.diff_ids.push(diff_id);
    }

    /// Whether `history` has one line for each layer. One that has not is left as it is: readers
    /// match lines and layers by their number.
    fn history_is_complete(&self) -> bool {
        let lines = self.document.get("history").and_then(Value::as_array);
        let lines = lines.map(Vec::as_slice).unwrap_or_default();
        let empty = |line: &&Value| line.get("empty_layer") != Some(&Value::Bool(true));
        lines.iter().filter(empty).count() == self.diff_ids.len()
    }

    /// The config that a build gives: what the recipe set (environment, labels, command), on the
    /// base's own layers, history and times. What a builder adds of itself is left out, so that
    /// one recipe gives one config.
    #[must_use]
    pub fn on_base(base: &Self, result: &Self) -> Self {
        let mut config = base.clone();
        config.settings.clone_from(&result.settings);
        config.labels.clone_from(&result.labels);
        for name in BUILDER_LABELS {
            config.labels.remove(name);
            if let Some(value) = base.labels.get(name) {
                config.set_label(name, value);
            }
        }
        config
    }

    /// The blob, as canonical JSON, and its descriptor.
    ///
    /// # Errors
    /// When the config cannot be written, which no config that was read gives.
    pub fn write(&self) -> Result<(Descriptor, Vec<u8>), CanonicalError> {
        let mut settings = self.settings.clone();
        if !self.labels.is_empty() {
            settings.insert("Labels".to_owned(), json!(self.labels));
        }
        let mut document = self.document.clone();
        document.insert("config".to_owned(), Value::Object(settings));
        document.insert("rootfs".to_owned(), json!({"type": "layers", "diff_ids": self.diff_ids}));
        let bytes = canonical_json(&document)?;
        Ok((Descriptor::of(media_type::CONFIG, &bytes), bytes))
    }
}

/// Labels in which builders name themselves and their version.
const BUILDER_LABELS: [&str; 1] = ["io.buildah.version"];

#[cfg(test)]
mod tests {
    use super::{Config, ConfigError};
    use crate::image::{Digest, Platform};
    use serde_json::{Value, json};

    fn config(document: &Value) -> Config {
        Config::parse(document.to_string().as_bytes()).unwrap()
    }

    fn written(config: &Config) -> Value {
        serde_json::from_slice(&config.write().unwrap().1).unwrap()
    }

    fn base() -> Value {
        json!({
            "architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z",
            "config": {"Env": ["A=1"], "Labels": {"ostree.commit": "c"}, "Healthcheck": {"Test": []}},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(b"base")]},
            "history": [{"created_by": "base"}, {"created_by": "env", "empty_layer": true}],
        })
    }

    #[test]
    fn what_a_base_says_is_kept() {
        assert_eq!(written(&config(&base())), base());
    }

    #[test]
    fn a_result_on_its_base_has_the_recipes_settings_and_the_bases_history() {
        let result = json!({
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
            "config": {"Env": ["A=2"], "Labels": {"x": "y", "io.buildah.version": "1"}},
            "rootfs": {"type": "layers", "diff_ids": []}, "history": [],
        });
        let mut config = Config::on_base(&config(&base()), &config(&result));
        config.add_layer(Digest::of(b"own"), "layerwright");
        let written = written(&config);
        assert_eq!(written["created"], "2024-01-01T00:00:00Z");
        assert_eq!(written["config"], json!({"Env": ["A=2"], "Labels": {"x": "y"}}));
        assert_eq!(written["history"][2], json!({"created_by": "layerwright"}));
        assert_eq!(config.diff_ids(), [Digest::of(b"base"), Digest::of(b"own")]);
    }

    #[test]
    fn history_that_does_not_match_the_layers_is_left_alone() {
        let mut document = base();
        document["history"] = json!([]);
        let mut config = config(&document);
        config.add_layer(Digest::of(b"own"), "layerwright");
        assert_eq!(written(&config)["history"], json!([]));
    }

    #[test]
    fn a_config_from_scratch_says_its_platform() {
        let arm = Config::new(&"linux/arm/v7".parse::<Platform>().unwrap());
        assert_eq!(config(&written(&arm)).platform().to_string(), "linux/arm/v7");
    }

    #[test]
    fn malformed_configs_are_refused() {
        for bytes in [&b""[..], b"[]", b"{}", b"{\"rootfs\":{\"diff_ids\":[\"sha256:1\"]}}"] {
            assert!(Config::parse(bytes).is_err());
        }
    }

    #[test]
    fn a_platform_that_is_none_is_refused_in_few_words() {
        for (field, value) in [
            ("os", "\u{1b}[2J".to_owned()),
            ("architecture", "x".repeat(100_000)),
            ("architecture", "arm/v7".to_owned()),
            ("variant", String::new()),
        ] {
            let mut document = base();
            document[field] = Value::String(value);
            let error = Config::parse(document.to_string().as_bytes()).unwrap_err();
            let ConfigError::Platform { source, .. } = error else { panic!("{field}: {error:?}") };
            let message = source.to_string();
            assert!(message.len() < 300 && !message.contains('\u{1b}'), "{message:?}");
        }
    }
}
