//! `layerwright init`

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Session;
use super::exit::{Exit, Failure};

/// The pool file that is written.
const POOL_FILE: &str = include_str!("layerwright.yaml");

/// Write a commented layerwright.yaml
#[derive(Debug, Args)]
pub struct Init {
    /// Where to write it
    #[arg(short, long, value_name = "FILE", default_value = "layerwright.yaml")]
    file: PathBuf,
}

impl Init {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let path = self.file.display().to_string();
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.file)
            .and_then(|mut file| file.write_all(POOL_FILE.as_bytes()));
        match written {
            Ok(()) => {
                session.output.data(&json!({ "file": path }), &format!("{path}\n"))?;
                session.terminal.say("Edit it, then run `layerwright plan`.");
                Ok(Exit::Done)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure {
                exit: Exit::Failed,
                causes: vec![format!("{path} is there already; nothing was written")],
            }),
            Err(error) => Err(Failure::new(Exit::Failed, &format!("cannot write {path}"), error)),
        }
    }
}
