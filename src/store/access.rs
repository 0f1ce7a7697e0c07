//! How registries are talked to: credentials, certificates and exceptions, as the command line
//! gives them; and opening what a location names.

use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde::Deserialize;

use super::layout::Layout;
use super::registry::{Credentials, Registry, RegistryOptions, is_loopback_host};
use super::{Home, Location, Reference, StoreError, StoreLocation};

/// The most bytes that an auth file may have.
const AUTH_FILE_LIMIT: u64 = 1024 * 1024;

/// How registries are talked to.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Hosts, with their ports, for which plain http and unverified TLS are fine.
    pub insecure: Vec<String>,
    /// A file with certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// A file with credentials, in the form of docker's `config.json`.
    pub authfile: Option<PathBuf>,
}

/// Credentials could not be had, or a location could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The auth file cannot be read.
    #[error("cannot read the auth file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The auth file is larger than any auth file.
    #[error("the auth file {path} has more than 1 MiB")]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// The auth file is malformed. What is wrong is not said in detail: it holds secrets.
    #[error("the auth file {path} is malformed: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What part of it is.
        reason: &'static str,
    },
    /// A root file system is not a place that holds images.
    #[error("{0} is a plain root file system; this needs an image")]
    NotAnImage(String),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccessError {
    /// Whether what the user named is at fault.
    #[must_use]
    pub fn is_input(&self) -> bool {
        match self {
            Self::Store(error) => error.is_input(),
            Self::Malformed { .. } | Self::Size { .. } | Self::NotAnImage(_) => true,
            Self::Read { .. } => false,
        }
    }
}

impl Access {
    /// Whether plain http and unverified TLS are fine for `host`.
    #[must_use]
    pub fn is_insecure(&self, host: &str) -> bool {
        self.insecure.iter().any(|name| name == host)
    }

    /// Whether `host` may be talked to without TLS, or with certificates that nobody verified: as
    /// the user said, or because it is this machine.
    #[must_use]
    pub fn without_tls(&self, host: &str) -> bool {
        self.is_insecure(host) || (self.ca_file.is_none() && is_loopback_host(host))
    }

    /// The registry `host`, with streams below `prefix`.
    ///
    /// # Errors
    /// When the options do not fit or the auth file cannot be used.
    pub fn registry(&self, host: &str, prefix: &str) -> Result<Registry, AccessError> {
        let credentials = match &self.authfile {
            Some(path) => read_credentials(path, host)?,
            None => None,
        };
        let options = RegistryOptions {
            credentials,
            insecure: self.is_insecure(host),
            ca_file: self.ca_file.clone(),
            host: host.to_owned(),
            prefix: prefix.to_owned(),
            ..RegistryOptions::default()
        };
        Ok(Registry::new(options).map_err(StoreError::from)?)
    }

    /// Opens a store to write to. A layout is made where there is none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_store(&self, location: &StoreLocation) -> Result<Home, AccessError> {
        match location {
            StoreLocation::Registry { host, prefix } => {
                Ok(Home::Registry(Box::new(self.registry(host, prefix)?)))
            }
            StoreLocation::Layout(dir) => {
                Ok(Home::Layout(Layout::open_or_create(dir).map_err(StoreError::from)?))
            }
        }
    }

    /// Opens what an image's location names, to read it: the store, the stream and the reference.
    /// A layout without a name stands for the one image in it.
    ///
    /// # Errors
    /// When it cannot be opened, is a plain root file system, or a layout of several images without
    /// a name.
    pub async fn open_image(
        &self,
        location: &Location,
    ) -> Result<(Home, String, Reference), AccessError> {
        match location {
            Location::Registry { host, repository, reference } => {
                let registry = self.registry(host, "")?;
                Ok((Home::Registry(Box::new(registry)), repository.clone(), reference.clone()))
            }
            Location::Layout { dir, name, digest } => {
                let layout = Layout::open(dir).map_err(StoreError::from)?;
                let (stream, reference) = match (name, digest) {
                    (_, Some(digest)) => (String::new(), Reference::Digest(*digest)),
                    (Some(name), None) => named(&layout, name).await?,
                    (None, None) => only(&layout).await?,
                };
                Ok((Home::Layout(layout), stream, reference))
            }
            Location::Directory(_) | Location::Tar(_) => {
                Err(AccessError::NotAnImage(location.to_string()))
            }
        }
    }
}

