//! The HTTP clients of one registry: whom they trust, and through what they connect.
//!
//! There are up to three, each made when a URL first needs it: reqwest refuses to make one that
//! verifies certificates on a machine without any, and reading the system's certificates costs more
//! than a request to a registry that does not need them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

use super::endpoint::Endpoint;
use super::error::RegistryError;
use super::transport::causes;

/// Sent as `User-Agent`.
const USER_AGENT: &str = concat!("layerwright/", env!("CARGO_PKG_VERSION"));
/// How much of a CA file is read, in bytes; a whole system's bundle has about 250 KB.
const CA_FILE_LIMIT: u64 = 4 * 1024 * 1024;

/// Makes ring the one cryptography of this process. Whatever builds a TLS client in this program
/// needs it first; calling it again does nothing.
pub fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // It fails only where another thread was first, with the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Clients {
    extra: Vec<Certificate>,
    connect: Duration,
    proxied: bool,
    plain: OnceLock<Client>,
    verifying: OnceLock<Client>,
    trusting: OnceLock<Client>,
}

impl Clients {
    /// Reads the CA file. With a registry that needs verified https, its client is made at once, so
    /// that a machine that cannot says so early.
    pub(super) fn new(
        endpoint: &Endpoint,
        ca_file: Option<&Path>,
        connect: Duration,
    ) -> Result<Self, RegistryError> {
        install_crypto_provider();
        let clients = Self {
            extra: ca_file.map_or_else(|| Ok(Vec::new()), certificates)?,
            connect,
            // A proxy could not reach what only this machine can.
            proxied: !endpoint.loopback,
            plain: OnceLock::new(),
            verifying: OnceLock::new(),
            trusting: OnceLock::new(),
        };
        clients.for_url(endpoint.first(), endpoint)?;
        Ok(clients)
    }

    /// The client for `url`, which the registry of `endpoint` has led to.
    pub(super) fn for_url(&self, url: &Url, endpoint: &Endpoint) -> Result<&Client, RegistryError> {
        let (slot, builder) = if url.scheme() == "http" {
            (&self.plain, self.builder().tls_certs_only([]))
        } else if endpoint.insecure && endpoint.same_host(url) {
            let trusting = self.builder().tls_danger_accept_invalid_certs(true);
            (&self.trusting, trusting)
        } else {
            let verifying = self.builder().tls_certs_merge(self.extra.clone());
            (&self.verifying, verifying)
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = builder.build().map_err(|error| {
            if has_no_certificates(&error) {
                RegistryError::NoCaCertificates
            } else {
                RegistryError::Client(error)
            }
        })?;
        Ok(slot.get_or_init(|| client))
    }

    fn builder(&self) -> ClientBuilder {
        let builder = Client::builder()
            .user_agent(USER_AGENT)
            // Redirects are followed by `wire`, which knows where credentials may go.
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(self.connect);
        if self.proxied { builder } else { builder.no_proxy() }
    }
}

/// The certificates in a PEM file; one without any is an error, since it would silently trust no
/// one more.
fn certificates(path: &Path) -> Result<Vec<Certificate>, RegistryError> {
    let error = |what, source| RegistryError::CaFile { path: path.to_owned(), what, source };
    let mut pem = Vec::new();
    File::open(path)
        .and_then(|file| file.take(CA_FILE_LIMIT + 1).read_to_end(&mut pem))
        .map_err(|source| error("it cannot be read", Some(source)))?;
    if pem.len() as u64 > CA_FILE_LIMIT {
        return Err(error("it is longer than 4 MiB", None));
    }
    let mut roots = RootCertStore::empty();
    let mut certificates = Vec::new();
    for found in CertificateDer::pem_slice_iter(&pem) {
        let damaged = || error("a certificate in it is damaged", None);
        let certificate = found.map_err(|_| damaged())?;
        certificates.push(Certificate::from_der(&certificate).map_err(|_| damaged())?);
        roots.add(certificate).map_err(|_| damaged())?;
    }
    if certificates.is_empty() {
        return Err(error("there is no PEM certificate in it", None));
    }
    Ok(certificates)
}

/// Whether the client could not be made because the system has no CA certificates. Only the words
/// of rustls-platform-verifier tell.
fn has_no_certificates(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        matches!(cause.downcast_ref(), Some(rustls::Error::General(words))
            if words.contains("No CA certificates"))
    })
}
