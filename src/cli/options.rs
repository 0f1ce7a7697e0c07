//! Options that several commands have.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Exit, Failure};
use crate::machineconfig::{DEFAULT_MAX_BYTES, MachineConfig, ReadOptions, read};
use crate::store::Access;

/// How registries are talked to.
#[derive(Debug, Args)]
pub struct AccessOptions {
    /// Let HOST[:PORT] be talked to without TLS, or with certificates that are not verified
    #[arg(long, value_name = "HOST")]
    insecure: Vec<String>,
    /// Certificates to trust beside the system's, in PEM
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Credentials, in the form of docker's config.json
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE")]
    authfile: Option<PathBuf>,
}

impl AccessOptions {
    /// As the stores take it.
    ///
    /// # Errors
    /// When the working directory is gone and a path is relative to it.
    pub fn access(self) -> Result<Access, Failure> {
        let Self { insecure, ca_file, authfile } = self;
        let [ca_file, authfile] = [ca_file, authfile].map(|path| path.map(absolute).transpose());
        Ok(Access { insecure, ca_file: ca_file?, authfile: authfile? })
    }
}

/// The path from the root: programs that are started run in another directory.
///
/// # Errors
/// When the working directory is gone.
pub fn absolute(path: PathBuf) -> Result<PathBuf, Failure> {
    let failed =
        |error| Failure::new(Exit::Failed, &format!("cannot find {}", path.display()), error);
    std::path::absolute(&path).map_err(failed)
}

/// How documents are read.
#[derive(Debug, Args)]
pub struct DocumentOptions {
    /// The largest document that is read, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_MAX_BYTES)]
    max_document_size: usize,
}

impl DocumentOptions {
    /// Reads the MachineConfig in a file, or on standard input when the file is `-`.
    ///
    /// # Errors
    /// When it cannot be read or used: always exit code 65.
    pub async fn read(&self, path: &Path, allow_ignition: bool) -> Result<MachineConfig, Failure> {
        let options = ReadOptions { max_bytes: self.max_document_size, allow_ignition };
        let from_input = path == Path::new("-");
        let origin =
            if from_input { "standard input".to_owned() } else { path.display().to_string() };
        // One byte more than the limit tells a document that is too long from one that just fits.
        let limit = u64::try_from(self.max_document_size).unwrap_or(u64::MAX).saturating_add(1);
        let path = path.to_owned();
        // Whoever feeds a pipe may take long: an interrupt must not wait for that.
        let reading = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            if from_input {
                std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
            } else {
                std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
            }
            Ok::<_, std::io::Error>(bytes)
        });
        let bytes = reading.await.map_err(Failure::failed)?.map_err(|error| {
            Failure::new(Exit::BadInput, &format!("cannot read {origin}"), error)
        })?;
        read(&bytes, &origin, &options).map_err(Failure::input)
    }
}
