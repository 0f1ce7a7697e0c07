//! The registry home of a store (distribution-spec 1.1), over http and https, anonymous or with
//! basic authentication.
//!
//! Everything that goes to or comes from a registry is verified against its digest here. One
//! request is one request: there is no `/v2/` ping, no retry, and nothing asked twice. What is
//! pushed, and whether it has to be, is decided by the callers.
//!
//! | file | purpose |
//! |---|---|
//! | `names`, `endpoint`, `options` | what a registry is called, where it is, how it is spoken to |
//! | `client`, `wire`, `transport` | HTTP: whom it trusts, one request and its reply, why none came |
//! | `reply`, `location`, `words`, `fault` | what a reply means; pure, for hostile bytes |
//! | `manifests`, `blobs`, `upload` | the verbs |

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use url::Url;

use super::{BlobReader, BlobSource, RawManifest, Reference, Store, StoreError};
use crate::image::{Descriptor, Digest};

mod blobs;
mod client;
mod endpoint;
mod error;
mod fault;
mod location;
mod manifests;
mod names;
mod options;
mod reply;
mod transport;
mod upload;
mod wire;
mod words;

pub use super::ContentFault;
pub use client::install_crypto_provider;
pub use endpoint::{Scheme, is_loopback_host};
pub use error::{Asked, Class, Operation, Refusal, RegistryError};
pub use fault::ReplyFault;
pub use names::{ImageName, NameError, check_tag, excerpt};
pub use options::{Credentials, RegistryOptions, Timeouts};

use client::Clients;
use endpoint::Endpoint;
use wire::Wire;

/// Streams that are repositories of one registry.
#[derive(Debug)]
pub struct Registry {
    host: String,
    prefix: String,
    wire: Wire,
    /// Upload sessions that a registry opened instead of mounting: the upload of that blob to that
    /// repository takes it from here.
    sessions: Mutex<HashMap<(String, Digest), Url>>,
}

impl Registry {
    /// Gets ready; sends nothing.
    ///
    /// # Errors
    ///
    /// Where host or prefix cannot be one, the CA file is of no use, or https is needed and this
    /// machine trusts no certificates.
    pub fn new(options: RegistryOptions) -> Result<Self, RegistryError> {
        let RegistryOptions { host, prefix, credentials, scheme, insecure, ca_file, timeouts } =
            options;
        let prefix = prefix.trim_matches('/').to_owned();
        if !prefix.is_empty() {
            names::check_repository(&prefix)?;
        }
        let endpoint = Endpoint::decide(&host, scheme, insecure, ca_file.is_some())?;
        let clients = Clients::new(&endpoint, ca_file.as_deref(), timeouts.connect)?;
        Ok(Self {
            host,
            prefix,
            wire: Wire { endpoint, clients, credentials, timeouts, downgraded: OnceLock::new() },
            sessions: Mutex::default(),
        })
    }

    /// The repository of a stream, checked: it goes into URLs as it is.
    fn repository(&self, stream: &str) -> Result<String, RegistryError> {
        let repository = self.join(stream);
        names::check_repository(&repository)?;
        Ok(repository)
    }

    fn join(&self, stream: &str) -> String {
        match (self.prefix.as_str(), stream) {
            ("", stream) => stream.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, stream) => format!("{prefix}/{stream}"),
        }
    }

    fn asked(&self, operation: Operation, repository: &str, object: impl ToString) -> Asked {
        Asked {
            operation,
            host: self.host.clone(),
            repository: repository.to_owned(),
            object: object.to_string(),
        }
    }

    fn keep_session(&self, repository: &str, digest: Digest, session: Url) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert((repository.to_owned(), digest), session);
    }

    fn take_session(&self, repository: &str, digest: Digest) -> Option<Url> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&(repository.to_owned(), digest))
    }
}

impl Store for Registry {
    fn describe(&self, stream: &str) -> String {
        format!("{}/{}", self.host, self.join(stream))
    }

    async fn head(
        &self,
        stream: &str,
        reference: &Reference,
    ) -> Result<Option<Descriptor>, StoreError> {
        let repository = self.repository(stream)?;
        Ok(self.head_manifest(&repository, reference).await?)
    }

    async fn manifest(
        &self,
        stream: &str,
        reference: &Reference,
    ) -> Result<Option<RawManifest>, StoreError> {
        let repository = self.repository(stream)?;
        Ok(self.get_manifest(&repository, reference).await?)
    }

    async fn blob(&self, stream: &str, descriptor: &Descriptor) -> Result<BlobReader, StoreError> {
        let repository = self.repository(stream)?;
        Ok(self.get_blob(&repository, descriptor).await?)
    }

    async fn has_blob(&self, stream: &str, descriptor: &Descriptor) -> Result<bool, StoreError> {
        let repository = self.repository(stream)?;
        Ok(self.head_blob(&repository, descriptor).await?)
    }

    async fn put_blob(
        &self,
        stream: &str,
        descriptor: &Descriptor,
        source: BlobSource,
    ) -> Result<(), StoreError> {
        let repository = self.repository(stream)?;
        Ok(self.upload(&repository, descriptor, source).await?)
    }

    async fn mount_blob(
        &self,
        stream: &str,
        descriptor: &Descriptor,
        from: &str,
    ) -> Result<bool, StoreError> {
        let (repository, from) = (self.repository(stream)?, self.repository(from)?);
        Ok(self.mount(&repository, descriptor, &from).await?)
    }

    async fn put_manifest(
        &self,
        stream: &str,
        reference: &Reference,
        manifest: &RawManifest,
    ) -> Result<(), StoreError> {
        let repository = self.repository(stream)?;
        Ok(self.push_manifest(&repository, reference, manifest).await?)
    }
}
