//! Records: each thing that must hold, and what is said when it does not.

use std::collections::BTreeMap;

use super::{digest, inputs_on};
use crate::image::{
    Config, Descriptor, Manifest, OwnLayer, Platform, annotation, assemble, media_type,
};
use crate::plan::{BaseLayers, InputsError, Key, Record, RecordError, check_record};

/// An image of these layers, each by the words that its blob and its tar stand for.
struct Image {
    manifest: Manifest,
    config: Config,
}

fn layer(blob: &str, tar: &str) -> OwnLayer {
    let descriptor = Descriptor::of(media_type::LAYER_GZIP, blob.as_bytes());
    OwnLayer { descriptor, diff_id: digest(tar) }
}

fn image(platform: &str, layers: &[(&str, &str)], annotations: &[(&str, &str)]) -> Image {
    let layers: Vec<OwnLayer> = layers.iter().map(|(blob, tar)| layer(blob, tar)).collect();
    let annotations =
        annotations.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = Config::new(&platform.parse::<Platform>().unwrap());
    let packed =
        assemble(None, config, &layers, "test", annotations.collect::<BTreeMap<_, _>>()).unwrap();
    Image {
        manifest: packed.manifest.parse_manifest().unwrap(),
        config: Config::parse(&packed.config_bytes).unwrap(),
    }
}

const BASE: [(&str, &str); 2] = [("base 0", "base tar 0"), ("base 1", "base tar 1")];
const GOOD: [(&str, &str); 3] = [BASE[0], BASE[1], ("own", "own tar")];

fn check(record: &Image, wanted: Key) -> Result<Record, RecordError> {
    let base = image("linux/amd64", &BASE, &[]);
    let base = BaseLayers { manifest: &base.manifest, config: &base.config };
    check_record(digest("record"), &record.manifest, &record.config, wanted, base)
}

fn inputs() -> String {
    inputs_on("base").canonical().unwrap()
}

fn recorded(platform: &str, layers: &[(&str, &str)], inputs: &str) -> Image {
    image(platform, layers, &[(annotation::INPUTS, inputs)])
}

fn refused(record: &Image, wanted: Key) -> RecordError {
    match check(record, wanted) {
        Err(error) => error,
        Ok(record) => panic!("believed {record:?}"),
    }
}

#[test]
fn a_record_that_holds_is_believed() {
    let inputs = inputs();
    let says = [
        (annotation::INPUTS, inputs.as_str()),
        (annotation::ENGINE, "buildah 1.28"),
        (annotation::VERSION, "0.1.0"),
    ];
    let found = check(&image("linux/amd64", &GOOD, &says), Key::of_text(&inputs)).unwrap();
    let (engine, version) = ("buildah 1.28".to_owned(), "0.1.0".to_owned());
    assert_eq!(found, Record { image: digest("record"), engine, version });
    // Who made it is for people; a recipe may also leave the base as it is.
    let found = check(&recorded("linux/amd64", &BASE, &inputs), Key::of_text(&inputs)).unwrap();
    assert_eq!((found.engine.as_str(), found.version.as_str()), ("unknown", "unknown"));
}

#[test]
fn a_record_without_inputs_is_refused() {
    let found = refused(&image("linux/amd64", &GOOD, &[]), Key::of_text(&inputs()));
    assert!(matches!(found, RecordError::NoInputs), "{found:?}");
}

#[test]
fn inputs_of_another_key_are_refused() {
    let wanted = Key::of_text(&inputs());
    let other = inputs_on("other base").canonical().unwrap();
    // Inputs that mean the same in another spelling have another key too.
    for text in [other, format!(" {}", inputs()), String::new()] {
        let found = refused(&recorded("linux/amd64", &GOOD, &text), wanted);
        match &found {
            RecordError::Key { found, wanted: w } => {
                assert_eq!((*found, *w), (Key::of_text(&text), wanted));
            }
            other => panic!("{other:?}"),
        }
        assert!(found.to_string().contains(&wanted.to_string()), "{found}");
    }
}

#[test]
fn inputs_that_cannot_be_read_are_refused() {
    for (text, schema) in [("no inputs".to_owned(), false), (inputs().replace("/v1", "/v2"), true)]
    {
        let found = refused(&recorded("linux/amd64", &GOOD, &text), Key::of_text(&text));
        match found {
            RecordError::Inputs(InputsError::Schema(_)) if schema => {}
            RecordError::Inputs(InputsError::Malformed(_)) if !schema => {}
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn an_image_for_another_platform_is_refused() {
    let wanted = Key::of_text(&inputs());
    for platform in ["linux/arm64", "windows/amd64"] {
        let found = refused(&recorded(platform, &GOOD, &inputs()), wanted);
        assert!(matches!(&found, RecordError::Platform { .. }), "{found:?}");
        assert_eq!(found.to_string(), format!("its image is for {platform}, not linux/amd64"));
    }
}

#[test]
fn foreign_base_layers_are_refused() {
    let wanted = Key::of_text(&inputs());
    let own = GOOD[2];
    for (what, layers, index, foreign) in [
        ("another blob", vec![BASE[0], ("foreign", "base tar 1"), own], 1, "foreign"),
        ("another tar", vec![("base 0", "foreign tar"), BASE[1], own], 0, "foreign tar"),
        ("another order", vec![BASE[1], BASE[0], own], 0, "base 1"),
        ("a layer below the base", vec![own, BASE[0], BASE[1]], 0, "own"),
    ] {
        let found = refused(&recorded("linux/amd64", &layers, &inputs()), wanted);
        match &found {
            RecordError::ForeignLayer { index: at, found, .. } => {
                assert_eq!((*at, found), (index, &digest(foreign).to_string()), "{what}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
    for layers in [&BASE[..1], &[]] {
        let found = refused(&recorded("linux/amd64", layers, &inputs()), wanted);
        let missing = digest(BASE[layers.len()].0);
        let wanted =
            format!("layer {} of its image is none, not the base's {missing}", layers.len());
        assert_eq!(found.to_string(), wanted);
    }
}

#[test]
fn a_config_with_another_number_of_layers_is_refused() {
    let wanted = Key::of_text(&inputs());
    let record = Image {
        config: recorded("linux/amd64", &BASE, &inputs()).config,
        ..recorded("linux/amd64", &GOOD, &inputs())
    };
    let found = refused(&record, wanted);
    assert_eq!(found.to_string(), "its manifest has 3 layers, but its config names 2");
}
