//! Replies that the real registry does not give: legal ones that are rare, and broken ones.

use layerwright::image::{Descriptor, Digest, media_type};
use layerwright::store::registry::{Class, Registry, RegistryError, ReplyFault};
use layerwright::store::{BlobSource, RawManifest, Reference, Store as _};

use super::support::scripted::{Scripted, reply};
use super::{image, open, registry_error};

const BLOB: &[u8] = b"blob";

fn latest() -> Reference {
    Reference::Tag("latest".into())
}

fn layer() -> Descriptor {
    Descriptor::of(media_type::LAYER, BLOB)
}

async fn put(registry: &Registry) -> Result<(), layerwright::store::StoreError> {
    let source = BlobSource::Bytes(BLOB.to_vec());
    registry.put_blob("x", &layer(), source).await
}

fn fault<T: std::fmt::Debug>(result: Result<T, layerwright::store::StoreError>) -> ReplyFault {
    match registry_error(result) {
        RegistryError::Protocol { fault, .. } => *fault,
        other => panic!("no fault of the protocol: {other:?}"),
    }
}

#[tokio::test]
async fn every_legal_location_is_followed_with_its_query() {
    for (location, path) in [
        (
            "/v2/os/x/blobs/uploads/7?_state=a%3D%3D&b=",
            "/v2/os/x/blobs/uploads/7?_state=a%3D%3D&b=&",
        ),
        ("7?_state=x", "/v2/os/x/blobs/uploads/7?_state=x&"),
        ("../u", "/v2/os/x/blobs/u?"),
        ("?s", "/v2/os/x/blobs/uploads/?s&"),
        ("http://HOST/far/away", "/far/away?"),
        ("//HOST/other", "/other?"),
    ] {
        let server = Scripted::start(move |seen| match seen.method.as_str() {
            "POST" => {
                let host = seen.header("host").unwrap();
                let location = location.replace("HOST", host);
                reply("202 Accepted", &[("location", &location)], b"")
            }
            _ => reply("201 Created", &[], b""),
        });
        put(&open(server.host())).await.unwrap();
        let seen = server.seen();
        assert_eq!(seen.len(), 2, "{location}");
        let digest = format!("{path}digest=sha256%3A{}", layer().digest.hex());
        assert_eq!(seen[1].path, digest, "{location}");
        assert_eq!(seen[1].body, BLOB);
        assert_eq!(seen[1].header("content-length"), Some("4"));
        let agent = concat!("layerwright/", env!("CARGO_PKG_VERSION"));
        assert_eq!(seen[1].header("user-agent"), Some(agent));
    }
}

#[tokio::test]
async fn locations_that_lead_nowhere_are_errors() {
    for (headers, wanted) in [
        (&[][..], "NoLocation"),
        (&[("location", "")], "Location"),
        (&[("location", "ftp://h.example/?token=s3cret")], "Location"),
        (&[("location", "http://u:s3cret@h.example/")], "Location"),
        (&[("location", "http://[")], "Location"),
    ] {
        let server = Scripted::start(move |_| reply("202 Accepted", headers, b""));
        let registry = open(server.host());
        let found = fault(put(&registry).await);
        assert!(format!("{found:?}").starts_with(wanted), "{found:?}");
        assert!(!found.to_string().contains("s3cret"));
        let mounted = registry.mount_blob("x", &layer(), "y").await;
        assert!(format!("{:?}", fault(mounted)).starts_with(wanted));
        assert_eq!(server.seen().len(), 2, "nothing more is asked");
    }
}

#[tokio::test]
async fn a_head_without_a_digest_is_answered_by_a_get() {
    let manifest = image(b"{}", BLOB);
    let bytes = manifest.bytes.clone();
    let server = Scripted::start(move |_| {
        reply("200 OK", &[("content-type", media_type::MANIFEST)], &bytes)
    });
    let found = open(server.host()).head("x", &latest()).await.unwrap();
    assert_eq!(found, Some(manifest.descriptor));
    let path = "/v2/os/x/manifests/latest";
    assert_eq!(server.verbs(), [format!("HEAD {path}"), format!("GET {path}")]);
    for seen in server.seen() {
        let accepted = seen.header("accept").unwrap();
        assert!(accepted.contains(media_type::DOCKER_INDEX), "{accepted}");
    }
}

#[tokio::test]
async fn a_manifest_put_needs_no_location() {
    let server = Scripted::start(|_| reply("201 Created", &[], b""));
    let manifest = image(b"{}", BLOB);
    let digest = Reference::Digest(manifest.descriptor.digest);
    let registry = open(server.host());
    for reference in [latest(), digest] {
        let put = registry.put_manifest("x", &reference, &manifest);
        put.await.unwrap();
    }
    let seen = server.seen();
    assert_eq!(seen[0].body, manifest.bytes);
    assert_eq!(seen[0].header("content-type"), Some(media_type::MANIFEST));
}

