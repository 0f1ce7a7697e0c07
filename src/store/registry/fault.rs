//! The ways in which a reply or some content is wrong. Pure data with its words.

use crate::image::Digest;

/// A reply is not one that the protocol knows (distribution-spec 1.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyFault {
    /// A success status that does not belong to the request, as of a server that says 200 to
    /// everything.
    #[error(
        "the reply has status {status}, which does not belong to this request; what answers there \
         is no registry or a broken one"
    )]
    Status {
        /// The status.
        status: u16,
    },
    /// An upload was answered with a redirect.
    #[error(
        "the registry redirects to {to}, and nothing is sent elsewhere than asked; if that is \
         meant, name that place instead"
    )]
    Redirected {
        /// Scheme, host and port it leads to.
        to: String,
    },
    /// Redirects without end.
    #[error("the registry redirected {0} times and led nowhere")]
    TooManyRedirects(usize),
    /// No `Location` header where one is needed.
    #[error("the reply has no Location header; the registry or a proxy before it is broken")]
    NoLocation,
    /// A `Location` header that is no address.
    #[error("the Location header of the reply is no http or https address: {0:?}")]
    Location(String),
    /// A `Location` that leads from https to http.
    #[error(
        "the registry speaks https but leads to {to}; does a proxy before it not set \
         X-Forwarded-Proto? (--insecure allows it)"
    )]
    Downgrade {
        /// Scheme, host and port it leads to.
        to: String,
    },
    /// The digest that the registry names is not that of what was asked for or sent.
    #[error(
        "the registry says that this is {found}, and it has to be {expected}; the registry or a \
         proxy before it mixes things up"
    )]
    Digest {
        /// What it has to be.
        expected: Digest,
        /// What the header says.
        found: Digest,
    },
    /// A `Docker-Content-Digest` header that is no digest.
    #[error("the Docker-Content-Digest header of the reply is no digest: {0:?}")]
    DigestHeader(String),
    /// A document longer than any manifest may be.
    #[error("the manifest is longer than {limit} bytes, the most that is read")]
    ManifestTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A reply that is no manifest.
    #[error("the reply is no manifest ({0}); what answers there may be no registry")]
    NotAManifest(&'static str),
    /// Header and document disagree on what the document is.
    #[error("the reply has media type {header:?}, and the manifest in it says {document:?}")]
    MediaTypes {
        /// The `Content-Type` header.
        header: String,
        /// The document's `mediaType`.
        document: String,
    },
}
