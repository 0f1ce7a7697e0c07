//! What a caller says about a registry.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::endpoint::Scheme;

/// User and password for basic authentication (RFC 7617).
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user; without a colon.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// How long a registry may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To accept a connection, TLS included.
    pub connect: Duration,
    /// To answer a small request; and then to send a small body whole.
    pub exchange: Duration,
    /// Between two pieces of a blob that is read.
    pub idle: Duration,
    /// Between two pieces of a blob that is sent, and to answer after the last: registries copy
    /// and hash the blob then.
    pub upload: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            exchange: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            upload: Duration::from_secs(300),
        }
    }
}

/// Where a registry is, and how to speak to it.
#[derive(Debug, Clone, Default)]
pub struct RegistryOptions {
    /// `HOST[:PORT]`, as in references.
    pub host: String,
    /// The path below which the streams are repositories; may be empty.
    pub prefix: String,
    /// Sent with every request to this registry, and to no one else.
    pub credentials: Option<Credentials>,
    /// Asks for a scheme. Without it: https, and http for this machine's own addresses.
    pub scheme: Option<Scheme>,
    /// `--insecure HOST`: certificates are not verified; where there is no TLS, plain http will do,
    /// for credentials too.
    pub insecure: bool,
    /// A PEM file with CA certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// How long it may take.
    pub timeouts: Timeouts,
}
