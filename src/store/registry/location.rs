//! Where a `Location` header leads (RFC 9110, section 10.2.2; distribution-spec, "Pushing blobs":
//! it may be relative or absolute, and its query has to be kept). Pure; the header is hostile.

use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use super::fault::ReplyFault;
use super::words::one_line;
use crate::image::Digest;

/// The address that the `Location` of a reply to a request for `base` means. `downgrade`: it may
/// lead from https to http.
pub(super) fn follow(base: &Url, headers: &HeaderMap, downgrade: bool) -> Result<Url, ReplyFault> {
    let header = headers.get(LOCATION).ok_or(ReplyFault::NoLocation)?;
    let bad = || ReplyFault::Location(shown(&String::from_utf8_lossy(header.as_bytes())));
    let text = header.to_str().map_err(|_| bad())?;
    let mut url = base.join(text).map_err(|_| bad())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none();
    if text.is_empty() || !plain {
        return Err(bad());
    }
    if base.scheme() == "https" && url.scheme() == "http" && !downgrade {
        return Err(ReplyFault::Downgrade { to: origin(&url) });
    }
    url.set_fragment(None);
    Ok(url)
}

/// The address that finishes an upload session: the session's own, its query kept, and the digest.
pub(super) fn finish(session: &Url, digest: &Digest) -> Url {
    let mut url = session.clone();
    url.query_pairs_mut().append_pair("digest", &digest.to_string());
    url
}

/// Scheme, host and port: what of an address may be shown.
pub(super) fn origin(url: &Url) -> String {
    one_line(&url.origin().ascii_serialization())
}

/// A header for a message: its beginning, without query and user.
fn shown(text: &str) -> String {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let place = path.rsplit('@').next().unwrap_or_default();
    one_line(place).chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::{finish, follow};
    use crate::image::Digest;
    use crate::store::registry::fault::ReplyFault;
    use proptest::prelude::*;
    use reqwest::header::{HeaderMap, HeaderValue, LOCATION};
    use url::Url;

    fn headers(location: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(location) {
            headers.insert(LOCATION, value);
        }
        headers
    }

    fn base() -> Url {
        Url::parse("https://h.example:5/v2/os/x/blobs/uploads/").unwrap()
    }

    #[test]
    fn relative_and_absolute_locations_are_joined() {
        for (location, wanted) in [
            ("/v2/os/x/blobs/uploads/1", "https://h.example:5/v2/os/x/blobs/uploads/1"),
            (
                "1?_state=a%3D%3D&b=",
                "https://h.example:5/v2/os/x/blobs/uploads/1?_state=a%3D%3D&b=",
            ),
            ("?s=1", "https://h.example:5/v2/os/x/blobs/uploads/?s=1"),
            ("../1", "https://h.example:5/v2/os/x/blobs/1"),
            ("//other.example/u", "https://other.example/u"),
            ("https://other.example:443/u?a=b#f", "https://other.example/u?a=b"),
        ] {
            let url = follow(&base(), &headers(location.as_bytes()), false).unwrap();
            assert_eq!(url.as_str(), wanted, "{location}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused_without_its_secrets() {
        let follow = |text: &[u8]| follow(&base(), &headers(text), false).unwrap_err();
        assert_eq!(super::follow(&base(), &HeaderMap::new(), false), Err(ReplyFault::NoLocation));
        for text in [
            &b""[..],
            b"ftp://h.example/u?token=s3cret",
            b"file:///etc/passwd",
            b"data:,x?s3cret",
            b"https://user:s3cret@h.example/",
            b"http://[::1",
            b"https://",
            b"https://h:99999/?s3cret",
            b"\xff\xfe",
        ] {
            let fault = follow(text);
            assert!(matches!(fault, ReplyFault::Location(_)), "{text:?}: {fault:?}");
            assert!(!fault.to_string().contains("s3cret"), "{fault}");
        }
    }

    #[test]
    fn a_lesser_scheme_is_named_unless_allowed() {
        let to_http = headers(b"http://h.example:5/u?token=s3cret");
        assert_eq!(
            follow(&base(), &to_http, false),
            Err(ReplyFault::Downgrade { to: "http://h.example:5".into() })
        );
        assert!(follow(&base(), &to_http, true).is_ok());
    }

    #[test]
    fn the_digest_joins_the_query_of_the_session() {
        let digest = Digest::of(b"");
        for (session, query) in [
            ("https://h/u", format!("digest=sha256%3A{}", digest.hex())),
            (
                "https://h/u?_state=a%3D%3D&b=",
                format!("_state=a%3D%3D&b=&digest=sha256%3A{}", digest.hex()),
            ),
        ] {
            let url = finish(&Url::parse(session).unwrap(), &digest);
            assert_eq!(url.query(), Some(query.as_str()));
        }
    }

    proptest! {
        #[test]
        fn no_location_panics(location in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(url) = follow(&base(), &headers(&location), true) {
                prop_assert!(matches!(url.scheme(), "http" | "https"));
                prop_assert!(finish(&url, &Digest::of(b"")).query().is_some());
            }
        }

        #[test]
        fn no_likely_location_panics(location in "(https?:)?(//)?[a-z:@/?#%\\[\\].=&\\\\ -]{0,40}") {
            if let Ok(url) = follow(&base(), &headers(location.as_bytes()), false) {
                prop_assert!(url.scheme() == "https" && url.username().is_empty());
            }
        }
    }
}
