//! What goes to which output, and outputs that are closed, full, or no terminals.

use std::process::{Command, Stdio};

use crate::support::program::{finish, layerwright, machine_config, run};
use crate::support::registry::Distribution;

/// A pipe that nobody reads from any more.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Stdio::from(writer)
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let scratch = tempfile::tempdir().unwrap();
    let to = format!("oci:{}", scratch.path().join("images").display());
    let config = machine_config("minimal.json");
    let push = ["push-rendered", config.to_str().unwrap(), "--to", &to];
    run(push).line();
    for arguments in
        [&push[..], &["inspect", &to], &["completions", "bash"], &["--help"], &["--version"]]
    {
        let output = layerwright()
            .args(arguments)
            .stdout(closed_pipe())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
        // Nobody listens at all.
        let status =
            layerwright().args(arguments).stdout(closed_pipe()).stderr(closed_pipe()).status();
        assert_eq!(status.unwrap().code(), Some(0), "{arguments:?}");
    }
    // A failure stays one when nobody hears of it.
    let mut failing = layerwright();
    failing.args(["inspect", "oci:/does/not/exist:x"]).stderr(closed_pipe());
    assert_eq!(failing.status().unwrap().code(), Some(1));
}

#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let scratch = tempfile::tempdir().unwrap();
    let to = format!("oci:{}", scratch.path().join("images").display());
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = layerwright()
        .arg("push-rendered")
        .arg(machine_config("minimal.json"))
        .args(["--to", &to])
        .stdout(full())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("standard output") && stderr.contains("No space left"), "{stderr}");
}

#[test]
fn nothing_but_text_where_there_is_no_terminal() {
    let scratch = tempfile::tempdir().unwrap();
    let to = format!("oci:{}", scratch.path().join("images").display());
    let config = machine_config("minimal.json");
    let push = ["push-rendered", config.to_str().unwrap(), "--to", &to];
    for arguments in [
        &push[..],
        &["inspect", &to],
        &["--help"],
        &["plna"],
        &["inspect", "oci:/does/not/exist:x"],
        &["plan", "-f", "/does/not/exist"],
    ] {
        for terminal in ["dumb", "xterm-256color"] {
            let run = finish(layerwright().args(arguments).env("TERM", terminal));
            for text in [run.stdout, run.stderr] {
                assert!(!text.contains(['\u{1b}', '\r']), "{arguments:?}: {text:?}");
            }
        }
    }
}

/// Runs the program on a terminal of its own, and gives what it showed there.
fn on_a_terminal(arguments: &str, environment: &[(&str, &str)]) -> String {
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_layerwright"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--command", &line, "/dev/null"]).stdin(Stdio::null());
    script.env_remove("NO_COLOR").env("TERM", "xterm-256color").envs(environment.iter().copied());
    let output = script.output().unwrap_or_else(|error| panic!("cannot run script: {error}"));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn no_color_is_heeded_on_a_terminal() {
    for arguments in ["plna", "--help"] {
        let plain = on_a_terminal(arguments, &[("NO_COLOR", "1")]);
        assert!(plain.contains("Usage:") || plain.contains("plna"), "{plain:?}");
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
        assert!(
            on_a_terminal(arguments, &[]).contains('\u{1b}'),
            "the test sees no colours at all"
        );
    }
}

#[test]
fn plain_http_needs_no_certificates() {
    let server = Distribution::start();
    let to = format!("{}/os/x", server.host());
    let without_certificates = |to: &str| {
        let mut command = layerwright();
        command.arg("push-rendered").arg(machine_config("minimal.json")).args(["--to", to]);
        command.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent");
        finish(&mut command)
    };
    let line = without_certificates(&to).line();
    let mut inspect = layerwright();
    inspect.args(["inspect", &to]).env("SSL_CERT_FILE", "/nonexistent");
    assert!(finish(&mut inspect).good().contains(line.split_once('@').unwrap().1));
    // Where certificates are needed, their absence is what is said.
    let stderr = without_certificates("registry.invalid/os/x").failed(1);
    assert!(stderr.contains("no CA certificates") && stderr.contains("--ca-file"), "{stderr}");
}
