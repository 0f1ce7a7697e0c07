//! Inputs and their key: golden, because every record in every store is filed under one.

use std::collections::BTreeMap;

use super::{digest, inputs_on, recipe};
use crate::image::{Digest, Platform};
use crate::plan::{Inputs, InputsError, Key};

/// The canonical form of `inputs_on("base")`, and its key; worked out by another
/// program.
const CANONICAL: &str = concat!(
    r#"{"base":"sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2","#,
    r#""files":{"/machine-config-ignition.json":"#,
    r#""sha256:3fe9a8dfca0f4e96aa36bca306729179202f3854488648a3aca7bdf80bc1bb81"},"#,
    r#""platform":"linux/amd64","#,
    r#""recipe":{"class":"run","text":"FROM ${BASE}\nRUN true\n"},"#,
    r#""schema":"layerwright.dev/inputs/v1"}"#,
);

#[test]
fn the_canonical_form_and_the_key_are_golden() {
    let inputs = inputs_on("base");
    assert_eq!(inputs.canonical().unwrap(), CANONICAL);
    let key = inputs.key().unwrap();
    assert_eq!(
        key.to_string(),
        "sha256:dfb7d2607d4e1478aee84483e953ef948b7a8cdade83c9df2350c0d1339e3cfc"
    );
    assert_eq!(key, Key::of_text(CANONICAL));
    assert_eq!(key.tag(), key.to_string().replace("sha256:", "key-"));
    assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
}

#[test]
fn inputs_read_back_as_written() {
    let mut inputs = inputs_on("base");
    inputs.recipe.arguments = BTreeMap::from([("A".to_owned(), "ü\n".to_owned())]);
    inputs.images = BTreeMap::from([("EXTENSIONS".to_owned(), digest("x"))]);
    assert_eq!(Inputs::parse(&inputs.canonical().unwrap()).unwrap(), inputs);
}

#[test]
fn every_input_changes_the_key() {
    let plain = inputs_on("base");
    type Change = fn(&mut Inputs);
    let changed: [(&str, Change); 7] = [
        ("class", |i| i.recipe.class = crate::plan::RecipeClass::Files),
        ("text", |i| i.recipe = recipe("FROM ${BASE}\nRUN true\n\n")),
        ("arguments", |i| {
            i.recipe.arguments.insert("A".to_owned(), String::new());
        }),
        ("platform", |i| i.platform = "linux/amd64/v2".parse::<Platform>().unwrap()),
        ("base", |i| i.base = digest("other")),
        ("files", |i| {
            i.files.insert("/machine-config.json".to_owned(), digest("ignition"));
        }),
        ("images", |i| {
            i.images.insert("EXTENSIONS".to_owned(), digest("ignition"));
        }),
    ];
    let mut keys = vec![plain.key().unwrap()];
    for (what, change) in changed {
        let mut inputs = plain.clone();
        change(&mut inputs);
        let key = inputs.key().unwrap();
        assert!(!keys.contains(&key), "{what} does not change the key");
        keys.push(key);
    }
}

#[test]
fn what_is_no_inputs_is_refused() {
    let text = inputs_on("base").canonical().unwrap();
    let with = |old: &str, new: &str| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    };
    for (what, text) in [
        ("nothing", String::new()),
        ("another shape", "[]".to_owned()),
        ("cut off", text[..text.len() - 1].to_owned()),
        ("an unknown field", with("{\"base\"", "{\"also\":1,\"base\"")),
        ("an unknown field of the recipe", with("\"class\"", "\"also\":1,\"class\"")),
        ("no base", with("\"base\"", "\"bass\"")),
        ("an unknown class", with("\"run\"", "\"walk\"")),
        ("a digest that is none", with(&Digest::of(b"base").hex(), "00")),
        ("a platform that is none", with("linux/amd64", "linux")),
    ] {
        let found = Inputs::parse(&text);
        assert!(matches!(found, Err(InputsError::Malformed(_))), "{what}: {found:?}");
    }
    let found = Inputs::parse(&with("inputs/v1", "inputs/v2")).unwrap_err();
    assert!(matches!(&found, InputsError::Schema(s) if s == "layerwright.dev/inputs/v2"));
    let long = Inputs::parse(&with("inputs/v1", &"v".repeat(10_000))).unwrap_err();
    assert!(long.to_string().len() < 300, "{long}");
}