#[tokio::test]
async fn a_digest_that_is_not_the_one_sent_or_asked_is_an_error() {
    let other = Digest::of(b"other").to_string();
    let server = Scripted::start(move |seen| {
        let headers = [
            ("docker-content-digest", other.as_str()),
            ("content-type", media_type::MANIFEST),
            ("location", "/u"),
        ];
        let status = match seen.method.as_str() {
            "POST" if seen.path.contains("mount") => "201 Created",
            "POST" => "202 Accepted",
            "PUT" => "201 Created",
            _ => "200 OK",
        };
        reply(status, &headers, b"{}")
    });
    let registry = open(server.host());
    let manifest = image(b"{}", BLOB);
    let digest = Reference::Digest(manifest.descriptor.digest);
    let faults = [
        fault(registry.put_manifest("x", &latest(), &manifest).await),
        fault(registry.head("x", &digest).await),
        fault(registry.manifest("x", &digest).await),
        fault(registry.manifest("x", &latest()).await),
        fault(put(&registry).await),
        fault(registry.mount_blob("x", &layer(), "y").await),
    ];
    for fault in faults {
        assert!(matches!(fault, ReplyFault::Digest { .. }), "{fault:?}");
    }
}

#[tokio::test]
async fn redirects_of_reads_end_and_uploads_follow_none() {
    let server = Scripted::start(|seen| {
        let location = format!("{}x", seen.path);
        reply("307 Temporary Redirect", &[("location", &location)], b"")
    });
    let registry = open(server.host());
    let found = fault(registry.manifest("x", &latest()).await);
    assert_eq!(found, ReplyFault::TooManyRedirects(5));
    assert_eq!(server.seen().len(), 6);
    let manifest = image(b"{}", BLOB);
    for found in
        [fault(put(&registry).await), fault(registry.put_manifest("x", &latest(), &manifest).await)]
    {
        let to = format!("http://{}", server.host());
        assert_eq!(found, ReplyFault::Redirected { to });
    }
    assert_eq!(server.seen().len(), 8);
}

#[tokio::test]
async fn a_registry_that_will_not_mount_gets_the_blob_instead() {
    for status in ["400 Bad Request", "403 Forbidden", "404 Not Found", "405 Method Not Allowed"] {
        let server = Scripted::start(move |_| reply(status, &[], b""));
        let mounted = open(server.host()).mount_blob("x", &layer(), "y").await;
        assert!(!mounted.unwrap(), "{status}");
        let path =
            format!("/v2/os/x/blobs/uploads/?mount=sha256%3A{}&from=os%2Fy", layer().digest.hex());
        assert_eq!(server.seen()[0].path, path);
    }
    for status in ["401 Unauthorized", "429 Too Many Requests", "503 Service Unavailable"] {
        let server = Scripted::start(move |_| reply(status, &[], b""));
        let mounted = open(server.host()).mount_blob("x", &layer(), "y").await;
        registry_error(mounted);
    }
}

#[tokio::test]
async fn refusals_are_passed_on_in_the_registrys_words() {
    let body =
        b"{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"slow \\u001b[31mdown\"}]}";
    for (status, class, remedy) in [
        ("429 Too Many Requests", Class::Throttled, "try again later"),
        ("413 Payload Too Large", Class::Throttled, "limit on sizes"),
        ("503 Service Unavailable", Class::Throttled, "trouble of its own"),
    ] {
        let server = Scripted::start(move |_| reply(status, &[], body));
        let error = registry_error(put(&open(server.host())).await);
        assert_eq!(error.class(), class);
        let text = error.to_string();
        let wanted = format!("the registry answered {status} (slow [31mdown); ");
        assert!(text.contains(&wanted) && text.contains(remedy), "{text}");
    }
}

#[tokio::test]
async fn a_blob_that_is_refused_at_the_end_is_cancelled() {
    let server = Scripted::start(|seen| match seen.method.as_str() {
        "POST" => reply("202 Accepted", &[("location", "/session?s=1")], b""),
        "PUT" => reply("400 Bad Request", &[], b""),
        _ => reply("204 No Content", &[], b""),
    });
    let error = registry_error(put(&open(server.host())).await);
    assert_eq!(error.class(), Class::Refused);
    let posted = "POST /v2/os/x/blobs/uploads/";
    assert_eq!(server.verbs(), [posted, "PUT /session", "DELETE /session"]);
    assert_eq!(server.seen()[2].path, "/session?s=1");
}

#[tokio::test]
async fn a_media_type_is_found_in_the_document_where_the_header_is_plain() {
    let manifest = image(b"{}", BLOB);
    let bytes = manifest.bytes.clone();
    let server =
        Scripted::start(move |_| reply("200 OK", &[("content-type", "application/json")], &bytes));
    let found: RawManifest = open(server.host()).manifest("x", &latest()).await.unwrap().unwrap();
    assert_eq!(found.descriptor, manifest.descriptor);
}
