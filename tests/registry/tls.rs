//! Https: whom the client trusts, and what it says when it does not.

use std::env;
use std::fs;
use std::io::Cursor;
use std::path::PathBuf;
use std::process::Command;

use layerwright::image::{Descriptor, media_type};
use layerwright::store::registry::{
    Class, Registry, RegistryError, RegistryOptions, Scheme, install_crypto_provider,
};
use layerwright::store::{BlobSource, Reference, Store as _};
use tokio::io::AsyncReadExt as _;

use super::support::registry::{Distribution, Wanted};
use super::{bytes, open, options, registry_error};

/// Set in the child process of the test of a machine without CA certificates.
const CHILD: &str = "LAYERWRIGHT_TEST_WITHOUT_CA_CERTIFICATES";

fn with_tls() -> Distribution {
    Distribution::start_as(&Wanted { tls: true, ..Wanted::default() })
}

fn trusting(host: String, ca: PathBuf) -> RegistryOptions {
    RegistryOptions { ca_file: Some(ca), ..options(host) }
}

async fn look(options: RegistryOptions) -> Result<(), RegistryError> {
    let registry = Registry::new(options)?;
    match registry.head("x", &Reference::Tag("latest".into())).await {
        Ok(None) => Ok(()),
        result => Err(registry_error(result)),
    }
}

#[tokio::test]
async fn a_named_authority_is_trusted_and_no_other() {
    let server = with_tls();
    let start = server.mark();
    look(trusting(server.host(), server.ca())).await.unwrap();
    assert_eq!(server.verbs_since(start), ["HEAD 404"]);

    let start = server.mark();
    let other = with_tls();
    for options in [
        trusting(server.host(), other.ca()),
        RegistryOptions { scheme: Some(Scheme::Https), ..options(server.host()) },
    ] {
        let error = look(options).await.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable);
        let text = error.to_string();
        assert!(text.contains("certificate is not trusted here"), "{text}");
        assert!(text.contains("--ca-file"), "{text}");
    }
    assert!(server.since(start).is_empty());
}

#[tokio::test]
async fn blobs_pass_over_https_whole_or_not_at_all() {
    let server = with_tls();
    let registry = Registry::new(trusting(server.host(), server.ca())).unwrap();
    let blob = bytes(3_000_000);
    let descriptor = Descriptor::of(media_type::LAYER, &blob);
    let mut flipped = blob.clone();
    flipped[0] ^= 1;
    let source = |bytes: &[u8]| BlobSource::Reader(Box::pin(Cursor::new(bytes.to_vec())));

    let put = registry.put_blob("x", &descriptor, source(&flipped)).await;
    let error = registry_error(put);
    assert!(matches!(error, RegistryError::Content { .. }), "{error:?}");
    assert!(!registry.has_blob("x", &descriptor).await.unwrap());

    registry.put_blob("x", &descriptor, source(&blob)).await.unwrap();
    let mut reader = registry.blob("x", &descriptor).await.unwrap();
    let mut out = Vec::new();
    reader.read_to_end(&mut out).await.unwrap();
    assert!(out == blob, "the blob differs");
}

#[tokio::test]
async fn an_insecure_registry_may_have_any_certificate_or_none() {
    for server in [with_tls(), Distribution::start()] {
        let start = server.mark();
        let insecure = RegistryOptions { insecure: true, ..options(server.host()) };
        look(insecure).await.unwrap();
        assert_eq!(server.verbs_since(start), ["HEAD 404"]);
    }
}

#[tokio::test]
async fn a_ca_file_does_not_stand_in_the_way_of_plain_http_on_loopback() {
    let (plain, secure) = (Distribution::start(), with_tls());
    let registry = Registry::new(trusting(plain.host(), secure.ca())).unwrap();
    let start = plain.mark();
    let latest = Reference::Tag("latest".into());
    // Two at once find out at once, and a third knows.
    let (first, second) = tokio::join!(registry.head("x", &latest), registry.head("y", &latest));
    assert_eq!((first.unwrap(), second.unwrap()), (None, None));
    assert_eq!(registry.head("x", &latest).await.unwrap(), None);
    assert_eq!(plain.verbs_since(start), ["HEAD 404"; 3]);
}

#[tokio::test]
async fn https_where_there_is_none_says_so() {
    let server = Distribution::start();
    let https = RegistryOptions { scheme: Some(Scheme::Https), ..options(server.host()) };
    let error = look(https).await.unwrap_err();
    assert!(error.to_string().contains("there is no TLS"), "{error}");
}

#[tokio::test]
async fn nobody_there_says_so() {
    let host = Distribution::start().host();
    let error = look(options(host)).await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    assert!(error.to_string().contains("no connection"), "{error}");
}

#[test]
fn a_ca_file_without_a_certificate_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (path, words) in [
        (file("empty", ""), "no PEM certificate"),
        (file("text", "hello"), "no PEM certificate"),
        (file("key", key), "no PEM certificate"),
        (file("damaged", &key.replace("PRIVATE KEY", "CERTIFICATE")), "damaged"),
        (file("long", &"x".repeat(5 << 20)), "longer"),
        (dir.path().join("missing"), "cannot be read"),
        (dir.path().to_owned(), "cannot be read"),
    ] {
        let error = Registry::new(trusting("h.example".into(), path.clone())).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(words), "{text}");
        assert!(text.contains(&path.display().to_string()), "{text}");
        assert_eq!(error.class(), Class::Setup);
    }
}

/// Runs itself in a process whose system certificates are not to be found, and whose proxy is dead:
/// this machine's own addresses need neither.
#[test]
fn without_ca_certificates_https_says_what_to_do_and_loopback_works() {
    if env::var_os(CHILD).is_none() {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("tls::without_ca_certificates_https_says_what_to_do_and_loopback_works")
            .env(CHILD, "1")
            .env("SSL_CERT_FILE", "/does/not/exist")
            .env_remove("SSL_CERT_DIR")
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .env("http_proxy", "http://127.0.0.1:1")
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{output:?}");
        assert!(text.contains("the child has done it"), "{text}");
        return;
    }
    install_crypto_provider();
    let error = Registry::new(options("h.example".into())).unwrap_err();
    assert!(matches!(error, RegistryError::NoCaCertificates), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("ca-certificates") && text.contains("--ca-file"), "{text}");
    let (plain, secure) = (Distribution::start(), with_tls());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let found = open(plain.host()).head("x", &Reference::Tag("latest".into())).await;
        assert_eq!(found.unwrap(), None);
        look(trusting(secure.host(), secure.ca())).await.unwrap();
    });
    println!("the child has done it");
}
