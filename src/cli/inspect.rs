//! `layerwright inspect`

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::Session;
use super::exit::{Exit, Failure};
use super::options::AccessOptions;
use crate::image::{Document, Index, annotation, printable};
use crate::plan::{Change, Inputs, changes};
use crate::store::transfer::{self, StoredImage};
use crate::store::{Location, Store};

/// Say what an image says about itself.
///
/// Prints its digest, platform, layers and labels; of what layerwright built also the key and the
/// inputs of the build. Of an index, the images in it.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The image: HOST[:PORT]/REPOSITORY[:TAG] or oci:DIR[:NAME]
    #[arg(value_name = "REF")]
    reference: String,
    #[command(flatten)]
    access: AccessOptions,
}

impl Inspect {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let location: Location =
            self.reference.parse().map_err(|error| Failure::of(Exit::Usage, error))?;
        if let Location::Directory(_) | Location::Tar(_) = location {
            let what = format!("{location} is a plain root file system; inspect takes an image");
            return Err(Failure::usage(what));
        }
        let access = self.access.access()?;
        let (home, stream, reference) = access.open_image(&location).await?;
        let raw = home.manifest(&stream, &reference).await?;
        let raw = raw.ok_or_else(|| Failure {
            exit: Exit::Failed,
            causes: vec![format!("there is no image {location}")],
        })?;
        match raw.parse().map_err(Failure::input)? {
            Document::Index(index) => {
                let value = index_value(&location, &index);
                session.output.data(&value, &index_text(&value))?;
            }
            Document::Manifest(_) => {
                let image =
                    transfer::read_image(&home, &stream, raw).await.map_err(Failure::failed)?;
                session
                    .output
                    .data(&image_value(&location, &image), &image_text(&location, &image))?;
            }
        }
        Ok(Exit::Done)
    }
}

fn index_value(location: &Location, index: &Index) -> Value {
    let images = index.images().iter().map(|(platform, image)| {
        json!({ "platform": platform, "digest": image.digest, "size": image.size })
    });
    json!({
        "reference": location.to_string(),
        "digest": index.digest(),
        "images": images.collect::<Vec<_>>(),
    })
}

fn index_text(value: &Value) -> String {
    let mut text = format!("index {}\n", value["digest"].as_str().unwrap_or_default());
    for image in value["images"].as_array().into_iter().flatten() {
        let say = |name: &str| image[name].as_str().unwrap_or("no platform").to_owned();
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {} {}", say("platform"), say("digest"));
    }
    text
}

/// What layerwright's own annotations hold as JSON, read.
fn inputs(image: &StoredImage) -> Option<Value> {
    serde_json::from_str(image.manifest.annotation(annotation::INPUTS)?).ok()
}

fn image_value(location: &Location, image: &StoredImage) -> Value {
    let layers = image.manifest.layers().iter().map(|layer| {
        json!({ "mediaType": layer.media_type, "digest": layer.digest, "size": layer.size })
    });
    let mut annotations = image.manifest.annotations();
    annotations.remove(annotation::INPUTS);
    json!({
        "reference": location.to_string(),
        "digest": image.raw.descriptor.digest,
        "mediaType": image.raw.descriptor.media_type,
        "platform": image.config.platform(),
        "layers": layers.collect::<Vec<_>>(),
        "labels": image.config.labels(),
        "annotations": annotations,
        "inputs": inputs(image),
    })
}

fn image_text(location: &Location, image: &StoredImage) -> String {
    let mut text = format!("{location}\n");
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:<12}{value}");
    };
    line("digest", &image.raw.descriptor.digest);
    line("type", &image.raw.descriptor.media_type);
    line("platform", image.config.platform());
    for layer in image.manifest.layers() {
        let kind = printable(&layer.media_type);
        line("layer", &format!("{} {} bytes {kind}", layer.digest, layer.size));
    }
    for (name, value) in image.config.labels() {
        line("label", &format!("{}={}", printable(name), printable(value)));
    }
    for (name, value) in image.manifest.annotations() {
        if name != annotation::INPUTS {
            line("annotation", &format!("{}={}", printable(name), printable(value)));
        }
    }
    let inputs = image.manifest.annotation(annotation::INPUTS);
    for input in inputs.and_then(|text| Inputs::parse(text).ok()).iter().flat_map(all) {
        line("input", &printable(&input.to_string()));
    }
    text
}

/// All inputs, in the words that also name changed ones.
fn all(inputs: &Inputs) -> Vec<Change> {
    changes(None, inputs)
}
