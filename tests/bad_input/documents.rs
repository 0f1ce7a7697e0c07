//! Documents that cannot be used: exit code 65, and nothing written anywhere.

use super::*;

/// Bytes of memory that the program may write to (RLIMIT_DATA): more than it needs for anything that
/// is no bomb.
const MEMORY: &str = "--data=134217728";
/// Seconds of processor time: what takes longer hangs.
const TIME: &str = "--cpu=30";

/// Documents in `fixtures/machineconfigs/bad`, and what the message says of each: the place, the
/// cause and the remedy. The list of all of them is in `tests/documents.rs`.
const FIXTURES: &[(&str, &[&str])] = &[
    ("not-json.json", &["line 2, column 9", "not valid JSON"]),
    ("not-yaml.yaml", &["line 3", "not valid YAML"]),
    ("configmap.yaml", &["found a ConfigMap (v1)", "a MachineConfig", "is wanted"]),
    ("two-documents.yaml", &["2 MachineConfigs", "\"first\"", "\"second\"", "give one"]),
    ("no-config.yaml", &["\"bad\" has no spec.config"]),
    ("ignition-2.yaml", &["2.2.0", "must be converted", "3.0.0 to 3.6.0"]),
    ("ignition-unknown.yaml", &["3.99.0", "3.0.0 to 3.6.0"]),
    ("alias-bomb.yaml", &["line 12", "250000 values", "aliases"]),
    ("not-utf8.yaml", &["not UTF-8", "offset 39"]),
    ("kernel-type.json", &["$.spec.kernelType", "tickless", "realtime and 64k-pages"]),
    ("mode-fraction.json", &["line 16", "$.spec.config.storage.files[0].mode", "integer"]),
    ("mode-fraction.yaml", &["line 11, column 15", "files[0].mode", "integer"]),
];

/// Runs `push-rendered` with bounded memory and time.
fn push_within_limits(file: &Path, to: &str, more: &[&str]) -> Run {
    let mut command = layerwright_under("prlimit", &[MEMORY, TIME, "--core=0", "--"]);
    // Each thread has a stack, and there are as many threads as processors.
    command.env("TOKIO_WORKER_THREADS", "2");
    finish(command.arg("push-rendered").arg(file).args(["--to", to]).args(more))
}

/// Pushes a document into a layout and into a registry, both of which must be left untouched, with
/// bounded memory; gives what was said.
fn refused(server: &Distribution, file: &Path, more: &[&str]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("images");
    let start = server.mark();
    let [layout, registry] =
        [format!("oci:{}:s", dir.display()), format!("{}/os/x", server.host())]
            .map(|to| push_within_limits(file, &to, more).failed(65));
    assert_eq!(layout, registry);
    assert!(!dir.exists(), "a layout was made");
    assert!(server.since(start).is_empty(), "the registry was asked");
    layout
}

/// The same for a document that a test makes.
fn refused_text(server: &Distribution, name: &str, text: &[u8], more: &[&str]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join(name);
    fs::write(&path, text).unwrap();
    let message = refused(server, &path, more);
    says(&message, &[path.to_str().unwrap()]);
    message
}

#[test]
fn every_bad_document_is_refused_by_name_and_nothing_is_written() {
    let server = Distribution::start();
    for (name, wanted) in FIXTURES {
        let path = machine_config("bad").join(name);
        let message = refused(&server, &path, &[]);
        says(&message, &[&[path.to_str().unwrap()], *wanted].concat());
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    // The limits are above what a good document needs.
    let scratch = tempfile::tempdir().unwrap();
    let to = format!("oci:{}", scratch.path().join("images").display());
    push_within_limits(&machine_config("rendered-worker.json"), &to, &[]).line();
}

#[test]
fn every_other_bad_document_is_refused_too() {
    let entries = fs::read_dir(machine_config("bad")).unwrap();
    let mut seen = 0;
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("images");
    for entry in entries {
        let path = entry.unwrap().path();
        let message = push(&path, &format!("oci:{}", dir.display()), &[]).failed(65);
        says(&message, &[path.to_str().unwrap()]);
        seen += 1;
    }
    assert!(seen > FIXTURES.len());
    assert!(!dir.exists());
}

#[test]
fn brackets_without_end_are_refused() {
    let server = Distribution::start();
    const DEPTH: usize = 200_000;
    for (name, text) in [
        ("open.json", "[".repeat(DEPTH)),
        ("closed.json", format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH))),
        ("objects.json", "{\"a\":".repeat(DEPTH)),
        ("flow.yaml", format!("a: {}", "[".repeat(DEPTH))),
        ("flow-maps.yaml", format!("a: {}", "{a: ".repeat(DEPTH))),
        ("dashes.yaml", "- ".repeat(DEPTH)),
        ("block.yaml", (0..2_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect()),
    ] {
        let message = refused_text(&server, name, text.as_bytes(), &[]);
        says(&message, &["100 levels"]);
    }
}

