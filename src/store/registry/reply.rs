//! What a registry's reply means: status, headers and body in, a result or a fault out. Pure; all
//! of it is hostile.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, WWW_AUTHENTICATE};
use serde::Deserialize;

use super::error::{Operation, Refusal};
use super::fault::ReplyFault;
use super::words::{one_line, words_of};
use crate::image::{Descriptor, Digest, DigestError};
use crate::store::{RawManifest, Reference};

/// The longest manifest that is read, in bytes: what registries have to take at least
/// (distribution-spec, "Pushing Manifests") and what the others refuse.
pub(super) const MANIFEST_LIMIT: usize = 4 * 1024 * 1024;
/// The manifests that are asked for, as an `Accept` header: OCI and Docker, manifest and index.
pub(super) const ACCEPTED_MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json";

/// The header in which registries name the digest of a manifest or blob.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The descriptor that the headers of a successful HEAD give; `None` where they do not tell and
/// the manifest has to be read.
pub(super) fn described(
    headers: &HeaderMap,
    reference: &Reference,
) -> Result<Option<Descriptor>, ReplyFault> {
    let digest = named_digest(headers)?;
    if let (Some(found), Reference::Digest(expected)) = (digest, reference) {
        agree(*expected, found)?;
    }
    let size = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    Ok(match (digest, content_type(headers), size) {
        (Some(digest), Some(media_type), Some(size)) => {
            Some(Descriptor { media_type, digest, size })
        }
        _ => None,
    })
}

/// The manifest that a successful GET brought: its digest is that of the reference and of the
/// header, where they name one, and its media type is the same in header and document.
pub(super) fn manifest(
    headers: &HeaderMap,
    bytes: Vec<u8>,
    reference: &Reference,
) -> Result<RawManifest, ReplyFault> {
    let digest = Digest::of(&bytes);
    if let Reference::Digest(expected) = reference {
        agree(*expected, digest)?;
    }
    if let Some(named) = named_digest(headers)? {
        agree(digest, named)?;
    }
    let document: Document =
        serde_json::from_slice(&bytes).map_err(|_| ReplyFault::NotAManifest("no JSON manifest"))?;
    let media_type = match (content_type(headers), document.media_type) {
        (Some(header), Some(document)) if header != document => {
            return Err(ReplyFault::MediaTypes {
                header: one_line(&header),
                document: one_line(&document),
            });
        }
        (Some(known), _) | (None, Some(known)) => known,
        (None, None) => return Err(ReplyFault::NotAManifest("no media type")),
    };
    Ok(RawManifest {
        descriptor: Descriptor { media_type, digest, size: bytes.len() as u64 },
        bytes,
    })
}

/// The one field of a manifest that says what it is.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
}

/// Checks that the reply to a PUT says that the content is stored. 201 does. Some registries say
/// 200, 202 or 204: these only count with the digest, because there are servers that say them to
/// everything.
pub(super) fn committed(
    status: StatusCode,
    headers: &HeaderMap,
    digest: Digest,
) -> Result<(), ReplyFault> {
    let fault = ReplyFault::Status { status: status.as_u16() };
    match (status.as_u16(), named_digest(headers)?) {
        (200..=204, Some(named)) => agree(digest, named),
        (201, None) => Ok(()),
        _ => Err(fault),
    }
}

/// What a reply with a failure status says.
pub(super) fn refusal(
    operation: Operation,
    status: StatusCode,
    body: &[u8],
    authenticated: bool,
) -> Refusal {
    let (codes, words) = words_of(body);
    Refusal { remedy: remedy(operation, status, authenticated), status, codes, words }
}

/// What the user can do about a failure status.
fn remedy(operation: Operation, status: StatusCode, authenticated: bool) -> &'static str {
    let writes =
        matches!(operation, Operation::PutBlob | Operation::PutManifest | Operation::MountBlob);
    match status.as_u16() {
        401 if authenticated => "it does not accept these credentials: check user and password",
        401 => "it wants credentials, and none were given for it",
        403 if authenticated && writes => "this user may not push there",
        403 if authenticated => "this user may not pull from there",
        403 => "it does not allow this without credentials, or not at all",
        404 if writes => {
            "check host and repository: some registries want repositories to be created first"
        }
        404 => "it is not there, or not for this user",
        405 => "it does not allow this at all: it may be a read-only mirror",
        407 => "the proxy between wants credentials",
        408 | 425 | 429 => "it is throttling: try again later",
        413 => "it, or a proxy before it, has a limit on sizes that has to be raised",
        500.. => "it has trouble of its own: try again later, or look at its log",
        _ => "it will not take this",
    }
}

/// Whether a 401 asks for a bearer token and would not take user and password.
pub(super) fn wants_bearer(headers: &HeaderMap) -> bool {
    let mut bearer = false;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        for scheme in challenge_schemes(value.as_bytes()) {
            if scheme.eq_ignore_ascii_case(b"basic") {
                return false;
            }
            bearer |= scheme.eq_ignore_ascii_case(b"bearer");
        }
    }
    bearer
}

/// The authentication schemes in a `WWW-Authenticate` value (RFC 9110, section 11.6.1): a list of
/// challenges, each a scheme and a list of parameters, both lists separated by commas. Of the parts
/// between commas, those that begin with a word not followed by `=` begin a challenge.
fn challenge_schemes(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    value
        .split(move |&byte| {
            let comma = byte == b',' && !quoted;
            let quote = byte == b'"' && !escaped;
            quoted ^= quote;
            escaped = quoted && byte == b'\\' && !escaped;
            comma
        })
        .filter_map(|part| {
            let part = part.trim_ascii();
            let end = part
                .iter()
                .position(|byte| matches!(byte, b' ' | b'\t' | b'='))
                .unwrap_or(part.len());
            let (word, rest) = part.split_at(end);
            (!word.is_empty() && !rest.trim_ascii_start().starts_with(b"=")).then_some(word)
        })
}

/// The digest in the header; `None` where there is none, or one of another algorithm, which can
/// prove nothing here.
fn named_digest(headers: &HeaderMap) -> Result<Option<Digest>, ReplyFault> {
    let Some(value) = headers.get(CONTENT_DIGEST) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    match text.parse() {
        Ok(digest) => Ok(Some(digest)),
        Err(DigestError::Algorithm(_)) if text.starts_with("sha512:") => Ok(None),
        Err(_) => Err(ReplyFault::DigestHeader(one_line(&text).chars().take(80).collect())),
    }
}

fn agree(expected: Digest, found: Digest) -> Result<(), ReplyFault> {
    if expected == found { Ok(()) } else { Err(ReplyFault::Digest { expected, found }) }
}

/// The media type that the headers name; `None` for types that files in general have, as
/// `application/json`: registries send those for want of a better one.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next()?.trim().to_ascii_lowercase();
    essence.starts_with("application/vnd.").then_some(essence)
}

#[cfg(test)]
mod tests;
