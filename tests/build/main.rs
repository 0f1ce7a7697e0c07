//! `layerwright build` and `plan` from end to end: the real program, the real buildah, the real
//! Ignition in the base, and both kinds of store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

#[path = "../support/mod.rs"]
mod support;

mod bases;
mod configs;
mod gate;
mod puller;
mod run;
mod workspace;

mod forged;
mod identity;
mod interruption;
mod plan;
mod race;
mod readers;
mod refusals;
mod repetition;

/// Runs a test in an OCI layout and in a registry: two tests.
macro_rules! in_both_stores {
    ($($name:ident),+ $(,)?) => {
        mod in_a_layout {
            $(#[test]
            fn $name() {
                super::$name(crate::workspace::Workspace::in_a_layout());
            })+
        }
        mod in_a_registry {
            $(#[test]
            fn $name() {
                super::$name(crate::workspace::Workspace::in_a_registry());
            })+
        }
    };
}
pub(crate) use in_both_stores;
