//! A MachineConfig as layerwright uses it: checked, in canonical form, with its Ignition converted.

use std::fmt;

use serde_json::{Map, Value, json};

use super::canonical::{drop_bookkeeping, drop_nulls};
use super::conversion::convert;
use super::error::Problem;
use super::packages::{KernelType, PackageChanges, is_extension_name};
use super::types::{bool_in, object_in, string_in, strings_in};
use crate::ignition::SpecVersion;
use crate::image::{Digest, canonical_json};

/// The `apiVersion` of MachineConfigs.
pub(super) const API_VERSION: &str = "machineconfiguration.openshift.io/v1";
/// The `kind` of MachineConfigs.
pub(super) const KIND: &str = "MachineConfig";

/// A MachineConfig that an image can be made of. Fields that layerwright does not know are kept.
pub struct MachineConfig {
    name: String,
    canonical: Vec<u8>,
    config: Value,
    rendered_ignition: Vec<u8>,
    ignition_version: SpecVersion,
    settings: Settings,
    packages: PackageChanges,
}

/// What `spec` says besides the Ignition config.
#[derive(Default)]
struct Settings {
    os_image_url: Option<String>,
    extensions_image: Option<String>,
    extensions: Vec<String>,
    kernel_type: KernelType,
    kernel_arguments: Vec<String>,
    fips: bool,
}

impl MachineConfig {
    /// Takes an object whose `kind` and `apiVersion` are a MachineConfig's.
    pub(super) fn from_object(mut object: Map<String, Value>) -> Result<Self, Problem> {
        object.values_mut().for_each(drop_nulls);
        object.retain(|_, value| !value.is_null());
        let name = name_of(&object)?;
        let spec = object_in(&object, "spec", "$.spec")?;
        let config = match spec {
            Some(spec) => object_in(spec, "config", "$.spec.config")?,
            None => None,
        };
        let (Some(spec), Some(config)) = (spec, config) else {
            return Err(Problem::NoConfig { name });
        };
        let settings = Settings::of(spec)?;
        let config = config.clone();
        drop_bookkeeping(&mut object);
        Self::new(name, &object, config, "$.spec.config", settings)
    }

    /// Takes a bare Ignition config, as `spec.config` of a MachineConfig that has nothing else and
    /// is named after its content.
    pub(super) fn from_ignition(mut config: Map<String, Value>) -> Result<Self, Problem> {
        config.values_mut().for_each(drop_nulls);
        config.retain(|_, value| !value.is_null());
        let digest = Digest::of(&canonical_json(&config)?);
        let name = format!("ignition-{}", &digest.hex()[..32]);
        let mut object = Map::new();
        object.insert("apiVersion".to_owned(), API_VERSION.into());
        object.insert("kind".to_owned(), KIND.into());
        object.insert("metadata".to_owned(), json!({"name": name}));
        object.insert("spec".to_owned(), json!({"config": config}));
        Self::new(name, &object, config, "$", Settings::default())
    }

    fn new(
        name: String,
        object: &Map<String, Value>,
        config: Map<String, Value>,
        config_path: &str,
        settings: Settings,
    ) -> Result<Self, Problem> {
        // First: what the rest of a config of another version means is not known.
        let ignition_version = SpecVersion::of(&config)?;
        let packages = PackageChanges::of(&settings.extensions, settings.kernel_type);
        let arguments = &settings.kernel_arguments;
        let converted = convert(&config, config_path, &packages, arguments, settings.fips)?;
        Ok(Self {
            name,
            canonical: canonical_json(object)?,
            config: Value::Object(config),
            rendered_ignition: canonical_json(&converted)?,
            ignition_version,
            settings,
            packages,
        })
    }

    /// `metadata.name`; for a bare Ignition config `ignition-` and 32 hex digits of its digest.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The canonical form, name included: `/machine-config.json` of the rendered-config image.
    #[must_use]
    pub fn canonical_json(&self) -> &[u8] {
        &self.canonical
    }

    /// The Ignition config with the generated files, as canonical JSON:
    /// `/machine-config-ignition.json` of the rendered-config image.
    #[must_use]
    pub fn rendered_ignition(&self) -> &[u8] {
        &self.rendered_ignition
    }

    /// `spec.config`, the Ignition config without the generated files, nulls dropped.
    #[must_use]
    pub fn ignition(&self) -> &Value {
        &self.config
    }

    /// The Ignition config's version.
    #[must_use]
    pub fn ignition_version(&self) -> SpecVersion {
        self.ignition_version
    }

    /// `spec.osImageURL`, the base that the config asks for, where it is given and not empty.
    #[must_use]
    pub fn os_image_url(&self) -> Option<&str> {
        self.settings.os_image_url.as_deref()
    }

    /// `spec.baseOSExtensionsContainerImage`, where extensions come from, where it is given and not
    /// empty.
    #[must_use]
    pub fn extensions_image(&self) -> Option<&str> {
        self.settings.extensions_image.as_deref()
    }

    /// `spec.extensions`.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.settings.extensions
    }

    /// `spec.kernelType`.
    #[must_use]
    pub fn kernel_type(&self) -> KernelType {
        self.settings.kernel_type
    }

    /// `spec.kernelArguments`.
    #[must_use]
    pub fn kernel_arguments(&self) -> &[String] {
        &self.settings.kernel_arguments
    }

    /// `spec.fips`.
    #[must_use]
    pub fn fips(&self) -> bool {
        self.settings.fips
    }

    /// What extensions and kernel type change in the base's packages; empty when the image build
    /// needs no step for them.
    #[must_use]
    pub fn package_changes(&self) -> &PackageChanges {
        &self.packages
    }
}

/// Only the name: configs hold secrets, which must not reach a log by way of `{:?}`.
impl fmt::Debug for MachineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(KIND).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Settings {
    fn of(spec: &Map<String, Value>) -> Result<Self, Problem> {
        let text = |field: &str| {
            string_in(spec, field, &format!("$.spec.{field}"))
                .map(|text| text.filter(|text| !text.is_empty()).map(str::to_owned))
        };
        let extensions = strings_in(spec, "extensions", "$.spec.extensions")?;
        if let Some(index) = extensions.iter().position(|name| !is_extension_name(name)) {
            let path = format!("$.spec.extensions[{index}]");
            return Err(Problem::ExtensionName { path });
        }
        Ok(Self {
            os_image_url: text("osImageURL")?,
            extensions_image: text("baseOSExtensionsContainerImage")?,
            extensions,
            kernel_type: KernelType::parse(text("kernelType")?.as_deref().unwrap_or_default())?,
            kernel_arguments: strings_in(spec, "kernelArguments", "$.spec.kernelArguments")?,
            fips: bool_in(spec, "fips", "$.spec.fips")?.unwrap_or_default(),
        })
    }
}

/// Checks `metadata` and returns its name. A name with control characters would break the lines of
/// logs and the labels of images.
fn name_of(object: &Map<String, Value>) -> Result<String, Problem> {
    let metadata = object_in(object, "metadata", "$.metadata")?;
    let name = match metadata {
        Some(metadata) => {
            object_in(metadata, "annotations", "$.metadata.annotations")?;
            object_in(metadata, "labels", "$.metadata.labels")?;
            string_in(metadata, "name", "$.metadata.name")?
        }
        None => None,
    };
    match name {
        None => Err(Problem::Name { reason: "it is missing" }),
        Some("") => Err(Problem::Name { reason: "it is empty" }),
        Some(name) if name.chars().any(char::is_control) => {
            Err(Problem::Name { reason: "it has control characters" })
        }
        Some(name) => Ok(name.to_owned()),
    }
}
