//! Help and version.

use crate::support::program::run;

type Words = &'static [&'static str];

const REGISTRY: Words = &["--insecure <HOST>", "--ca-file <FILE>", "--authfile <FILE>"];
const POOLS: Words = &[
    "[POOL]...",
    "-f, --file <FILE>",
    "--engine <ENGINE>",
    "--cache-dir <DIR>",
    "--max-document-size <BYTES>",
    "--force",
];

/// Each command, its own words, and what it shares with others.
const COMMANDS: &[(&str, Words, &[Words])] = &[
    ("init", &["-f, --file <FILE>", "layerwright.yaml"], &[]),
    (
        "push-rendered",
        &[
            "<FILE>",
            "standard input",
            "--to <REF>",
            "oci:DIR[:NAME]",
            "--tag <TAG>",
            "--platform <OS/ARCH>",
            "[default: linux/amd64]",
            "--check",
            "exit with 2",
            "--max-document-size <BYTES>",
            "[default: 16777216]",
            "Prints the image's reference with its digest",
        ],
        &[REGISTRY],
    ),
    ("build", &["replace it", "which inputs changed"], &[REGISTRY, POOLS]),
    ("plan", &["change nothing", "Exits with 2"], &[REGISTRY, POOLS]),
    ("inspect", &["<REF>", "oci:DIR[:NAME]", "the key"], &[REGISTRY]),
    ("completions", &["<SHELL>", "bash", "zsh", "fish"], &[]),
];

/// What every command has.
const ALL: Words = &["--output <FORM>", "json", "-h, --help", "-V, --version"];

#[test]
fn every_command_explains_its_options() {
    for (command, own, shared) in COMMANDS {
        let help = run([command, "--help"]).good();
        assert!(help.contains(&format!("Usage: layerwright {command}")), "{help}");
        for wanted in own.iter().chain(shared.iter().copied().flatten()).chain(ALL) {
            assert!(help.contains(wanted), "{command}: {wanted:?} is not in: {help}");
        }
        assert_eq!(run(["help", command]).good(), help);
        // No option without a word about it.
        let lines: Vec<&str> = help.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0].trim_start().starts_with("--")) {
            assert!(pair[1].trim().len() > 10, "{command}: nothing explains {}", pair[0]);
        }
    }
}

#[test]
fn the_program_names_its_commands_and_exit_codes() {
    let help = run(["--help"]).good();
    let lines: Vec<&str> = help.lines().collect();
    for (command, _, _) in COMMANDS {
        let line = lines.iter().find(|line| line.trim_start().starts_with(&format!("{command} ")));
        let line = line.unwrap_or_else(|| panic!("{command} is not in: {help}"));
        assert!(line.trim().len() > command.len() + 20, "{line}");
        assert!(line.len() <= 100, "{line}");
    }
    for wanted in ["0 done", "1 failed", "2 would change", "64 wrong", "65 bad input", "75 waiting"]
    {
        assert!(help.contains(wanted), "{wanted:?} is not in: {help}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let wanted = format!("layerwright {}", env!("CARGO_PKG_VERSION"));
    for arguments in [&["--version"][..], &["-V"]] {
        assert_eq!(run(arguments).line(), wanted);
    }
}
