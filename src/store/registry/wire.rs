//! One request to a registry and its reply: the only way to the network, for reads and writes.
//! What every request has in common is decided here: credentials, redirects, limits of time and
//! size, and which failure is which. What a reply means is not; nothing is sent twice.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Request, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret as _;
use url::Url;

use super::client::Clients;
use super::endpoint::Endpoint;
use super::error::{Asked, RegistryError};
use super::fault::ReplyFault;
use super::options::{Credentials, Timeouts};
use super::{location, reply, transport, words};

/// How many redirects of a read are followed.
const REDIRECTS: usize = 5;

/// The connection to one registry.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) endpoint: Endpoint,
    pub(super) clients: Clients,
    pub(super) credentials: Option<Credentials>,
    pub(super) timeouts: Timeouts,
    /// Once known, whether there is no TLS at the first root, so that the second is used.
    pub(super) downgraded: OnceLock<bool>,
}

/// A reply whose body is not read yet.
pub(super) struct Reply {
    /// The address that gave it, after redirects.
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) response: Response,
}

/// How much of a streamed body has been sent: while this moves, the request is alive.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Notes that `bytes` more were sent.
    pub(super) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn sent(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wire {
    /// The address of `path` (made of checked names) at the registry.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.root().clone();
        url.set_path(path);
        url
    }

    fn root(&self) -> &Url {
        match (self.downgraded.get(), self.endpoint.second()) {
            (Some(true), Some(second)) => second,
            _ => self.endpoint.first(),
        }
    }

    /// Sends a request that reads. Redirects are followed: registries keep blobs elsewhere.
    pub(super) async fn read(
        &self,
        request: Request,
        asked: &Asked,
    ) -> Result<Reply, RegistryError> {
        let (method, headers) = (request.method().clone(), request.headers().clone());
        let mut reply = self.write(request, asked).await?;
        for _ in 0..REDIRECTS {
            if !redirects(reply.status) {
                return Ok(reply);
            }
            let url = location::follow(&reply.url, &reply.headers, self.endpoint.insecure)
                .map_err(|fault| protocol(asked, fault))?;
            let mut request = Request::new(method.clone(), url);
            *request.headers_mut() = headers.clone();
            reply = self.write(request, asked).await?;
        }
        if redirects(reply.status) {
            return Err(protocol(asked, ReplyFault::TooManyRedirects(REDIRECTS)));
        }
        Ok(reply)
    }

    /// Sends a request with at most a small body, to the address in it and nowhere else.
    pub(super) async fn write(
        &self,
        request: Request,
        asked: &Asked,
    ) -> Result<Reply, RegistryError> {
        let second = match self.endpoint.second() {
            Some(second) if request.url().origin() == self.endpoint.first().origin() => second,
            _ => return self.once(request, asked, None).await,
        };
        let again = request.try_clone();
        let result = self.once(request, asked, None).await;
        match (again, result) {
            (Some(mut request), Err(RegistryError::Transport { source, .. }))
                if transport::speaks_no_tls(&source) && *self.downgraded.get_or_init(|| true) =>
            {
                // Nothing was sent: the handshake failed. From here on it is plain http.
                let mut url = second.clone();
                url.set_path(request.url().path());
                url.set_query(request.url().query());
                *request.url_mut() = url;
                self.once(request, asked, None).await
            }
            (_, result) => {
                if result.is_ok() {
                    self.downgraded.get_or_init(|| false);
                }
                result
            }
        }
    }

    /// Sends a request with a streamed body. It may take as long as `progress` moves.
    pub(super) async fn stream(
        &self,
        request: Request,
        asked: &Asked,
        progress: &Progress,
    ) -> Result<Reply, RegistryError> {
        self.once(request, asked, Some(progress)).await
    }

    async fn once(
        &self,
        request: Request,
        asked: &Asked,
        progress: Option<&Progress>,
    ) -> Result<Reply, RegistryError> {
        let (url, method) = (request.url().clone(), request.method().clone());
        let client = self.clients.for_url(&url, &self.endpoint)?;
        let sending = client.execute(self.authorize(client, request, asked)?);
        let response = match progress {
            None => tokio::time::timeout(self.timeouts.exchange, sending)
                .await
                .map_err(|_| timeout(asked, self.timeouts.exchange))?,
            Some(progress) => while_moving(sending, progress, self.timeouts.upload)
                .await
                .ok_or_else(|| timeout(asked, self.timeouts.upload))?,
        }
        .map_err(|error| transport_error(asked, error))?;
        // The path alone: a query may hold what lets its reader go on with an upload or a download.
        let host = url.host_str().unwrap_or_default();
        tracing::debug!(%method, host, path = url.path(), status = %response.status(), "request");
        Ok(Reply { url, status: response.status(), headers: response.headers().clone(), response })
    }

    /// The request as it goes out: with credentials, if it goes to the registry itself.
    fn authorize(
        &self,
        client: &Client,
        request: Request,
        asked: &Asked,
    ) -> Result<Request, RegistryError> {
        let Some(Credentials { username, password }) = &self.credentials else {
            return Ok(request);
        };
        if !self.endpoint.owns(request.url()) {
            return Ok(request);
        }
        if request.url().scheme() == "http" && !self.endpoint.plain_credentials() {
            return Err(RegistryError::PlainCredentials { asked: Box::new(asked.clone()) });
        }
        RequestBuilder::from_parts(client.clone(), request)
            .basic_auth(username, Some(password.expose_secret()))
            .build()
            .map_err(RegistryError::Client)
    }

    /// The error that a reply with an unwanted status is.
    pub(super) async fn refuse(&self, reply: Reply, asked: &Asked) -> RegistryError {
        let Reply { url, status, headers, response } = reply;
        if status.is_success() || status.is_informational() {
            let status = status.as_u16();
            return protocol(asked, ReplyFault::Status { status });
        }
        if status.is_redirection() {
            // Also 304 and the like, which nothing here asks for.
            let to = location::follow(&url, &headers, true);
            return protocol(
                asked,
                match to {
                    Ok(to) => ReplyFault::Redirected { to: location::origin(&to) },
                    Err(_) => ReplyFault::Status { status: status.as_u16() },
                },
            );
        }
        if status == StatusCode::UNAUTHORIZED && reply::wants_bearer(&headers) {
            return RegistryError::BearerToken { asked: Box::new(asked.clone()) };
        }
        // Whatever of the body comes in time is good enough for a message.
        let mut body = Vec::new();
        let reading = read_up_to(response, words::BODY_LIMIT, &mut body);
        let _ = tokio::time::timeout(self.timeouts.exchange, reading).await;
        let authenticated = self.credentials.is_some() && self.endpoint.owns(&url);
        RegistryError::Refused {
            asked: Box::new(asked.clone()),
            refusal: Box::new(reply::refusal(asked.operation, status, &body, authenticated)),
        }
    }

    /// The body of a successful reply with a manifest in it.
    pub(super) async fn manifest_body(
        &self,
        response: Response,
        asked: &Asked,
    ) -> Result<Vec<u8>, RegistryError> {
        let limit = reply::MANIFEST_LIMIT;
        let mut body = Vec::new();
        let reading = read_up_to(response, limit, &mut body);
        let complete = tokio::time::timeout(self.timeouts.exchange, reading)
            .await
            .map_err(|_| timeout(asked, self.timeouts.exchange))?
            .map_err(|error| transport_error(asked, error))?;
        if complete {
            Ok(body)
        } else {
            Err(protocol(asked, ReplyFault::ManifestTooLong { limit }))
        }
    }
}

