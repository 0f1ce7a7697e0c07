//! Blobs in a layout.

use std::io;
use std::path::PathBuf;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::directory::Temporary;
use super::site::{Site, blob_file, blob_path};
use super::{Layout, LayoutError};
use crate::image::Descriptor;
use crate::store::content::check_length;
use crate::store::verified::{CHUNK, VerifiedReader};
use crate::store::{BlobReader, BlobSource};

/// Whether a blob is there, in its full length.
pub(super) fn has(site: &Site, descriptor: &Descriptor) -> Result<bool, LayoutError> {
    let Some(root) = site.read()? else {
        return Ok(false);
    };
    let found = blob_file(&root, descriptor.digest)?;
    Ok(found.is_some_and(|(_, length)| length == descriptor.size))
}

impl Layout {
    /// A reader of a blob that ends in an error where its bytes are not the right ones.
    pub(super) async fn read_blob(
        &self,
        descriptor: &Descriptor,
    ) -> Result<BlobReader, LayoutError> {
        let wanted = descriptor.clone();
        let (file, what) = self
            .blocking(move |site| {
                let digest = wanted.digest;
                let missing = || LayoutError::MissingBlob { dir: site.dir().to_owned(), digest };
                let root = site.read()?.ok_or_else(missing)?;
                let (file, length) = blob_file(&root, digest)?.ok_or_else(missing)?;
                let what = blob_path(site.dir(), digest).display().to_string();
                check_length(&wanted, length)
                    .map_err(|fault| LayoutError::Content { what: what.clone(), fault })?;
                Ok((file, what))
            })
            .await?;
        let file = tokio::fs::File::from_std(file);
        let wrong = move |fault| wrong_bytes(&what, fault);
        Ok(Box::pin(VerifiedReader::new(file, descriptor, wrong)))
    }

    /// Puts a blob; what is there in its full length already is not read.
    pub(super) async fn write_blob(
        &self,
        descriptor: &Descriptor,
        source: BlobSource,
    ) -> Result<(), LayoutError> {
        let wanted = descriptor.clone();
        if self.blocking(move |site| has(site, &wanted)).await? {
            return Ok(());
        }
        let digest = descriptor.digest;
        let unreadable =
            |source| LayoutError::Source { dir: self.dir().to_owned(), digest, source };
        let reader: BlobReader = match source {
            BlobSource::Bytes(bytes) => Box::pin(io::Cursor::new(bytes)),
            BlobSource::File(path) => Box::pin(open(path).await.map_err(unreadable)?),
            BlobSource::Reader(reader) => reader,
        };
        let what = format!("the blob {digest}");
        let wrong = move |fault| wrong_bytes(&what, fault);
        let mut reader = VerifiedReader::new(reader, descriptor, wrong);

        let (layout, temporary, file) = self
            .blocking(|site| {
                let layout = site.write()?;
                let temporary = layout.temporary()?;
                let file = temporary.writer()?;
                Ok((layout, temporary, file))
            })
            .await?;
        let mut file = tokio::fs::File::from_std(file);
        let mut chunk = vec![0; CHUNK];
        let unwritable = |temporary: &Temporary, error| temporary.failed("write", error);
        loop {
            let read = match reader.read(&mut chunk).await {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => {
                    return Err(error.downcast::<LayoutError>().unwrap_or_else(unreadable));
                }
            };
            let written = file.write_all(&chunk[..read]).await;
            written.map_err(|error| unwritable(&temporary, error))?;
        }
        file.flush().await.map_err(|error| unwritable(&temporary, error))?;
        drop(file);
        self.blocking(move |_| layout.commit_blob(temporary, digest)).await
    }
}

fn wrong_bytes(what: &str, fault: crate::store::ContentFault) -> io::Error {
    let error = LayoutError::Content { what: what.to_owned(), fault };
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Opens a file to be put, with its name in the error.
async fn open(path: PathBuf) -> io::Result<tokio::fs::File> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    tokio::fs::File::open(&path).await.map_err(named)
}
