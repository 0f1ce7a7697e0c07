//! What can go wrong with a registry, said so that the reader knows what was asked of which
//! repository, what came back, and what to do about it.
//!
//! No message holds a credential, a token, or the query of a URL: upload sessions and signed
//! download addresses carry secrets there.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use oci_client::errors::OciErrorCode;
use reqwest::StatusCode;

use super::ContentFault;
use super::fault::ReplyFault;
use super::names::NameError;

/// What is asked of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// HEAD a manifest.
    HeadManifest,
    /// GET a manifest.
    GetManifest,
    /// PUT a manifest.
    PutManifest,
    /// HEAD a blob.
    HeadBlob,
    /// GET a blob.
    GetBlob,
    /// POST for an upload session and PUT the blob to it.
    PutBlob,
    /// POST for a blob of another repository.
    MountBlob,
}

/// One thing that was asked of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What was to be done.
    pub operation: Operation,
    /// The registry as its user calls it.
    pub host: String,
    /// The repository there.
    pub repository: String,
    /// Tag or digest of the manifest or blob.
    pub object: String,
}

impl fmt::Display for Asked {
    /// As in "cannot …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, host, repository, object } = self;
        let (what, preposition) = match operation {
            Operation::HeadManifest => ("look up manifest", "of"),
            Operation::GetManifest => ("read manifest", "of"),
            Operation::PutManifest => ("put manifest", "into"),
            Operation::HeadBlob => ("look up blob", "of"),
            Operation::GetBlob => ("read blob", "of"),
            Operation::PutBlob => ("upload blob", "to"),
            Operation::MountBlob => ("mount blob", "in"),
        };
        write!(f, "{what} {object} {preposition} {host}/{repository}")
    }
}

/// A registry's answer that the request failed.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The error codes of the body (distribution-spec, "Error Codes"), where it has them.
    pub codes: Vec<OciErrorCode>,
    /// The registry's own words: bounded, one line, without control characters; may be empty.
    pub words: String,
    /// What the user can do.
    pub remedy: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the registry answered {}", self.status)?;
        if !self.words.is_empty() {
            write!(f, " ({})", self.words)?;
        }
        write!(f, "; {}", self.remedy)
    }
}

/// What kind of trouble it is: decides when trying again makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The registry wants other credentials: try again when they change.
    Credentials,
    /// Too many requests: try again when the registry says.
    Throttled,
    /// The registry cannot be reached or has trouble of its own: try again later.
    Unavailable,
    /// The registry will not do this: final.
    Refused,
    /// What came is not what the protocol or the digest says: the registry or something between
    /// is broken.
    Protocol,
    /// The bytes to be sent could not be read here, or are not what they are named.
    Io,
    /// This machine or the call is not set up for it: final until that changes.
    Setup,
}

/// A registry could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A host, repository or tag that cannot be one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The CA file cannot be used.
    #[error("cannot use the CA file {}: {what}", path.display())]
    CaFile {
        /// The file that was named.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
        /// Why it could not be read, where that is the trouble.
        #[source]
        source: Option<io::Error>,
    },
    /// This machine trusts no one.
    #[error(
        "cannot verify https registries: this machine has no CA certificates; install the package \
         ca-certificates, or name a file with --ca-file"
    )]
    NoCaCertificates,
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// Credentials would travel in the clear.
    #[error(
        "cannot {asked}: its credentials would go over plain http; use https, or allow it with \
         --insecure {}", asked.host
    )]
    PlainCredentials {
        /// What was asked.
        asked: Box<Asked>,
    },
    /// No answer came: connecting, TLS or the connection failed.
    #[error("cannot {asked}: {remedy}")]
    Transport {
        /// What was asked.
        asked: Box<Asked>,
        /// What failed, and what to do.
        remedy: &'static str,
        /// The failure, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// The registry went quiet.
    #[error(
        "cannot {asked}: nothing happened for {} s; the registry or the network hangs, try again",
        after.as_secs_f32()
    )]
    Timeout {
        /// What was asked.
        asked: Box<Asked>,
        /// How long was waited.
        after: Duration,
    },
    /// The registry says no.
    #[error("cannot {asked}: {refusal}")]
    Refused {
        /// What was asked.
        asked: Box<Asked>,
        /// The answer.
        refusal: Box<Refusal>,
    },
    /// The registry asks for a bearer token.
    #[error(
        "cannot {asked}: the registry asks for a bearer token, which this version does not \
         support yet"
    )]
    BearerToken {
        /// What was asked.
        asked: Box<Asked>,
    },
    /// The answer is not one that the protocol knows.
    #[error("cannot {asked}: {fault}")]
    Protocol {
        /// What was asked.
        asked: Box<Asked>,
        /// What is wrong with it.
        fault: Box<ReplyFault>,
    },
    /// A blob or manifest is not what its descriptor says: on the way in or on the way out.
    #[error("cannot {asked}: {fault}")]
    Content {
        /// What was asked.
        asked: Box<Asked>,
        /// What is wrong with it.
        fault: ContentFault,
    },
    /// The bytes to be sent could not be read.
    #[error("cannot {asked}: its bytes could not be read where they come from")]
    Source {
        /// What was asked.
        asked: Box<Asked>,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl RegistryError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Name(_)
            | Self::CaFile { .. }
            | Self::NoCaCertificates
            | Self::Client(_)
            | Self::PlainCredentials { .. } => Class::Setup,
            Self::Transport { .. } | Self::Timeout { .. } => Class::Unavailable,
            Self::Refused { refusal, .. } => refusal.class(),
            Self::BearerToken { .. } => Class::Credentials,
            Self::Protocol { .. } => Class::Protocol,
            Self::Content { asked, .. } => match asked.operation {
                Operation::PutBlob | Operation::PutManifest => Class::Io,
                _ => Class::Protocol,
            },
            // What is sent may come from another registry: then its trouble counts.
            Self::Source { source, .. } => source
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<Self>())
                .map_or(Class::Io, Self::class),
        }
    }

    /// Whether a blob that was asked for is missing, or something that was read is not what it is
    /// named, while the registry itself works.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Content { asked, .. } => {
                !matches!(asked.operation, Operation::PutBlob | Operation::PutManifest)
            }
            Self::Refused { asked, refusal } => {
                asked.operation == Operation::GetBlob && refusal.status == StatusCode::NOT_FOUND
            }
            _ => false,
        }
    }

    /// Whether a manifest was refused because a blob or manifest that it names is not there: what
    /// was thought to be there has to be sent again.
    #[must_use]
    pub fn names_missing_content(&self) -> bool {
        matches!(self, Self::Refused { asked, refusal }
        if asked.operation == Operation::PutManifest
            && refusal.codes.iter().any(|code| matches!(
                code,
                OciErrorCode::ManifestBlobUnknown
                    | OciErrorCode::BlobUnknown
                    | OciErrorCode::ManifestUnknown
            )))
    }
}

