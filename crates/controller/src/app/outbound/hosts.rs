//! Which hosts may be asked that a certificate names.

use countersign_trust::Certificate;
use http::Uri;

/// Hosts with their ports: those that somebody allowed, and those that the certificates of the CA set name themselves, which somebody activated.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedHosts {
    patterns: Vec<String>,
}

/// A pattern that allows nothing that is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a host is written `ocsp.example.com`, `*.example.com` or `*`, with a port after a colon when it is not 80"
)]
pub(crate) struct BadPattern;

const DEFAULT_PORT: &str = "80";

impl AllowedHosts {
    /// Takes patterns that [`check`](Self::check) found good.
    pub(crate) fn new(patterns: &[String]) -> Self {
        Self {
            patterns: patterns
                .iter()
                .map(|pattern| pattern.to_ascii_lowercase())
                .collect(),
        }
    }

    /// Adds the hosts that these certificates name.
    pub(crate) fn with_those_of(mut self, certificates: &[Certificate]) -> Self {
        for certificate in certificates {
            for url in [certificate.ocsp_uris(), certificate.crl_uris()].concat() {
                if let Some((host, port)) = url.parse().ok().as_ref().and_then(host_and_port) {
                    self.patterns.push(format!("{host}:{port}"));
                }
            }
        }
        self
    }

    /// Whether a pattern is one.
    pub(crate) fn check(pattern: &str) -> Result<(), BadPattern> {
        let (host, port) = split(pattern);
        let labels = host.strip_prefix("*.").unwrap_or(host);
        let is_host = labels == "*"
            || host.starts_with('[') && host.ends_with(']')
            || !labels.is_empty()
                && labels
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let is_port = port.parse::<u16>().is_ok_and(|port| port != 0);
        if is_host && is_port && pattern.len() <= 255 {
            Ok(())
        } else {
            Err(BadPattern)
        }
    }

    pub(crate) fn allow(&self, uri: &Uri) -> bool {
        let Some((host, port)) = host_and_port(uri) else {
            return false;
        };
        self.patterns.iter().any(|pattern| {
            let (allowed, allowed_port) = split(pattern);
            let fits = match allowed.strip_prefix('*') {
                // `*` or `.example.com`
                Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
                None => host == allowed,
            };
            fits && allowed_port == port
        })
    }
}

fn split(pattern: &str) -> (&str, &str) {
    // An IPv6 address has colons inside its brackets.
    match pattern.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (pattern, DEFAULT_PORT),
    }
}

fn host_and_port(uri: &Uri) -> Option<(String, String)> {
    if uri.scheme_str() != Some("http") {
        return None;
    }
    let authority = uri.authority()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let port = authority
        .port_u16()
        .map_or_else(|| DEFAULT_PORT.to_owned(), |port| port.to_string());
    Some((authority.host().to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_asked_that_somebody_allowed_with_its_port() {
        let allowed = |patterns: &[&str], url: &str| {
            let patterns: Vec<_> = patterns.iter().map(|it| (*it).to_owned()).collect();
            assert!(patterns.iter().all(|it| AllowedHosts::check(it).is_ok()));
            AllowedHosts::new(&patterns).allow(&url.parse().unwrap())
        };
        for (pattern, url, expected) in [
            ("ocsp.test", "http://ocsp.test/", true),
            ("OCSP.test", "http://ocsp.TEST/a", true),
            ("ocsp.test", "http://ocsp.test:8080/", false),
            ("ocsp.test:8080", "http://ocsp.test:8080/", true),
            ("ocsp.test", "http://evil.ocsp.test/", false),
            ("ocsp.test", "http://notocsp.test/", false),
            ("ocsp.test", "https://ocsp.test/", false),
            ("ocsp.test", "http://ocsp.test@evil.test/", false),
            ("ocsp.test", "http://evil.test@ocsp.test/", false),
            ("*.test", "http://a.b.test/", true),
            ("*.test", "http://test/", false),
            ("*", "http://anything.example/", true),
            ("*", "http://anything.example:81/", false),
            ("[::1]:99", "http://[::1]:99/", true),
        ] {
            assert_eq!(allowed(&[pattern], url), expected, "{pattern} {url}");
        }
        assert!(!allowed(&[], "http://ocsp.test/"));
        for bad in [
            "",
            "http://a.test",
            "a.test:0",
            "a.test:http",
            "a b",
            "a.*.test",
            ":80",
        ] {
            assert_eq!(AllowedHosts::check(bad), Err(BadPattern), "{bad}");
        }
    }
}
