//! The verbs for reading blobs (distribution-spec, "Pulling blobs", "Checking if content exists").

use std::io;

use futures_util::stream;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Method, Request};
use tokio_util::io::StreamReader;

use super::wire::{Reply, timeout, transport_error};
use super::{Asked, BlobReader, ContentFault, Descriptor, Operation, Registry, RegistryError};
use crate::store::verified::VerifiedReader;

impl Registry {
    /// One HEAD.
    pub(super) async fn head_blob(
        &self,
        repository: &str,
        descriptor: &Descriptor,
    ) -> Result<bool, RegistryError> {
        let asked = self.asked(Operation::HeadBlob, repository, descriptor.digest);
        let request = self.blob_request(Method::HEAD, repository, descriptor);
        let answer = self.wire.read(request, &asked).await?;
        match answer.status.as_u16() {
            // Another length is another blob, or a server that says 200 to everything.
            200 => match content_length(&answer) {
                Some(length) if length != descriptor.size => {
                    Err(wrong_length(asked, descriptor, length))
                }
                _ => Ok(true),
            },
            404 => Ok(false),
            _ => Err(self.wire.refuse(answer, &asked).await),
        }
    }

    /// One GET, and those that redirects lead to. The reader gives what the descriptor says, or an
    /// error.
    pub(super) async fn get_blob(
        &self,
        repository: &str,
        descriptor: &Descriptor,
    ) -> Result<BlobReader, RegistryError> {
        let asked = self.asked(Operation::GetBlob, repository, descriptor.digest);
        let request = self.blob_request(Method::GET, repository, descriptor);
        let answer = self.wire.read(request, &asked).await?;
        if answer.status.as_u16() != 200 {
            return Err(self.wire.refuse(answer, &asked).await);
        }
        if let Some(length) = content_length(&answer)
            && length != descriptor.size
        {
            return Err(wrong_length(asked, descriptor, length));
        }
        let idle = self.wire.timeouts.idle;
        let pieces = stream::try_unfold(
            (answer.response, asked.clone()),
            move |(mut response, asked)| async move {
                let piece = match tokio::time::timeout(idle, response.chunk()).await {
                    Ok(Ok(piece)) => piece,
                    Ok(Err(error)) => {
                        return Err(io::Error::other(transport_error(&asked, error)));
                    }
                    Err(_) => return Err(io::Error::other(timeout(&asked, idle))),
                };
                Ok(piece.map(|piece| (piece, (response, asked))))
            },
        );
        let reader = StreamReader::new(Box::pin(pieces));
        let wrong = move |fault| wrong_content(&asked, fault);
        Ok(Box::pin(VerifiedReader::new(reader, descriptor, wrong)))
    }

    fn blob_request(&self, method: Method, repository: &str, descriptor: &Descriptor) -> Request {
        let path = format!("/v2/{repository}/blobs/{}", descriptor.digest);
        Request::new(method, self.wire.url(&path))
    }
}

/// The end of a reader whose bytes are not the right ones.
pub(super) fn wrong_content(asked: &Asked, fault: ContentFault) -> io::Error {
    let error = RegistryError::Content { asked: Box::new(asked.clone()), fault };
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The length that the headers announce.
fn content_length(reply: &Reply) -> Option<u64> {
    let value = reply.headers.get(CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

fn wrong_length(asked: Asked, descriptor: &Descriptor, found: u64) -> RegistryError {
    let expected = descriptor.size;
    RegistryError::Content {
        asked: Box::new(asked),
        fault: if found < expected {
            ContentFault::TooShort { expected, found }
        } else {
            ContentFault::TooLong { expected }
        },
    }
}
