//! `layerwright push-rendered`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Session;
use super::exit::{Exit, Failure};
use super::options::{AccessOptions, DocumentOptions};
use crate::image::layer::Layer;
use crate::image::{PackedImage, Platform};
use crate::orchestrator::pack;
use crate::store::registry::check_tag;
use crate::store::{
    Home, Location, Reference, Store, StoreError, StoreLocation, split_name, transfer,
};

/// Pack a rendered MachineConfig into an image and push it.
///
/// Prints the image's reference with its digest. Nothing is sent when the image is there already.
#[derive(Debug, Args)]
pub struct PushRendered {
    /// The rendered MachineConfig, as JSON or YAML; `-` for standard input
    file: PathBuf,
    /// Where to push: HOST[:PORT]/REPOSITORY[:TAG] or oci:DIR[:NAME]
    #[arg(long, value_name = "REF")]
    to: String,
    /// A further tag
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// What the image is for
    #[arg(long, value_name = "OS/ARCH", default_value = "linux/amd64")]
    platform: String,
    /// Push nothing; exit with 2 when something would be pushed
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    document: DocumentOptions,
    #[command(flatten)]
    access: AccessOptions,
}

/// Where an image goes: a stream of a store, and the tags in it.
struct Target {
    store: StoreLocation,
    stream: String,
    tags: Vec<String>,
    /// How the reference with a digest begins.
    shown: String,
}

impl PushRendered {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let platform: Platform =
            self.platform.parse().map_err(|error| Failure::of(Exit::Usage, error))?;
        let target = Target::of(&self.to, self.tags)?;
        let machine_config = self.document.read(&self.file, false).await?;
        let (image, layer, _) = pack(&machine_config, &platform).map_err(Failure::failed)?;
        let home = self.access.access()?.open_store(&target.store)?;
        let missing = missing_tags(&home, &target, &image).await?;
        if !self.check && !missing.is_empty() {
            push(&home, &target, &image, &layer, &missing).await?;
        }
        let digest = image.manifest.descriptor.digest;
        let reference = format!("{}@{digest}", target.shown);
        let value = json!({
            "reference": reference,
            "digest": digest,
            "machineConfig": machine_config.name(),
            "tags": target.tags,
            "changedTags": missing,
        });
        session.output.data(&value, &format!("{reference}\n"))?;
        if self.check && !missing.is_empty() {
            session.terminal.say(&format!("would push {}", missing.join(", ")));
            return Ok(Exit::WouldChange);
        }
        Ok(Exit::Done)
    }
}

impl Target {
    fn of(to: &str, more: Vec<String>) -> Result<Self, Failure> {
        let location: Location = to.parse().map_err(|error| Failure::of(Exit::Usage, error))?;
        let (store, stream, first, shown) = match location {
            Location::Registry { reference: Reference::Digest(_), .. } => {
                return Err(Failure::usage(
                    "--to takes a tag, not a digest: the image decides that",
                ));
            }
            Location::Registry { host, repository, reference: Reference::Tag(tag) } => {
                let shown = format!("{host}/{repository}");
                let store = StoreLocation::Registry { host, prefix: String::new() };
                (store, repository, tag, shown)
            }
            Location::Layout { digest: Some(_), .. } => {
                return Err(Failure::usage(
                    "--to takes a tag, not a digest: the image decides that",
                ));
            }
            Location::Layout { dir, name, digest: None } => {
                let shown = format!("oci:{}", dir.display());
                let (stream, tag) = match name.as_deref() {
                    None => ("", "latest"),
                    Some(name) if name.contains(':') => split_name(name),
                    Some(stream) => (stream, "latest"),
                };
                let (stream, tag) = (stream.to_owned(), tag.to_owned());
                (StoreLocation::Layout(dir), stream, tag, shown)
            }
            Location::Directory(_) | Location::Tar(_) => {
                return Err(Failure::usage("--to takes a registry or oci:DIR[:NAME]"));
            }
        };
        let mut tags = vec![first];
        for tag in more {
            check_tag(&tag).map_err(|error| Failure::of(Exit::Usage, error))?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Ok(Self { store, stream, tags, shown })
    }
}

/// The tags that do not hold the image. The first one decides whether there is anything to send, so
/// it is asked about alone: where it does not hold the image, the others need not be asked about.
async fn missing_tags(
    home: &Home,
    target: &Target,
    image: &PackedImage,
) -> Result<Vec<String>, StoreError> {
    let holds = async |tag: &String| {
        let found = home.head(&target.stream, &Reference::Tag(tag.clone())).await?;
        Ok::<_, StoreError>(found.is_some_and(|d| d.digest == image.manifest.descriptor.digest))
    };
    let mut missing = Vec::new();
    for (index, tag) in target.tags.iter().enumerate() {
        if !holds(tag).await? {
            if index == 0 {
                return Ok(target.tags.clone());
            }
            missing.push(tag.clone());
        }
    }
    Ok(missing)
}

async fn push(
    home: &Home,
    target: &Target,
    image: &PackedImage,
    layer: &Layer,
    missing: &[String],
) -> Result<(), StoreError> {
    let tags: Vec<&str> = missing.iter().map(String::as_str).collect();
    // Where a tag holds the image, its blobs are there.
    if missing.len() < target.tags.len() {
        return transfer::tag_all(home, &target.stream, &image.manifest, &tags).await;
    }
    transfer::push_image(home, &target.stream, image, layer, &tags).await
}
