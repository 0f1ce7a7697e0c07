//! The program, run as people run it: arguments in, exit code and two texts out.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    /// The exit code; a signal is no exit code, and fails the test.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The program with nothing in its environment but where to find other programs: what the machine
/// has set must not decide a test.
pub fn layerwright() -> Command {
    with_clean_environment(Command::new(env!("CARGO_BIN_EXE_layerwright")))
}

/// The same, started by `program` with these arguments.
pub fn layerwright_under(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg(env!("CARGO_BIN_EXE_layerwright"));
    with_clean_environment(command)
}

fn with_clean_environment(mut command: Command) -> Command {
    command.env_clear().stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Runs the program with these arguments.
pub fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    finish(layerwright().args(arguments))
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Run {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    ended(output)
}

/// Runs a command to its end, with this on its standard input.
pub fn finish_with_input(command: &mut Command, input: &[u8]) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that has read enough closes its end, which is fine.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    ended(output)
}

fn ended(output: Output) -> Run {
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    let code = output.status.code();
    let code = code.unwrap_or_else(|| panic!("ended with {}: {stderr}", output.status));
    assert!(!stderr.contains("panicked"), "{stderr}");
    Run { code, stdout, stderr }
}

impl Run {
    /// Standard output of a run that has to be good.
    pub fn good(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout
    }

    /// The only line of standard output of a run that has to be good.
    pub fn line(self) -> String {
        let text = self.good();
        let line = text.strip_suffix('\n').unwrap_or_else(|| panic!("no line: {text:?}"));
        assert!(!line.contains('\n'), "more than a line: {text:?}");
        line.to_owned()
    }

    /// Standard output of a run that has to be good, as JSON on one line.
    pub fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Standard error of a run that has to end with `code`, and has no data to print.
    pub fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{}", self.stderr);
        self.stderr
    }
}

/// A file of `fixtures`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// A MachineConfig of `fixtures`.
pub fn machine_config(name: &str) -> PathBuf {
    fixture("machineconfigs").join(name)
}

/// The digest at the end of a reference.
pub fn digest_of(reference: &str) -> &str {
    let (_, digest) = reference.split_once('@').unwrap_or_else(|| panic!("{reference}"));
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{reference}");
    digest
}
