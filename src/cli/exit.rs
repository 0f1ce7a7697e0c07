//! Exit codes, and failures with theirs (design, "The command line"; sysexits.h).

use std::fmt;
use std::process::ExitCode;

use crate::orchestrator::OrchestratorError;
use crate::store::AccessError;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Waiting for something that is not there yet.
    Waiting,
    /// Something would change.
    WouldChange,
    /// Failed.
    Failed,
    /// The input cannot be used.
    BadInput,
    /// The command was used wrongly.
    Usage,
}

impl Exit {
    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::WouldChange => 2,
            Self::Usage => 64,
            Self::BadInput => 65,
            Self::Waiting => 75,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A command failed: what it says, from the outermost to the innermost cause.
#[derive(Debug)]
pub struct Failure {
    /// How the command ends.
    pub exit: Exit,
    /// What went wrong, then why, then why that.
    pub causes: Vec<String>,
}

impl Failure {
    /// A failure with its cause.
    pub fn new(exit: Exit, what: &str, error: impl std::error::Error) -> Self {
        let mut failure = Self::of(exit, error);
        failure.causes.insert(0, what.to_owned());
        failure
    }

    /// A failure that the error itself describes.
    pub fn of(exit: Exit, error: impl std::error::Error) -> Self {
        let mut causes = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        Self { exit, causes }
    }

    /// Wrong usage that clap cannot see.
    pub fn usage(what: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, causes: vec![what.into()] }
    }

    /// Input that cannot be used.
    pub fn input(error: impl std::error::Error) -> Self {
        Self::of(Exit::BadInput, error)
    }

    /// Anything else that went wrong.
    pub fn failed(error: impl std::error::Error) -> Self {
        Self::of(Exit::Failed, error)
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        let exit = if error.is_input() { Exit::BadInput } else { Exit::Failed };
        Self::of(exit, error)
    }
}

impl From<OrchestratorError> for Failure {
    fn from(error: OrchestratorError) -> Self {
        let exit = if error.is_input() { Exit::BadInput } else { Exit::Failed };
        Self::of(exit, error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.causes.join(": "))
    }
}