/// Reads `limit` bytes at most; whether that was all.
async fn read_up_to(
    mut response: Response,
    limit: usize,
    body: &mut Vec<u8>,
) -> Result<bool, reqwest::Error> {
    while let Some(chunk) = response.chunk().await? {
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Waits for `future` as long as `progress` moves at least once in every `patience`.
async fn while_moving<F: Future>(
    future: F,
    progress: &Progress,
    patience: Duration,
) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    loop {
        let before = progress.sent();
        match tokio::time::timeout(patience, &mut future).await {
            Ok(output) => return Some(output),
            Err(_) if progress.sent() > before => {}
            Err(_) => return None,
        }
    }
}

fn redirects(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The error for a reply that the protocol does not know.
pub(super) fn protocol(asked: &Asked, fault: ReplyFault) -> RegistryError {
    RegistryError::Protocol { asked: Box::new(asked.clone()), fault: Box::new(fault) }
}

/// The error for a request or body that took too long.
pub(super) fn timeout(asked: &Asked, after: Duration) -> RegistryError {
    RegistryError::Timeout { asked: Box::new(asked.clone()), after }
}

/// The error for a connection that failed; without the URL, which may hold secrets.
pub(super) fn transport_error(asked: &Asked, error: reqwest::Error) -> RegistryError {
    RegistryError::Transport {
        asked: Box::new(asked.clone()),
        remedy: transport::remedy(&error),
        source: error.without_url(),
    }
}
