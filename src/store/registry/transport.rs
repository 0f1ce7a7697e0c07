//! What it means when no answer came: the causes beneath a reqwest error. Pure.

use std::error::Error;
use std::io;

/// How deep a chain of causes is followed.
const DEPTH: usize = 16;

/// `error` and what caused it, outermost first. Looks into `io::Error`, whose own `source` leaves
/// out the error that it was made of.
pub(super) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let next = |error: &'a (dyn Error + 'static)| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    };
    std::iter::successors(Some(error), move |error| next(*error)).take(DEPTH)
}

/// Whether a connection failed because there is no TLS at the other end: it answered the handshake
/// with something else, or hung up on it. No request was sent then.
pub(super) fn speaks_no_tls(error: &reqwest::Error) -> bool {
    error.is_connect()
        && causes(error).any(|cause| {
            let not_tls = matches!(cause.downcast_ref(), Some(rustls::Error::InvalidMessage(_)));
            let hung_up = cause.downcast_ref().is_some_and(|io: &io::Error| {
                matches!(io.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
            });
            not_tls || hung_up
        })
}

/// What failed, and what the user can do.
pub(super) fn remedy(error: &reqwest::Error) -> &'static str {
    let untrusted = causes(error)
        .any(|cause| matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))));
    if untrusted {
        "its certificate is not trusted here; name its CA with --ca-file, or do without \
         verification with --insecure HOST"
    } else if error.is_dns() {
        "its host name cannot be resolved; is it spelled right?"
    } else if speaks_no_tls(error) {
        "there is no TLS at the other end; --insecure HOST allows plain http"
    } else if error.is_connect() {
        "there is no connection to it; is the address right, and is it running?"
    } else {
        "the connection broke or the reply was no HTTP; try again"
    }
}
