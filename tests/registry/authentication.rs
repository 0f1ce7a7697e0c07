//! Credentials: taken, refused, missing; and never where they do not belong.

use layerwright::image::{Descriptor, media_type};
use layerwright::store::registry::{Class, Credentials, Registry, RegistryError, RegistryOptions};
use layerwright::store::{BlobSource, Reference, Store as _};

use super::support::registry::{Distribution, Wanted};
use super::support::scripted::{Scripted, reply};
use super::{options, registry_error};

const PASSWORD: &str = "correct horse";

fn with_login(host: String, username: &str, password: &str) -> RegistryOptions {
    RegistryOptions {
        credentials: Some(Credentials { username: username.into(), password: password.into() }),
        ..options(host)
    }
}

fn latest() -> Reference {
    Reference::Tag("latest".into())
}

/// Puts a small blob to `x`.
async fn put(options: RegistryOptions) -> Result<(), RegistryError> {
    let registry = Registry::new(options).unwrap();
    let descriptor = Descriptor::of(media_type::LAYER, b"blob");
    let source = BlobSource::Bytes(b"blob".to_vec());
    match registry.put_blob("x", &descriptor, source).await {
        Ok(()) => Ok(()),
        result => Err(registry_error(result)),
    }
}

#[tokio::test]
async fn the_right_password_opens_and_others_do_not() {
    let server =
        Distribution::start_as(&Wanted { login: Some(("puller", PASSWORD)), ..Wanted::default() });
    let start = server.mark();
    put(with_login(server.host(), "puller", PASSWORD)).await.unwrap();
    let verbs = server.verbs_since(start);
    assert_eq!(verbs, ["POST 202", "PUT 201"], "credentials go unasked");

    let start = server.mark();
    for (options, words) in [
        (with_login(server.host(), "puller", "wrong"), "does not accept these credentials"),
        (options(server.host()), "none were given"),
    ] {
        let error = put(options).await.unwrap_err();
        assert_eq!(error.class(), Class::Credentials);
        let text = error.to_string();
        let wanted = format!("to {}/os/x: the registry answered 401", server.host());
        assert!(text.contains(&wanted) && text.contains(words), "{text}");
        assert!(!text.contains("wrong"), "{text}");
    }
    assert_eq!(server.verbs_since(start), ["POST 401", "POST 401"]);
    let debug = format!("{:?}", with_login(server.host(), "puller", PASSWORD));
    assert!(!debug.contains(PASSWORD), "{debug}");
}

#[tokio::test]
async fn a_bearer_challenge_is_named() {
    let server = Scripted::start(|_| {
        let challenge = r#"Bearer realm="https://auth.example/token",service="s""#;
        reply("401 Unauthorized", &[("www-authenticate", challenge)], b"")
    });
    let error = put(options(server.host())).await.unwrap_err();
    assert_eq!(error.class(), Class::Credentials);
    let wanted = "the registry asks for a bearer token, which this version does not support yet";
    assert!(error.to_string().contains(wanted), "{error}");
}

#[tokio::test]
async fn credentials_stay_with_the_registry() {
    let digest = Descriptor::of(media_type::LAYER, b"blob").digest.to_string();
    let elsewhere = Scripted::start(move |seen| match seen.method.as_str() {
        "PUT" => reply("201 Created", &[("docker-content-digest", &digest)], b""),
        _ => reply("200 OK", &[], b"blob"),
    });
    let away = format!("http://{}/there?signature=a%3Db", elsewhere.host());
    let server = Scripted::start(move |seen| {
        let status = if seen.method == "GET" { "307 Temporary Redirect" } else { "202 Accepted" };
        reply(status, &[("location", &away)], b"")
    });
    let options = || with_login(server.host(), "puller", PASSWORD);
    put(options()).await.unwrap();
    let registry = Registry::new(options()).unwrap();
    let descriptor = Descriptor::of(media_type::LAYER, b"blob");
    let mut reader = registry.blob("x", &descriptor).await.unwrap();
    let mut blob = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut blob).await.unwrap();
    assert_eq!(blob, b"blob");

    assert_eq!(server.seen().len(), 2);
    for seen in server.seen() {
        assert!(seen.header("authorization").is_some(), "{seen:?}");
    }
    assert_eq!(elsewhere.verbs(), ["PUT /there", "GET /there"]);
    for seen in elsewhere.seen() {
        assert!(seen.header("authorization").is_none(), "{seen:?}");
        assert!(seen.path.starts_with("/there?signature=a%3Db"), "{seen:?}");
    }
}

#[tokio::test]
async fn credentials_do_not_go_over_plain_http_unasked() {
    // The address is reserved for documentation: nothing answers there, and nothing is asked.
    let plain = RegistryOptions {
        scheme: Some(layerwright::store::registry::Scheme::Http),
        ..with_login("192.0.2.1:5000".into(), "puller", PASSWORD)
    };
    let registry = Registry::new(plain).unwrap();
    let error = registry_error(registry.head("x", &latest()).await);
    assert!(matches!(error, RegistryError::PlainCredentials { .. }), "{error:?}");
    assert!(error.to_string().contains("--insecure 192.0.2.1:5000"));
    assert_eq!(error.class(), Class::Setup);
}
