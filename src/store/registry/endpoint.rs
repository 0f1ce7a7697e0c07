//! Where a registry is and how it is spoken to: which schemes, and where credentials may go. Pure:
//! it decides from what was asked and from the host's name alone, so deciding costs no request.
//!
//! | host | asked | schemes, in order |
//! |---|---|---|
//! | any | `https` | https |
//! | any | `http` | http |
//! | any | insecure | https without verification, http |
//! | loopback | a CA file | https, http |
//! | loopback | nothing | http |
//! | any other | nothing | https |
//!
//! The second scheme is tried only when the first connection shows that there is no TLS at the
//! other end; that connection carries no request.

use url::{Host, Url};

use super::names::{NameError, check_host, endpoint_host};

/// How a registry is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Where one registry is.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// The registry's root, `http://127.0.0.1:5000/`, for the scheme to try first.
    first: Url,
    /// The same for the scheme to try when there is no TLS at the first.
    second: Option<Url>,
    /// The host is this machine.
    pub(super) loopback: bool,
    /// Certificates are not verified, and credentials go over plain http.
    pub(super) insecure: bool,
}

impl Endpoint {
    /// Decides for `host`. `own_ca`: the user named a CA file.
    pub(super) fn decide(
        host: &str,
        asked: Option<Scheme>,
        insecure: bool,
        own_ca: bool,
    ) -> Result<Self, NameError> {
        check_host(host)?;
        let root = |scheme: Scheme| {
            Url::parse(&format!("{}://{}/", scheme.name(), endpoint_host(host)))
                .map_err(|_| NameError::Host(host.to_owned()))
        };
        let https = root(Scheme::Https)?;
        let http = root(Scheme::Http)?;
        let loopback = is_loopback(&https);
        let (first, second) = match asked {
            Some(Scheme::Https) => (https, None),
            Some(Scheme::Http) => (http, None),
            None if insecure || (loopback && own_ca) => (https, Some(http)),
            None if loopback => (http, None),
            None => (https, None),
        };
        Ok(Self { first, second, loopback, insecure })
    }

    /// The root to begin with.
    pub(super) fn first(&self) -> &Url {
        &self.first
    }

    /// The root to go on with when there is no TLS at the first.
    pub(super) fn second(&self) -> Option<&Url> {
        self.second.as_ref()
    }

    /// Whether `url` is at this registry: the same host and port, by a scheme that is spoken to it.
    /// Only there do credentials go (distribution-spec: clients must not forward them elsewhere).
    pub(super) fn owns(&self, url: &Url) -> bool {
        let at = |root: &Url| root.origin() == url.origin();
        at(&self.first) || self.second.as_ref().is_some_and(at)
    }

    /// Whether credentials may be sent over plain http.
    pub(super) fn plain_credentials(&self) -> bool {
        self.loopback || self.insecure
    }

    /// Whether `url` has the registry's host, whatever the port: what `insecure` was given for.
    pub(super) fn same_host(&self, url: &Url) -> bool {
        self.first.host() == url.host()
    }
}

/// Whether the host of `root` is this machine.
fn is_loopback(root: &Url) -> bool {
    match root.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether the registry called `host` is on this machine: it is then spoken to without TLS, unless
/// something else is asked for.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    check_host(host).is_ok()
        && Url::parse(&format!("https://{host}/")).is_ok_and(|root| is_loopback(&root))
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, Scheme};
    use url::Url;

    fn decide(host: &str, asked: Option<Scheme>, insecure: bool, ca: bool) -> Vec<String> {
        let endpoint = Endpoint::decide(host, asked, insecure, ca).unwrap();
        let mut roots = vec![endpoint.first().to_string()];
        roots.extend(endpoint.second().map(Url::to_string));
        roots
    }

    #[test]
    fn the_table_of_schemes_holds() {
        use Scheme::{Http, Https};
        for (host, asked, insecure, ca, wanted) in [
            ("h.example", None, false, false, &["https://h.example/"][..]),
            ("h.example", None, false, true, &["https://h.example/"]),
            ("h.example:5", None, false, false, &["https://h.example:5/"]),
            ("h.example", None, true, false, &["https://h.example/", "http://h.example/"]),
            ("h.example", Some(Http), false, false, &["http://h.example/"]),
            ("127.0.0.1:5", None, false, false, &["http://127.0.0.1:5/"]),
            ("127.9.9.9", None, false, false, &["http://127.9.9.9/"]),
            ("LocalHost:5", None, false, false, &["http://localhost:5/"]),
            ("[::1]:5", None, false, false, &["http://[::1]:5/"]),
            ("localhost:5", None, false, true, &["https://localhost:5/", "http://localhost:5/"]),
            ("[::1]:5", Some(Https), false, false, &["https://[::1]:5/"]),
            ("localhost.example", None, false, false, &["https://localhost.example/"]),
            ("128.0.0.1", None, false, false, &["https://128.0.0.1/"]),
            ("docker.io", None, false, false, &["https://registry-1.docker.io/"]),
        ] {
            assert_eq!(decide(host, asked, insecure, ca), wanted, "{host} {asked:?}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for host in ["", "a b", "a/b", "u:p@h", "h?x", "h:99999", "[::1", "h\u{e9}", "h:x"] {
            assert!(Endpoint::decide(host, None, false, false).is_err(), "{host}");
        }
    }

    #[test]
    fn only_the_same_host_and_port_by_its_schemes_is_the_registry() {
        let endpoint = Endpoint::decide("h.example", None, false, false).unwrap();
        for (url, owned) in [
            ("https://h.example/v2/", true),
            ("https://h.example:443/x", true),
            ("https://H.example/x", true),
            ("http://h.example/", false),
            ("https://h.example:8443/", false),
            ("https://h.example.evil/", false),
            ("https://evil/h.example", false),
        ] {
            assert_eq!(endpoint.owns(&Url::parse(url).unwrap()), owned, "{url}");
        }
        let insecure = Endpoint::decide("h.example:5", None, true, false).unwrap();
        assert!(insecure.owns(&Url::parse("http://h.example:5/").unwrap()));
        assert!(!insecure.owns(&Url::parse("http://h.example/").unwrap()));
    }
}
