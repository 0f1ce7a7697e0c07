//! Changes, as people read them.

use std::collections::BTreeMap;

use super::{digest, inputs_on, recipe};
use crate::image::Platform;
use crate::plan::{Inputs, changes};

fn lines(old: Option<&Inputs>, new: &Inputs) -> Vec<String> {
    changes(old, new).iter().map(ToString::to_string).collect()
}

fn short(word: &str) -> String {
    digest(word).short()
}

#[test]
fn equal_inputs_have_no_changes() {
    assert_eq!(lines(Some(&inputs_on("base")), &inputs_on("base")), [""; 0]);
}

#[test]
fn a_first_build_names_every_input() {
    let text = short("FROM ${BASE}\nRUN true\n");
    assert_eq!(
        lines(None, &inputs_on("base")),
        [
            format!("base: {}", short("base")),
            format!("files./machine-config-ignition.json: {}", short("ignition")),
            "platform: linux/amd64".to_owned(),
            "recipe.class: run".to_owned(),
            format!("recipe.text: text {text}"),
        ]
    );
}

#[test]
fn old_and_new_value_are_named_and_unchanged_inputs_are_not() {
    let old = inputs_on("base");
    let mut new = old.clone();
    new.base = digest("new base");
    new.platform = "linux/arm64".parse::<Platform>().unwrap();
    new.recipe = recipe("FROM scratch");
    new.recipe.arguments = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
    new.images = BTreeMap::from([("EXTENSIONS".to_owned(), digest("extensions"))]);
    let text = short("FROM ${BASE}\nRUN true\n");
    assert_eq!(
        lines(Some(&old), &new),
        [
            format!("base: {} -> {}", short("base"), short("new base")),
            format!("images.EXTENSIONS: {}", short("extensions")),
            "platform: linux/amd64 -> linux/arm64".to_owned(),
            "recipe.arguments.A: 1".to_owned(),
            format!("recipe.text: text {text} -> FROM scratch"),
        ]
    );
    let removed = format!("images.EXTENSIONS: {} -> nothing", short("extensions"));
    assert!(lines(Some(&new), &old).contains(&removed));
}
