//! `layerwright push-rendered` as a whole: against a real registry, request by request, and into
//! layouts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests throughout, helpers included"
)]

mod support;

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use base64::Engine as _;
use serde_json::{Value, json};
use support::program::{
    Run, digest_of, finish, finish_with_input, fixture, layerwright, machine_config, run,
};
use support::registry::{Distribution, Logged, Wanted};

const NAME: &str = "rendered-minimal-00000000000000000000000000000001";

/// Runs `push-rendered` on `fixtures/machineconfigs/minimal.json`.
fn push(to: &str, more: &[&str]) -> Run {
    let config = machine_config("minimal.json");
    let arguments = ["push-rendered", config.to_str().unwrap(), "--to", to];
    run(arguments.iter().chain(more))
}

/// A request as method, status, and what it is about.
fn shown(request: &Logged) -> String {
    let about = request.path.split('?').next().unwrap();
    let about = about.split_once("/v2/os/layered-rendered-config/").unwrap().1;
    let about = if about.starts_with("blobs/uploads") { "blobs/uploads" } else { about };
    format!("{} {} {about}", request.method, request.status)
}

#[test]
fn a_new_image_takes_six_requests_and_an_unchanged_one_takes_one() {
    let server = Distribution::start();
    let repository = format!("{}/os/layered-rendered-config", server.host());

    let start = server.mark();
    let line = push(&repository, &[]).line();
    assert_eq!(line.split('@').next(), Some(repository.as_str()), "{line}");
    let requests: Vec<String> = server.since(start).iter().map(shown).collect();
    assert_eq!(requests.first().unwrap(), "HEAD 404 manifests/latest");
    assert_eq!(requests.last().unwrap(), "PUT 201 manifests/latest", "the tag moves last");
    let mut blobs = requests[1..requests.len() - 1].to_vec();
    blobs.sort();
    let [post, put] = ["POST 202 blobs/uploads", "PUT 201 blobs/uploads"];
    assert_eq!(blobs, [post, post, put, put], "two blobs, and nothing else");

    for to in [repository.clone(), format!("docker://{repository}:latest")] {
        let start = server.mark();
        assert_eq!(push(&to, &[]).line(), line);
        let requests: Vec<String> = server.since(start).iter().map(shown).collect();
        assert_eq!(requests, ["HEAD 200 manifests/latest"], "{to}");
    }
}

#[test]
fn a_further_tag_is_one_request_more() {
    let server = Distribution::start();
    let repository = format!("{}/os/layered-rendered-config", server.host());
    let verbs = |tags: &[&str]| {
        let start = server.mark();
        let arguments: Vec<&str> = tags.iter().flat_map(|tag| ["--tag", tag]).collect();
        let line = push(&repository, &arguments).line();
        (line, server.verbs_since(start).join(", "))
    };
    // In the run that pushes the image: six, and one.
    let (line, requests) = verbs(&[NAME]);
    assert_eq!(requests.split(", ").count(), 7, "{requests}");
    assert!(requests.ends_with("PUT 201, PUT 201"), "{requests}");
    // Later: whether it is there, and the tag. Its blobs are there with `latest`.
    assert_eq!(
        verbs(&[NAME, "later"]),
        (line.clone(), "HEAD 200, HEAD 200, HEAD 404, PUT 201".into())
    );
    // The same tag twice is one tag.
    assert_eq!(verbs(&["later", "latest", "later"]), (line.clone(), "HEAD 200, HEAD 200".into()));
    for tag in ["latest", NAME, "later"] {
        let found = run(["inspect", &format!("{repository}:{tag}"), "--output=json"]).json();
        assert_eq!(found["digest"], digest_of(&line), "{tag}");
    }
}

#[test]
fn a_check_says_what_would_be_pushed_and_pushes_nothing() {
    let server = Distribution::start();
    let repository = format!("{}/os/layered-rendered-config", server.host());
    let check = |more: &[&str]| {
        let start = server.mark();
        let run = push(&repository, &[&["--check"], more].concat());
        for request in server.since(start) {
            assert_eq!(request.method, "HEAD", "{request:?}");
        }
        run
    };
    let before = check(&[]);
    assert_eq!((before.code, before.stderr.as_str()), (2, "would push latest\n"));
    let line = push(&repository, &[]).line();
    assert_eq!(before.stdout, format!("{line}\n"), "the digest is known before");
    let after = check(&[]);
    assert_eq!(
        (after.code, after.stdout.as_str(), after.stderr.as_str()),
        (0, &*before.stdout, "")
    );
    let with_tag = check(&["--tag", "v2"]);
    assert_eq!((with_tag.code, with_tag.stderr.as_str()), (2, "would push v2\n"));

    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("images");
    let to = format!("oci:{}", dir.display());
    assert_eq!(push(&to, &["--check"]).code, 2);
    assert!(!dir.exists(), "a check makes no layout");
    push(&to, &[]).line();
    let changed = newest(&dir);
    assert_eq!(push(&to, &["--check"]).code, 0);
    assert_eq!(newest(&dir), changed);
}

