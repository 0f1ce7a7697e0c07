//! A certificate authority of the test's own, and a certificate of it for this machine.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Files that hold the certificates, in PEM.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority, to be trusted by clients.
    pub ca: PathBuf,
    /// A certificate for `localhost`, `127.0.0.1` and `::1`.
    pub server: PathBuf,
    /// Its private key.
    pub server_key: PathBuf,
}

impl Certificates {
    /// Makes new ones in `dir`.
    pub fn make(dir: &Path) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "layerwright test authority");
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();

        let server_key = KeyPair::generate().unwrap();
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut server = CertificateParams::new(names).unwrap();
        server.distinguished_name.push(DnType::CommonName, "layerwright test server");
        let issuer = Issuer::new(ca, ca_key);
        let server_pem = server.signed_by(&server_key, &issuer).unwrap().pem();

        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        Self {
            ca: write("ca.pem", &ca_pem),
            server: write("server.pem", &server_pem),
            server_key: write("server.key", &server_key.serialize_pem()),
        }
    }
}