/// What a reference name of a layout stands for. One without a colon is the whole name that another
/// program wrote, or a stream of ours.
async fn named(layout: &Layout, name: &str) -> Result<(String, Reference), AccessError> {
    let (mut stream, mut tag) = split_name(name);
    if stream.is_empty() && layout.named(Some(name)).await.map_err(StoreError::from)?.is_none() {
        (stream, tag) = (name, "latest");
    }
    Ok((stream.to_owned(), Reference::Tag(tag.to_owned())))
}

/// The one image of a layout.
async fn only(layout: &Layout) -> Result<(String, Reference), AccessError> {
    let image = layout.named(None).await.map_err(StoreError::from)?;
    let reference = image.map_or_else(
        || Reference::Tag("latest".to_owned()),
        |image| Reference::Digest(image.descriptor.digest),
    );
    Ok((String::new(), reference))
}

/// The stream and tag of a layout's reference name. A name without a colon is all tag.
#[must_use]
pub fn split_name(name: &str) -> (&str, &str) {
    name.rsplit_once(':').unwrap_or(("", name))
}

fn read_credentials(path: &Path, host: &str) -> Result<Option<Credentials>, AccessError> {
    let read = |source| AccessError::Read { path: path.to_owned(), source };
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(read)?;
    file.take(AUTH_FILE_LIMIT + 1).read_to_end(&mut text).map_err(read)?;
    if text.len() as u64 > AUTH_FILE_LIMIT {
        return Err(AccessError::Size { path: path.to_owned() });
    }
    credentials_in(&text, host)
        .map_err(|reason| AccessError::Malformed { path: path.to_owned(), reason })
}

/// The credentials for `host` in an auth file (containers-auth.json(5)).
fn credentials_in(text: &[u8], host: &str) -> Result<Option<Credentials>, &'static str> {
    #[derive(Deserialize)]
    struct AuthFile {
        #[serde(default)]
        auths: std::collections::BTreeMap<String, Auth>,
    }
    #[derive(Deserialize)]
    struct Auth {
        auth: Option<String>,
    }
    let file: AuthFile = serde_json::from_slice(text).map_err(|_| "it is not an auth file")?;
    let Some(auth) = file.auths.get(host).and_then(|entry| entry.auth.as_deref()) else {
        return Ok(None);
    };
    let bytes = STANDARD.decode(auth).map_err(|_| "an `auth` is not base64")?;
    let pair = String::from_utf8(bytes).map_err(|_| "an `auth` is not UTF-8")?;
    let (username, password) = pair.split_once(':').ok_or("an `auth` has no colon")?;
    let password = SecretString::from(password.to_owned());
    Ok(Some(Credentials { username: username.to_owned(), password }))
}

#[cfg(test)]
mod tests {
    use super::{credentials_in, split_name};
    use secrecy::ExposeSecret;

    #[test]
    fn names_split_at_the_last_colon() {
        assert_eq!(split_name("a-base:latest"), ("a-base", "latest"));
        assert_eq!(split_name("rhel-coreos"), ("", "rhel-coreos"));
    }

    #[test]
    fn credentials_are_found_by_host() {
        let file = br#"{"auths": {"localhost:5000": {"auth": "dXNlcjpwYTpzcw=="}, "other": {}}}"#;
        let found = credentials_in(file, "localhost:5000").unwrap().unwrap();
        assert_eq!((found.username.as_str(), found.password.expose_secret()), ("user", "pa:ss"));
        assert!(credentials_in(file, "other").unwrap().is_none());
        assert!(credentials_in(file, "elsewhere").unwrap().is_none());
        assert!(credentials_in(b"{}", "elsewhere").unwrap().is_none());
    }

    #[test]
    fn malformed_files_are_refused_without_their_contents() {
        for (text, wanted) in [
            (&b"["[..], "not an auth file"),
            (br#"{"auths": {"h": {"auth": "%"}}}"#, "base64"),
            (br#"{"auths": {"h": {"auth": "dXNlcg=="}}}"#, "colon"),
        ] {
            let found = credentials_in(text, "h").map(|_| ()).unwrap_err();
            assert!(found.contains(wanted), "{found}");
        }
    }
}