/// When something below a directory was last changed.
fn newest(dir: &Path) -> std::time::SystemTime {
    let entries = walkdir::WalkDir::new(dir).into_iter();
    entries.map(|entry| entry.unwrap().metadata().unwrap().modified().unwrap()).max().unwrap()
}

#[test]
fn a_registry_and_a_layout_hold_the_same_image() {
    let server = Distribution::start();
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("images");
    let shown = format!("oci:{}", dir.display());
    let registry = push(&format!("{}/a/b:t", server.host()), &[]).line();
    for (to, more) in [
        (shown.clone(), &[][..]),
        (format!("{shown}:layered-rendered-config"), &[]),
        (format!("{shown}:layered-rendered-config:{NAME}"), &["--tag", "also"]),
    ] {
        let line = push(&to, more).line();
        assert_eq!(line, format!("{shown}@{}", digest_of(&registry)), "{to}");
    }
    let index: Value =
        serde_json::from_slice(&std::fs::read(dir.join("index.json")).unwrap()).unwrap();
    let mut names: Vec<&str> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let stream = "layered-rendered-config";
    let named = [NAME, "also", "latest"].map(|tag| format!("{stream}:{tag}"));
    let mut wanted: Vec<&str> = named.iter().map(String::as_str).chain(["latest"]).collect();
    wanted.sort_unstable();
    assert_eq!(names, wanted);
}

#[test]
fn programs_get_json() {
    let server = Distribution::start();
    let repository = format!("{}/os/layered-rendered-config", server.host());
    let said = push(&repository, &["--tag", "v1", "--output", "json"]).json();
    let digest = said["digest"].as_str().unwrap().to_owned();
    let wanted = |changed: &[&str]| {
        json!({
            "reference": format!("{repository}@{digest}"),
            "digest": digest,
            "machineConfig": NAME,
            "tags": ["latest", "v1"],
            "changedTags": changed,
        })
    };
    assert_eq!(said, wanted(&["latest", "v1"]));
    assert_eq!(push(&repository, &["--tag=v1", "--output=json"]).json(), wanted(&[]));

    let stderr = push("127.0.0.1:1/x", &["--output", "json"]).failed(1);
    let said: Value = serde_json::from_str(&stderr).unwrap();
    assert_eq!(said["error"]["exitCode"], 1);
    assert!(said["error"]["causes"][0].as_str().unwrap().contains("127.0.0.1:1"), "{said}");
}

#[test]
fn a_config_is_read_from_standard_input() {
    let scratch = tempfile::tempdir().unwrap();
    let to = format!("oci:{}", scratch.path().join("images").display());
    let from_file = push(&to, &[]).line();
    let bytes = std::fs::read(machine_config("minimal.json")).unwrap();
    let mut command = layerwright();
    command.args(["push-rendered", "-", "--to", &to]);
    assert_eq!(finish_with_input(&mut command, &bytes).line(), from_file);
    let stderr = finish_with_input(&mut command, b"kind: Pod\n").failed(65);
    assert!(stderr.contains("standard input") && stderr.contains("Pod"), "{stderr}");
}

#[test]
fn the_platform_is_part_of_the_image() {
    let scratch = tempfile::tempdir().unwrap();
    let to = format!("oci:{}", scratch.path().join("images").display());
    let amd64 = push(&to, &[]).line();
    assert_eq!(push(&to, &["--platform", "linux/amd64"]).line(), amd64);
    let arm64 = push(&format!("{to}:arm64"), &["--platform", "linux/arm64"]).line();
    assert_ne!(arm64, amd64);
    let found = run(["inspect", &format!("{to}:arm64:latest"), "--output=json"]).json();
    assert_eq!(found["platform"], "linux/arm64");
    let stderr = push(&to, &["--platform", "arm64"]).failed(64);
    assert!(stderr.contains("\"arm64\"") && stderr.contains("linux/amd64"), "{stderr}");
}

#[test]
fn a_name_that_is_no_tag_is_no_hindrance() {
    let scratch = tempfile::tempdir().unwrap();
    let config = std::fs::read_to_string(machine_config("minimal.json")).unwrap();
    let path = scratch.path().join("config.json");
    std::fs::write(&path, config.replace(NAME, "no tag: ü")).unwrap();
    let dir = scratch.path().join("images");
    let to = format!("oci:{}:s", dir.display());
    run([Path::new("push-rendered"), &path, Path::new("--to"), Path::new(&to)]).line();
    let found = run(["inspect", &format!("{to}:latest"), "--output=json"]).json();
    assert_eq!(found["labels"]["machineconfig"], "no tag: ü");

    let server = Distribution::start();
    let to = format!("{}/os/x", server.host());
    let start = server.mark();
    for tag in ["no tag", ":", "", ".x", &"x".repeat(129)] {
        let stderr = push(&to, &["--tag", tag]).failed(64);
        let named = &tag[..tag.len().min(20)];
        assert!(stderr.contains(named) && stderr.contains("\" is no tag"), "{stderr}");
    }
    assert!(server.since(start).is_empty());
}

