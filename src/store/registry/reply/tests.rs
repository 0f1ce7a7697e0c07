use super::{
    ACCEPTED_MANIFESTS, challenge_schemes, committed, described, manifest, refusal, wants_bearer,
};
use crate::image::{Digest, media_type};
use crate::store::Reference;
use crate::store::registry::error::Operation;
use crate::store::registry::fault::ReplyFault;
use proptest::prelude::*;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    headers
}

fn latest() -> Reference {
    Reference::Tag("latest".into())
}

const DOCUMENT: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#;

#[test]
fn all_kinds_of_manifests_that_are_known_are_asked_for() {
    let known = [
        media_type::MANIFEST,
        media_type::INDEX,
        media_type::DOCKER_MANIFEST,
        media_type::DOCKER_INDEX,
    ];
    assert_eq!(ACCEPTED_MANIFESTS, known.join(", "));
}

#[test]
fn a_full_head_describes_the_manifest() {
    let digest = Digest::of(DOCUMENT);
    let full = headers(&[
        ("docker-content-digest", &digest.to_string()),
        ("content-type", "application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
        ("content-length", "123"),
    ]);
    let descriptor = described(&full, &latest()).unwrap().unwrap();
    assert_eq!(descriptor.digest, digest);
    assert_eq!(descriptor.media_type, media_type::MANIFEST);
    assert_eq!(descriptor.size, 123);
    assert_eq!(
        described(&full, &Reference::Digest(Digest::of(b"other"))),
        Err(ReplyFault::Digest { expected: Digest::of(b"other"), found: digest })
    );
}

#[test]
fn a_head_that_does_not_tell_enough_describes_nothing() {
    let digest = Digest::of(b"").to_string();
    let kind = ("content-type", media_type::MANIFEST);
    let named = ("docker-content-digest", digest.as_str());
    let length = ("content-length", "1");
    for pairs in [
        &[kind, length][..],
        &[named, kind],
        &[named, length],
        &[named, length, ("content-type", "application/json")],
        &[named, length, ("content-type", "text/html")],
        &[named, kind, ("content-length", "-1")],
        &[kind, length, ("docker-content-digest", "sha512:ab")],
    ] {
        let headers = headers(pairs);
        assert_eq!(described(&headers, &latest()), Ok(None), "{pairs:?}");
    }
    let garbage = headers(&[("docker-content-digest", "sha256:short"), kind, length]);
    assert!(matches!(described(&garbage, &latest()), Err(ReplyFault::DigestHeader(_))));
}

#[test]
fn a_manifest_is_what_its_digest_and_types_say() {
    let digest = Digest::of(DOCUMENT);
    let oci = ("content-type", media_type::MANIFEST);
    for (pairs, bytes, reference, fault) in [
        (&[oci][..], DOCUMENT, latest(), None),
        (&[], DOCUMENT, latest(), None),
        (&[("content-type", "application/json")], DOCUMENT, latest(), None),
        (&[oci], b"{}", latest(), None),
        (&[oci], DOCUMENT, Reference::Digest(digest), None),
        (&[oci], DOCUMENT, Reference::Digest(Digest::of(b"")), Some("Digest")),
        (&[oci, ("docker-content-digest", "sha256:zz")], DOCUMENT, latest(), Some("DigestHeader")),
        (&[("content-type", media_type::INDEX)], DOCUMENT, latest(), Some("MediaTypes")),
        (&[], b"{}", latest(), Some("NotAManifest")),
        (&[oci], b"", latest(), Some("NotAManifest")),
        (&[oci], b"<html>", latest(), Some("NotAManifest")),
        (&[oci], b"{\"mediaType\":7}", latest(), Some("NotAManifest")),
        (&[oci], b"\xff", latest(), Some("NotAManifest")),
    ] {
        let found = manifest(&headers(pairs), bytes.to_vec(), &reference);
        match (found, fault) {
            (Ok(found), None) => {
                assert_eq!(found.descriptor.media_type, media_type::MANIFEST);
                assert_eq!(found.descriptor.digest, Digest::of(bytes));
                assert_eq!(found.descriptor.size, bytes.len() as u64);
            }
            (Err(found), Some(fault)) => {
                let variant = format!("{found:?}");
                let exact = variant.split(['(', ' ']).next();
                assert_eq!(exact, Some(fault), "{pairs:?}");
            }
            (found, wanted) => panic!("{pairs:?} gave {found:?}, not {wanted:?}"),
        }
    }
    let other = Digest::of(b"other").to_string();
    let wrong = headers(&[oci, ("docker-content-digest", &other)]);
    assert!(matches!(
        manifest(&wrong, DOCUMENT.to_vec(), &latest()),
        Err(ReplyFault::Digest { .. })
    ));
}

#[test]
fn deep_documents_are_refused_not_followed() {
    let deep = format!("{{\"a\":{}", "[".repeat(200_000));
    assert!(matches!(
        manifest(&HeaderMap::new(), deep.into_bytes(), &latest()),
        Err(ReplyFault::NotAManifest(_))
    ));
}

#[test]
fn only_201_or_the_digest_says_that_content_is_stored() {
    let digest = Digest::of(b"x");
    let right = headers(&[("docker-content-digest", &digest.to_string())]);
    let wrong = headers(&[("docker-content-digest", &Digest::of(b"y").to_string())]);
    let none = HeaderMap::new();
    for (status, headers, good) in [
        (201, &none, true),
        (201, &right, true),
        (201, &wrong, false),
        (200, &none, false),
        (200, &right, true),
        (202, &none, false),
        (204, &right, true),
        (204, &wrong, false),
        (206, &right, false),
        (304, &right, false),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let found = committed(status, headers, digest);
        assert_eq!(found.is_ok(), good, "{status}: {found:?}");
    }
}

#[test]
fn every_status_has_a_remedy() {
    for status in 100..1000 {
        let status = StatusCode::from_u16(status).unwrap();
        for operation in [Operation::PutBlob, Operation::GetManifest] {
            for authenticated in [true, false] {
                let refusal = refusal(operation, status, b"", authenticated);
                assert!(!refusal.remedy.is_empty());
            }
        }
    }
}

#[test]
fn challenges_are_told_apart() {
    for (values, bearer) in [
        (&["Bearer realm=\"https://a/token\",service=\"s\""][..], true),
        (&["bearer"], true),
        (&["Basic realm=\"Bearer\""], false),
        (&["Basic realm=x, Bearer realm=y"], false),
        (&["Negotiate", "Bearer realm=\"a, Basic b\""], true),
        (&["Bearer realm=\"a\\\", Basic \""], true),
        (&["Bearer realm=\"a\"", "Basic realm=\"b\""], false),
        (&["Bearer realm = \"a\", service = \"b\""], true),
        (&["realm=\"Bearer\""], false),
        (&[""], false),
    ] {
        let pairs: Vec<_> = values.iter().map(|v| ("www-authenticate", *v)).collect();
        assert_eq!(wants_bearer(&headers(&pairs)), bearer, "{values:?}");
    }
    assert!(!wants_bearer(&HeaderMap::new()));
}

proptest! {
    #[test]
    fn no_header_bytes_panic(
        digest in proptest::collection::vec(any::<u8>(), 0..80),
        kind in proptest::collection::vec(any::<u8>(), 0..80),
        length in proptest::collection::vec(any::<u8>(), 0..30),
        challenge in "[A-Za-z=\", \\\\]{0,60}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
        status in 100_u16..1000,
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("docker-content-digest", digest.as_slice()),
            ("content-type", &kind),
            ("content-length", &length),
            ("www-authenticate", challenge.as_bytes()),
        ] {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.insert(name, value);
            }
        }
        let status = StatusCode::from_u16(status).unwrap();
        let _ = described(&headers, &latest());
        let _ = manifest(&headers, body.clone(), &latest());
        let _ = committed(status, &headers, Digest::of(b""));
        let _ = refusal(Operation::GetBlob, status, &body, false);
        let _ = wants_bearer(&headers);
        prop_assert!(challenge_schemes(challenge.as_bytes()).all(|scheme| !scheme.is_empty()));
    }
}
