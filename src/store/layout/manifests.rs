//! Manifests and indexes in a layout: found by name or digest, and put under either.

use std::io::Read as _;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::index::Found;
use super::site::{Site, blob_file, blob_path, index_path, read_index};
use super::{LayoutError, blobs};
use crate::image::{Descriptor, Digest, Document, MANIFEST_LIMIT, RawManifest, media_type};
use crate::store::Reference;
use crate::store::content::check_bytes;

/// The most names that a message lists.
const LISTED: usize = 10;

/// What stands under a reference name.
pub(super) fn find(site: &Site, name: &str) -> Result<Option<Descriptor>, LayoutError> {
    let Some(root) = site.read()? else {
        return Ok(None);
    };
    let path = index_path(site.dir());
    let found = read_index(&root)?
        .find(name)
        .map_err(|problem| LayoutError::Malformed { path: path.clone(), problem })?;
    match found {
        Found::Nothing => Ok(None),
        Found::One(descriptor) => Ok(Some(descriptor)),
        Found::Several(count) => {
            let name = name.chars().take(300).collect();
            Err(LayoutError::Ambiguous { path, name, count })
        }
    }
}

/// The one image that the layout holds; `None` where it is empty.
pub(super) fn only(site: &Site) -> Result<Option<Descriptor>, LayoutError> {
    let Some(root) = site.read()? else {
        return Ok(None);
    };
    let index = read_index(&root)?;
    let names = index.names();
    if names.len() > 1 {
        let listed: Vec<String> = names
            .iter()
            .filter(|name| !name.is_empty())
            .take(LISTED)
            .map(|name| name.chars().take(100).collect())
            .collect();
        let dir = site.dir().to_owned();
        return Err(LayoutError::WhichOne { dir, count: names.len(), names: listed.join(", ") });
    }
    index.at(0).map_err(|problem| LayoutError::Malformed { path: index_path(site.dir()), problem })
}

/// Reads the manifest that an entry of the index describes.
pub(super) fn read(site: &Site, descriptor: Descriptor) -> Result<RawManifest, LayoutError> {
    let digest = descriptor.digest;
    let missing = || LayoutError::MissingBlob { dir: site.dir().to_owned(), digest };
    let bytes = document(site, digest)?.ok_or_else(missing)?;
    check_bytes(&descriptor, &bytes).map_err(|fault| wrong(site, digest, fault))?;
    kind_of(&bytes, Some(&descriptor.media_type))
        .map_err(|problem| unusable(site, digest, problem))?;
    Ok(RawManifest { descriptor, bytes })
}

/// Reads a manifest by its digest; its media type is what it says or looks like.
pub(super) fn read_digest(site: &Site, digest: Digest) -> Result<Option<RawManifest>, LayoutError> {
    let Some(bytes) = document(site, digest)? else {
        return Ok(None);
    };
    let kind = kind_of(&bytes, None).map_err(|problem| unusable(site, digest, problem))?;
    let descriptor = Descriptor { media_type: kind, digest, size: bytes.len() as u64 };
    check_bytes(&descriptor, &bytes).map_err(|fault| wrong(site, digest, fault))?;
    Ok(Some(RawManifest { descriptor, bytes }))
}

/// Puts a manifest, whose blobs are there, under a name or its digest.
pub(super) fn put(
    site: &Site,
    name: Option<&str>,
    reference: &Reference,
    manifest: &RawManifest,
) -> Result<(), LayoutError> {
    let descriptor = &manifest.descriptor;
    let digest = descriptor.digest;
    let named = match reference {
        Reference::Digest(named) => *named,
        Reference::Tag(_) => digest,
    };
    let as_named = Descriptor { digest: named, ..descriptor.clone() };
    check_bytes(&as_named, &manifest.bytes)
        .map_err(|fault| LayoutError::Content { what: format!("the manifest {named}"), fault })?;
    if manifest.bytes.len() > MANIFEST_LIMIT {
        let path = blob_path(site.dir(), digest);
        return Err(LayoutError::TooLarge { path, limit: MANIFEST_LIMIT });
    }
    kind_of(&manifest.bytes, Some(&descriptor.media_type))
        .map_err(|problem| unusable(site, digest, problem))?;
    check_parts(site, manifest)?;
    if blobs::has(site, descriptor)? && name.is_none_or(|name| stands(site, name, descriptor)) {
        return Ok(());
    }

    let layout = site.write()?;
    if !blobs::has(site, descriptor)? {
        let mut file = layout.temporary()?;
        file.write(&manifest.bytes)?;
        layout.commit_blob(file, digest)?;
    }
    if let Some(name) = name {
        let lock = layout.lock_index()?;
        let mut index = layout.index()?;
        index.set(name, descriptor);
        layout.write_index(&index, &lock)?;
    }
    Ok(())
}

/// Whether the name stands for this already. Whatever is wrong with its entry, it is to be replaced.
fn stands(site: &Site, name: &str, descriptor: &Descriptor) -> bool {
    matches!(find(site, name), Ok(Some(found)) if found == *descriptor)
}