#[test]
fn yaml_that_multiplies_is_refused() {
    let server = Distribution::start();
    let doubled = |lines: usize, item: &str| {
        let mut text = format!("a0: &a0 [{item}]\n");
        for line in 1..lines {
            let below = line - 1;
            text.push_str(&format!("a{line}: &a{line} [*a{below}, *a{below}, *a{below}]\n"));
        }
        text
    };
    let long = format!("\"{}\"", "x".repeat(100_000));
    for (name, text, wanted) in [
        ("laughs.yaml", doubled(60, "x"), "250000 values"),
        ("text.yaml", doubled(12, &long), "bytes of text"),
        ("circle.yaml", "a: &a [*a]\n".to_owned(), "inside the value"),
        ("anchors.yaml", "&a ".repeat(100_000), "not valid YAML"),
    ] {
        let message = refused_text(&server, name, text.as_bytes(), &[]);
        says(&message, &[wanted]);
    }
}

#[test]
fn a_document_over_sixteen_mebibytes_is_refused_unless_the_limit_is_raised() {
    const LIMIT: usize = 16 << 20;
    let server = Distribution::start();
    let good = fs::read_to_string(machine_config("minimal.json")).unwrap();
    let padded = |length: usize| format!("{}{good}", " ".repeat(length - good.len())).into_bytes();
    let message = refused_text(&server, "large.json", &padded(LIMIT + 1), &[]);
    says(&message, &["more than 16777216 bytes", "--max-document-size"]);

    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("config.json");
    let to = format!("oci:{}", scratch.path().join("images").display());
    let wanted = push(&machine_config("minimal.json"), &to, &[]).line();
    fs::write(&path, padded(LIMIT)).unwrap();
    assert_eq!(push(&path, &to, &[]).line(), wanted);
    fs::write(&path, padded(LIMIT + 1)).unwrap();
    assert_eq!(push(&path, &to, &["--max-document-size", "16777217"]).line(), wanted);

    // The limit can be lowered as well, and standard input ends there without having ended.
    let mut command = layerwright();
    command.args(["push-rendered", "-", "--to", &to, "--max-document-size", "100"]);
    let message = finish_with_input(&mut command, &padded(1 << 20)).failed(65);
    says(&message, &["standard input", "more than 100 bytes"]);
    let message = run(["push-rendered", "/dev/zero", "--to", &to, "--max-document-size=65536"]);
    says(&message.failed(65), &["/dev/zero", "65536"]);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let server = Distribution::start();
    for (name, bytes, wanted) in [
        ("latin-1.yaml", &b"kind: M\xfcnster\n"[..], "offset 7"),
        ("utf-16.json", b"\xff\xfe{\0}\0", "offset 0"),
        ("nul.yaml", b"kind: \0\n", "not valid YAML"),
        ("empty.yaml", b"", "is empty"),
    ] {
        let message = refused_text(&server, name, bytes, &[]);
        says(&message, &[wanted]);
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let server = Distribution::start();
    let scratch = tempfile::tempdir().unwrap();
    let message = refused(&server, &scratch.path().join("gone.yaml"), &[]);
    says(&message, &["cannot read", "gone.yaml", "because: No such file"]);
    let message = refused(&server, scratch.path(), &[]);
    says(&message, &["cannot read", scratch.path().to_str().unwrap(), "because: "]);
}

#[test]
fn no_message_shows_what_a_config_holds() {
    let server = Distribution::start();
    let good = fs::read_to_string(machine_config("minimal.json")).unwrap();
    for (what, old, new) in [
        ("a key twice", "\"mode\": 420", "\"mode\": 420, \"x\": \"hunter2\", \"x\": \"hunter2\""),
        ("a wrong type", "\"files\": [", "\"files\": \"hunter2\", \"other\": ["),
        ("a wrong number", "420", "\"hunter2\", \"uid\": 4.2"),
        ("broken JSON", "data:,minimal%0A\"", "hunter2"),
        ("a wrong version", "\"3.2.0\"", "3, \"x\": \"hunter2\""),
    ] {
        assert!(good.contains(old), "{what}");
        let text = good.replace(old, new);
        let message = refused_text(&server, "secret.json", text.as_bytes(), &[]);
        assert!(!message.contains("hunter2"), "{what}: {message}");
    }
}