#[test]
fn credentials_come_from_an_auth_file() {
    const PASSWORD: &str = "correct horse";
    let server =
        Distribution::start_as(&Wanted { login: Some(("pusher", PASSWORD)), ..Wanted::default() });
    let scratch = tempfile::tempdir().unwrap();
    let authfile = |name: &str, password: &str| {
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("pusher:{password}"));
        let path = scratch.path().join(name);
        let text = json!({ "auths": { server.host(): { "auth": &auth } } }).to_string();
        std::fs::write(&path, text).unwrap();
        (path.to_str().unwrap().to_owned(), auth)
    };
    let (right, right_auth) = authfile("right.json", PASSWORD);
    let (wrong, wrong_auth) = authfile("wrong.json", "wrong battery");
    let repository = format!("{}/os/layered-rendered-config", server.host());
    let line = push(&repository, &["--authfile", &right]).line();

    // The same by the environment, with everything that can be logged.
    let mut command = layerwright();
    command
        .arg("push-rendered")
        .arg(machine_config("minimal.json"))
        .args(["--to", &repository, "--tag", "logged"])
        .env("REGISTRY_AUTH_FILE", &right)
        .env("LAYERWRIGHT_LOG", "trace");
    let logged = finish(&mut command);
    assert!(logged.stderr.contains(&server.host()), "nothing is logged: {}", logged.stderr);
    for secret in [PASSWORD, &right_auth] {
        assert!(!logged.stderr.contains(secret), "{}", logged.stderr);
    }
    assert_eq!(logged.line(), line);

    let start = server.mark();
    for (arguments, words) in [
        (&["--authfile", wrong.as_str()][..], "does not accept these credentials"),
        (&[], "none were given"),
    ] {
        let stderr = push(&repository, arguments).failed(1);
        for wanted in [&repository, "401", words] {
            assert!(stderr.contains(wanted), "{wanted:?} is not in: {stderr}");
        }
        for secret in ["wrong battery", &wrong_auth] {
            assert!(!stderr.contains(secret), "{stderr}");
        }
    }
    assert_eq!(server.verbs_since(start), ["HEAD 401", "HEAD 401"], "nothing is tried twice");

    for (name, text, code, words) in [
        ("gone.json", None, 1, "cannot read the auth file"),
        ("bad.json", Some("{\"auths\": [\"c2VjcmV0\"]}"), 65, "auth file"),
    ] {
        let path = scratch.path().join(name);
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let stderr = push(&repository, &["--authfile", path.to_str().unwrap()]).failed(code);
        assert!(stderr.contains(words) && stderr.contains(name), "{stderr}");
        assert!(!stderr.contains("c2VjcmV0"), "{stderr}");
    }
}

#[test]
fn tls_is_verified_unless_told_otherwise() {
    let server = Distribution::start_as(&Wanted { tls: true, ..Wanted::default() });
    let (host, ca) = (server.host(), server.ca());
    let repository = format!("{host}/os/layered-rendered-config");
    let verified = push(&repository, &["--ca-file", ca.to_str().unwrap()]).line();
    assert_eq!(push(&repository, &["--insecure", &host]).line(), verified);
    // Of another host nobody said that it is insecure.
    let stderr = push(&repository, &["--insecure", "localhost:1"]).failed(1);
    assert!(stderr.contains(&repository), "{stderr}");
    let other = tempfile::tempdir().unwrap();
    let other = support::certificates::Certificates::make(other.path());
    let stderr = push(&repository, &["--ca-file", other.ca.to_str().unwrap()]).failed(1);
    assert!(stderr.contains(&host) && stderr.contains("certificate"), "{stderr}");
}

#[test]
fn a_registry_that_is_not_there_is_named() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let repository = format!("127.0.0.1:{port}/os/x");
    let stderr = push(&repository, &[]).failed(1);
    assert!(stderr.starts_with("error: ") && stderr.contains(&repository), "{stderr}");
    assert!(stderr.contains("because: ") && stderr.contains("refused"), "{stderr}");
}

#[test]
fn what_nothing_can_be_pushed_to_is_wrong_usage() {
    let digest = format!("127.0.0.1:5000/x@sha256:{}", "0".repeat(64));
    let root = format!("dir:{}", fixture("roots/minimal").display());
    for (to, words) in [
        (digest.as_str(), "not a digest"),
        (&root, "oci:DIR"),
        ("tar:x.tar", "oci:DIR"),
        ("no-host", "no-host"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("127.0.0.1:5000/UPPER", "UPPER"),
        ("127.0.0.1:5000/x:", "127.0.0.1:5000/x:"),
        ("oci:", "oci:"),
        ("", "\"\""),
    ] {
        let stderr = push(to, &[]).failed(64);
        assert!(stderr.contains(words), "{to:?} gave {stderr}");
    }
}