/// Whatever a manifest names has to be there before it (I3).
fn check_parts(site: &Site, manifest: &RawManifest) -> Result<(), LayoutError> {
    let digest = manifest.descriptor.digest;
    let dir = || site.dir().to_owned();
    let document = manifest.parse().map_err(|source| LayoutError::Manifest {
        dir: dir(),
        digest,
        source: source.into(),
    })?;
    let parts: Vec<&Descriptor> = match &document {
        Document::Manifest(manifest) => manifest.blobs().collect(),
        Document::Index(index) => index.images().iter().map(|(_, image)| image).collect(),
    };
    for part in parts {
        if !blobs::has(site, part)? {
            return Err(LayoutError::MissingBlob { dir: dir(), digest: part.digest });
        }
    }
    Ok(())
}

/// The bytes of a document, bounded, not verified.
fn document(site: &Site, digest: Digest) -> Result<Option<Vec<u8>>, LayoutError> {
    let Some(root) = site.read()? else {
        return Ok(None);
    };
    let Some((file, _)) = blob_file(&root, digest)? else {
        return Ok(None);
    };
    let path = blob_path(site.dir(), digest);
    let mut bytes = Vec::new();
    file.take(MANIFEST_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| LayoutError::from_io("read", &path, error))?;
    if bytes.len() > MANIFEST_LIMIT {
        return Err(LayoutError::TooLarge { path, limit: MANIFEST_LIMIT });
    }
    Ok(Some(bytes))
}

fn wrong(site: &Site, digest: Digest, fault: crate::store::ContentFault) -> LayoutError {
    LayoutError::Content { what: blob_path(site.dir(), digest).display().to_string(), fault }
}

fn unusable(site: &Site, digest: Digest, problem: &'static str) -> LayoutError {
    LayoutError::NotAManifest { dir: site.dir().to_owned(), digest, problem }
}

/// The media type of a document: what it says of itself, or else what its fields make it. A document
/// that could be read as two things is refused (image-spec, manifest.md, on `mediaType`).
fn kind_of(bytes: &[u8], announced: Option<&str>) -> Result<String, &'static str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape {
        media_type: Option<String>,
        config: Option<IgnoredAny>,
        layers: Option<IgnoredAny>,
        manifests: Option<IgnoredAny>,
    }
    let shape: Shape =
        serde_json::from_slice(bytes).map_err(|_| "it is no manifest, but something else")?;
    let looks = match (shape.config.or(shape.layers), shape.manifests) {
        (Some(_), Some(_)) => return Err("it is a manifest and an index at once"),
        (Some(_), None) => media_type::MANIFEST,
        (None, Some(_)) => media_type::INDEX,
        (None, None) => return Err("it is no manifest, but something else"),
    };
    if let (Some(says), Some(announced)) = (&shape.media_type, announced)
        && says != announced
    {
        return Err("it says that it has another media type than its descriptor");
    }
    let kind = shape.media_type.as_deref().or(announced).unwrap_or(looks);
    let fits = match kind {
        media_type::MANIFEST | media_type::DOCKER_MANIFEST => looks == media_type::MANIFEST,
        media_type::INDEX | media_type::DOCKER_INDEX => looks == media_type::INDEX,
        _ => true,
    };
    if fits { Ok(kind.to_owned()) } else { Err("it does not look like its media type") }
}

#[cfg(test)]
mod tests {
    use super::kind_of;
    use crate::image::media_type::{DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST};

    #[test]
    fn a_document_says_what_it_is_or_looks_like_it() {
        let says = |kind: &str, fields: &str| format!(r#"{{"mediaType":"{kind}",{fields}}}"#);
        for (text, announced, expected) in [
            (r#"{"config":{},"layers":[]}"#.to_owned(), None, Ok(MANIFEST)),
            (r#"{"config":{},"layers":[]}"#.to_owned(), Some(MANIFEST), Ok(MANIFEST)),
            (r#"{"manifests":[]}"#.to_owned(), None, Ok(INDEX)),
            (says(DOCKER_MANIFEST, r#""config":{}"#), None, Ok(DOCKER_MANIFEST)),
            (says(DOCKER_INDEX, r#""manifests":[]"#), Some(DOCKER_INDEX), Ok(DOCKER_INDEX)),
            (says("x/y", r#""layers":[]"#), None, Ok("x/y")),
            (says(INDEX, r#""layers":[]"#), None, Err("does not look")),
            (r#"{"layers":[]}"#.to_owned(), Some(INDEX), Err("does not look")),
            (says(MANIFEST, r#""layers":[]"#), Some(INDEX), Err("another media type")),
            (r#"{"layers":[],"manifests":[]}"#.to_owned(), None, Err("at once")),
            (r#"{"architecture":"amd64"}"#.to_owned(), None, Err("something else")),
            ("\u{1f}\u{8b}".to_owned(), None, Err("something else")),
            ("[".repeat(100_000), None, Err("something else")),
        ] {
            let found = kind_of(text.as_bytes(), announced);
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{text}: {found}"),
                _ => panic!("{text}: {found:?}"),
            }
        }
    }
}
