//! The verbs that bring blobs into a repository (distribution-spec, "POST then PUT", "Mounting a
//! blob from another repository").
//!
//! An upload is one POST for a session and one PUT with the whole blob: the length is always known,
//! and some registries mishandle pieces.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Method, Request};
use tokio::fs::File;
use tokio_util::io::ReaderStream;
use url::Url;

use super::blobs::wrong_content;
use super::manifests::check_bytes;
use super::wire::{Progress, Reply, protocol};
use super::{
    Asked, BlobReader, BlobSource, ContentFault, Descriptor, Operation, Registry, RegistryError,
    location, reply,
};
use crate::store::verified::{CHUNK, VerifiedReader};

/// Up to this size, in bytes, a blob is sent without asking whether it is there: sending it costs
/// no more than the question.
const UNASKED: u64 = 64 * 1024;
/// How long the cancelling of an upload may take. Registries clean up by themselves, later.
const CANCELLING: Duration = Duration::from_secs(5);

/// Bytes that are ready to be sent.
enum Payload {
    /// Few, and verified already.
    Whole(Vec<u8>),
    /// Many: their progress is watched. Verified already, or by the reader.
    Streamed(BlobReader),
}

/// Why the bytes of a streamed upload stopped coming. HTTP clients keep no errors of bodies apart
/// from those of connections, so it is kept here.
type Failure = Arc<Mutex<Option<io::Error>>>;

impl Registry {
    /// POST and PUT, with a HEAD before it for blobs that are dearer to send; or only the PUT, if a
    /// mount of this blob has left a session.
    pub(super) async fn upload(
        &self,
        repository: &str,
        descriptor: &Descriptor,
        source: BlobSource,
    ) -> Result<(), RegistryError> {
        let asked = self.asked(Operation::PutBlob, repository, descriptor.digest);
        let payload = prepare(descriptor, source, &asked).await?;
        let session = match self.take_session(repository, descriptor.digest) {
            Some(session) => session,
            None => {
                if descriptor.size > UNASKED && self.head_blob(repository, descriptor).await? {
                    return Ok(());
                }
                self.open_session(repository, &asked).await?
            }
        };
        let done = self.send(&session, descriptor, payload, &asked).await;
        if let Err(error) = &done
            && !matches!(error, RegistryError::Transport { .. } | RegistryError::Timeout { .. })
        {
            self.cancel(session, &asked).await;
        }
        done
    }

    /// One POST. A registry that would not mount opens a session for an upload instead: it is kept
    /// for the upload that follows.
    pub(super) async fn mount(
        &self,
        repository: &str,
        descriptor: &Descriptor,
        from: &str,
    ) -> Result<bool, RegistryError> {
        let asked = self.asked(Operation::MountBlob, repository, descriptor.digest);
        let mut url = self.wire.url(&format!("/v2/{repository}/blobs/uploads/"));
        url.query_pairs_mut()
            .append_pair("mount", &descriptor.digest.to_string())
            .append_pair("from", from);
        let answer = self.wire.write(Request::new(Method::POST, url), &asked).await?;
        match answer.status.as_u16() {
            201 => reply::committed(answer.status, &answer.headers, descriptor.digest)
                .map(|()| true)
                .map_err(|fault| protocol(&asked, fault)),
            202 => {
                let session = self.session(&answer, &asked)?;
                self.keep_session(repository, descriptor.digest, session);
                Ok(false)
            }
            // It does not mount, or not from there: the upload will tell what is really wrong.
            400 | 403 | 404 | 405 => Ok(false),
            _ => Err(self.wire.refuse(answer, &asked).await),
        }
    }

    async fn open_session(&self, repository: &str, asked: &Asked) -> Result<Url, RegistryError> {
        let url = self.wire.url(&format!("/v2/{repository}/blobs/uploads/"));
        let answer = self.wire.write(Request::new(Method::POST, url), asked).await?;
        if answer.status.as_u16() != 202 {
            return Err(self.wire.refuse(answer, asked).await);
        }
        self.session(&answer, asked)
    }

