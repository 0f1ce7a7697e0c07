//! What commands print: data on standard output, as text or JSON, and everything else on standard
//! error.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use super::exit::{Exit, Failure};

/// Options of all commands.
#[derive(Debug, Args)]
pub struct OutputOptions {
    /// How data is printed
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORM")]
    output: Form,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Form {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Prints in the form that the user asked for.
#[derive(Debug)]
pub struct Output {
    form: Form,
}

impl Output {
    /// Prints as the options say.
    #[must_use]
    pub fn new(options: &OutputOptions) -> Self {
        Self { form: options.output }
    }

    /// Prints a command's data: `value` for programs, `text` for people.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn data(&self, value: &impl Serialize, text: &str) -> Result<(), Failure> {
        match self.form {
            Form::Text => write_out(text.as_bytes()),
            Form::Json => {
                let mut line = serde_json::to_vec(value).map_err(Failure::failed)?;
                line.push(b'\n');
                write_out(&line)
            }
        }
    }

    /// Prints a failure on standard error, in the form that the user asked for.
    pub fn failure(&self, failure: &Failure) {
        let text = match self.form {
            Form::Text => failure
                .causes
                .iter()
                .enumerate()
                .map(|(index, cause)| {
                    format!("{}{cause}\n", if index == 0 { "error: " } else { "  because: " })
                })
                .collect(),
            Form::Json => {
                let exit = failure.exit.code();
                format!("{}\n", json!({ "error": { "exitCode": exit, "causes": failure.causes } }))
            }
        };
        // Where nothing can be written, the exit code still says that something went wrong.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// Writes to standard output. A reader that went away has what it wanted.
///
/// # Errors
/// When it cannot be written.
pub fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, "cannot write to standard output", error))
        }
        _ => Ok(()),
    }
}