impl Refusal {
    fn class(&self) -> Class {
        if self.codes.contains(&OciErrorCode::Toomanyrequests) {
            return Class::Throttled;
        }
        match self.status.as_u16() {
            401 | 403 | 407 => Class::Credentials,
            429 => Class::Throttled,
            408 | 425 | 500.. => Class::Unavailable,
            _ => Class::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Class, Operation, Refusal, RegistryError};
    use oci_client::errors::OciErrorCode;
    use reqwest::StatusCode;
    use std::io;

    fn refused(operation: Operation, status: u16, codes: Vec<OciErrorCode>) -> RegistryError {
        RegistryError::Refused {
            asked: Box::new(Asked {
                operation,
                host: "h.example".into(),
                repository: "os/x".into(),
                object: "latest".into(),
            }),
            refusal: Box::new(Refusal {
                status: StatusCode::from_u16(status).unwrap(),
                codes,
                words: "some words".into(),
                remedy: "do something",
            }),
        }
    }

    #[test]
    fn a_refusal_says_what_where_why_and_what_to_do() {
        assert_eq!(
            refused(Operation::PutManifest, 403, vec![]).to_string(),
            "cannot put manifest latest into h.example/os/x: the registry answered 403 Forbidden \
             (some words); do something"
        );
    }

    #[test]
    fn statuses_fall_into_classes() {
        for (status, class) in [
            (400, Class::Refused),
            (401, Class::Credentials),
            (403, Class::Credentials),
            (404, Class::Refused),
            (408, Class::Unavailable),
            (413, Class::Refused),
            (429, Class::Throttled),
            (500, Class::Unavailable),
            (503, Class::Unavailable),
        ] {
            let error = refused(Operation::HeadManifest, status, vec![]);
            assert_eq!(error.class(), class, "{status}");
        }
        let error = refused(Operation::HeadBlob, 403, vec![OciErrorCode::Toomanyrequests]);
        assert_eq!(error.class(), Class::Throttled);
    }

    #[test]
    fn trouble_at_the_source_of_a_copy_keeps_its_class() {
        let source = |inner: io::Error| {
            let RegistryError::Refused { asked, .. } = refused(Operation::PutBlob, 400, vec![])
            else {
                panic!("not refused");
            };
            RegistryError::Source { asked, source: inner }
        };
        let throttled = refused(Operation::GetBlob, 429, vec![]);
        assert_eq!(source(io::Error::other(throttled)).class(), Class::Throttled);
        assert_eq!(source(io::Error::other("disk")).class(), Class::Io);
    }

    #[test]
    fn only_a_refused_manifest_names_missing_content() {
        let codes = || vec![OciErrorCode::ManifestBlobUnknown];
        assert!(refused(Operation::PutManifest, 400, codes()).names_missing_content());
        assert!(!refused(Operation::PutManifest, 400, vec![]).names_missing_content());
        assert!(!refused(Operation::GetBlob, 404, codes()).names_missing_content());
    }
}