    fn session(&self, answer: &Reply, asked: &Asked) -> Result<Url, RegistryError> {
        location::follow(&answer.url, &answer.headers, self.wire.endpoint.insecure)
            .map_err(|fault| protocol(asked, fault))
    }

    async fn send(
        &self,
        session: &Url,
        descriptor: &Descriptor,
        payload: Payload,
        asked: &Asked,
    ) -> Result<(), RegistryError> {
        let progress = Progress::default();
        let failure = Failure::default();
        let url = location::finish(session, &descriptor.digest);
        let mut request = Request::new(Method::PUT, url);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(descriptor.size));
        *request.body_mut() = Some(match payload {
            Payload::Whole(bytes) => Body::from(bytes),
            Payload::Streamed(reader) => body(reader, progress.clone(), failure.clone()),
        });
        let answer = self.wire.stream(request, asked, &progress).await;
        let failure = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(failure) = failure {
            return Err(source_error(asked, failure));
        }
        let answer = answer?;
        if !answer.status.is_success() {
            return Err(self.wire.refuse(answer, asked).await);
        }
        reply::committed(answer.status, &answer.headers, descriptor.digest)
            .map_err(|fault| protocol(asked, fault))
    }

    /// Tells the registry that nothing more comes. Whether it listens does not matter.
    async fn cancel(&self, session: Url, asked: &Asked) {
        let cancel = self.wire.write(Request::new(Method::DELETE, session), asked);
        if tokio::time::timeout(CANCELLING, cancel).await.is_err() {
            tracing::debug!(%asked, "the registry did not answer the cancelling of an upload");
        }
    }
}

/// Finds out what can be found out before anything is asked of the registry.
async fn prepare(
    descriptor: &Descriptor,
    source: BlobSource,
    asked: &Asked,
) -> Result<Payload, RegistryError> {
    let verified = |reader: BlobReader| -> BlobReader {
        let asked = asked.clone();
        let wrong = move |fault| wrong_content(&asked, fault);
        Box::pin(VerifiedReader::new(reader, descriptor, wrong))
    };
    match source {
        BlobSource::Bytes(bytes) => {
            check_bytes(descriptor, &bytes, asked)?;
            Ok(if descriptor.size > UNASKED {
                Payload::Streamed(Box::pin(io::Cursor::new(bytes)))
            } else {
                Payload::Whole(bytes)
            })
        }
        BlobSource::Reader(reader) => Ok(Payload::Streamed(verified(reader))),
        BlobSource::File(path) => {
            let open = async {
                let file = File::open(&path).await?;
                let length = file.metadata().await?.len();
                Ok::<_, io::Error>((file, length))
            };
            let (file, found) = open.await.map_err(|error| {
                let words = format!("{}: {error}", path.display());
                source_error(asked, io::Error::new(error.kind(), words))
            })?;
            let expected = descriptor.size;
            if found != expected {
                return Err(RegistryError::Content {
                    asked: Box::new(asked.clone()),
                    fault: if found < expected {
                        ContentFault::TooShort { expected, found }
                    } else {
                        ContentFault::TooLong { expected }
                    },
                });
            }
            Ok(Payload::Streamed(verified(Box::pin(file))))
        }
    }
}

/// A body that notes its progress and why it stopped.
fn body(reader: BlobReader, progress: Progress, failure: Failure) -> Body {
    let pieces = ReaderStream::with_capacity(reader, CHUNK)
        .inspect_ok(move |piece| progress.add(piece.len()))
        .map_err(move |error| {
            let kind = error.kind();
            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            io::Error::from(kind)
        });
    Body::wrap_stream(pieces)
}

/// The error for bytes that did not come; what was found wrong with them here speaks for itself.
fn source_error(asked: &Asked, error: io::Error) -> RegistryError {
    match error.downcast::<RegistryError>() {
        Ok(RegistryError::Content { asked: found, fault }) if *found == *asked => {
            RegistryError::Content { asked: found, fault }
        }
        Ok(other) => RegistryError::Source {
            asked: Box::new(asked.clone()),
            source: io::Error::other(other),
        },
        Err(source) => RegistryError::Source { asked: Box::new(asked.clone()), source },
    }
}
