//! Completions for shells.

use std::process::{Command, Stdio};

use crate::support::program::run;

#[test]
fn completions_know_the_commands_and_their_options() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(["completions", shell]).good();
        for word in ["push-rendered", "inspect", "completions", "authfile", "max-document-size"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let message = run(["completions", "csh"]).failed(64);
    assert!(message.contains("csh") && message.contains("bash"), "{message}");
}

#[test]
fn bash_can_use_them() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("layerwright.bash");
    std::fs::write(&path, run(["completions", "bash"]).good()).unwrap();
    let bash = |arguments: &[&str]| {
        let output = Command::new("bash").args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let path = path.to_str().unwrap();
    bash(&["--norc", "-n", path]);
    let complete = "source \"$1\"; COMP_WORDS=(layerwright push-rendered --ch); COMP_CWORD=2; \
                    _layerwright layerwright --ch push-rendered; echo \"${COMPREPLY[@]}\"";
    assert_eq!(bash(&["--norc", "-c", complete, "bash", path]), "--check\n");
}
