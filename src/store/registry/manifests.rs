//! The verbs for manifests (distribution-spec, "Pulling manifests", "Checking if content exists",
//! "Pushing Manifests").

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Method, Request};

use super::wire::protocol;
use super::{
    Asked, ContentFault, Descriptor, Digest, Operation, RawManifest, Reference, Registry,
    RegistryError, names, reply,
};

impl Registry {
    /// One HEAD; and a GET, where the registry leaves out what a HEAD is for.
    pub(super) async fn head_manifest(
        &self,
        repository: &str,
        reference: &Reference,
    ) -> Result<Option<Descriptor>, RegistryError> {
        let asked = self.asked(Operation::HeadManifest, repository, reference);
        let request = self.manifest_request(Method::HEAD, repository, reference)?;
        let answer = self.wire.read(request, &asked).await?;
        match answer.status.as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(self.wire.refuse(answer, &asked).await),
        }
        let described = reply::described(&answer.headers, reference)
            .map_err(|fault| protocol(&asked, fault))?;
        if described.is_some() {
            return Ok(described);
        }
        let manifest = self.get_manifest(repository, reference).await?;
        Ok(manifest.map(|manifest| manifest.descriptor))
    }

    /// One GET.
    pub(super) async fn get_manifest(
        &self,
        repository: &str,
        reference: &Reference,
    ) -> Result<Option<RawManifest>, RegistryError> {
        let asked = self.asked(Operation::GetManifest, repository, reference);
        let request = self.manifest_request(Method::GET, repository, reference)?;
        let answer = self.wire.read(request, &asked).await?;
        match answer.status.as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(self.wire.refuse(answer, &asked).await),
        }
        let bytes = self.wire.manifest_body(answer.response, &asked).await?;
        reply::manifest(&answer.headers, bytes, reference)
            .map(Some)
            .map_err(|fault| protocol(&asked, fault))
    }

    /// One PUT.
    pub(super) async fn push_manifest(
        &self,
        repository: &str,
        reference: &Reference,
        manifest: &RawManifest,
    ) -> Result<(), RegistryError> {
        let asked = self.asked(Operation::PutManifest, repository, reference);
        let content = |fault| RegistryError::Content { asked: Box::new(asked.clone()), fault };
        check_bytes(&manifest.descriptor, &manifest.bytes, &asked)?;
        if let Reference::Digest(expected) = *reference
            && expected != manifest.descriptor.digest
        {
            let found = manifest.descriptor.digest;
            return Err(content(ContentFault::Digest { expected, found }));
        }
        let media_type = &manifest.descriptor.media_type;
        let kind = HeaderValue::from_str(media_type)
            .map_err(|_| content(ContentFault::MediaType(media_type.clone())))?;
        let mut request = self.manifest_request(Method::PUT, repository, reference)?;
        request.headers_mut().insert(CONTENT_TYPE, kind);
        *request.body_mut() = Some(Body::from(manifest.bytes.clone()));
        let answer = self.wire.write(request, &asked).await?;
        if !answer.status.is_success() {
            return Err(self.wire.refuse(answer, &asked).await);
        }
        reply::committed(answer.status, &answer.headers, manifest.descriptor.digest)
            .map_err(|fault| protocol(&asked, fault))
    }

    fn manifest_request(
        &self,
        method: Method,
        repository: &str,
        reference: &Reference,
    ) -> Result<Request, RegistryError> {
        if let Reference::Tag(tag) = reference {
            names::check_tag(tag)?;
        }
        let url = self.wire.url(&format!("/v2/{repository}/manifests/{reference}"));
        let reads = method != Method::PUT;
        let mut request = Request::new(method, url);
        if reads {
            let accept = HeaderValue::from_static(reply::ACCEPTED_MANIFESTS);
            request.headers_mut().insert(ACCEPT, accept);
        }
        Ok(request)
    }
}

/// Refuses bytes that are not what their descriptor says, before anything is sent.
pub(super) fn check_bytes(
    descriptor: &Descriptor,
    bytes: &[u8],
    asked: &Asked,
) -> Result<(), RegistryError> {
    let (expected, found) = (descriptor.size, bytes.len() as u64);
    let fault = if found < expected {
        ContentFault::TooShort { expected, found }
    } else if found > expected {
        ContentFault::TooLong { expected }
    } else {
        let (expected, found) = (descriptor.digest, Digest::of(bytes));
        if expected == found {
            return Ok(());
        }
        ContentFault::Digest { expected, found }
    };
    Err(RegistryError::Content { asked: Box::new(asked.clone()), fault })
}
