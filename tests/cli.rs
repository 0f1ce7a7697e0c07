//! The command line as users and scripts meet it: help, exit codes, what goes to which output.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests throughout, helpers included"
)]

mod support;

#[path = "cli/completions.rs"]
mod completions;
#[path = "cli/exit_codes.rs"]
mod exit_codes;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/init.rs"]
mod init;
#[path = "cli/inspect.rs"]
mod inspect;
#[path = "cli/output.rs"]
mod output;
