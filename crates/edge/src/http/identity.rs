//! The headers that tell an origin who the client is.
//!
//! Everything that could be taken for such a header is removed from every request first (invariant I3); what the decision asks for is set
//! afterwards. The two tables stand side by side here, and a test holds that the first covers the second.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use countersign_rules::ForwardIdentity;
use countersign_trust::ValidChain;
use http::header::{HeaderMap, HeaderName};

mod value;
mod write;

pub(crate) use write::Identity;

/// Names in lower case with `-` for every character that is neither letter nor digit. A `*` at the end stands for any ending.
///
/// Beside what the edge sets itself these are the conventions that origins believe, whoever set them.
const STRIPPED: &[&str] = &[
    // RFC 9440
    "client-cert*",
    // The vendor's, in both generations of its documents
    "akamai-cc-*",
    "client-to-edge-http-auth*",
    // Envoy
    "x-forwarded-client-cert*",
    // AWS: load balancer, CDN
    "x-amzn-mtls-*",
    "cloudfront-viewer-cert-*",
    // Cloudflare
    "cf-cert-*",
    "cf-client-cert-*",
    // nginx, HAProxy, Apache and ingress controllers, by convention
    "ssl-client-*",
    "x-client-cert*",
    "x-client-dn*",
    "x-client-s-dn*",
    "x-client-verify*",
    "x-ssl-*",
    // Traefik
    "x-forwarded-tls-client-cert*",
    // IIS and its front ends
    "x-arr-clientcert*",
    // Ours
    "countersign-*",
];

/// Whether a header could be taken for the client's identity, whatever its spelling.
///
/// Origins behind CGI, WSGI or FastCGI see `Client_Cert`, `Client-Cert` and `Client.Cert` as one variable, so they are one here.
pub(crate) fn is_identity(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    // All names in the table begin with one of these; most headers are let go here.
    if !matches!(name.first(), Some(b'a' | b'c' | b's' | b'x')) {
        return false;
    }
    STRIPPED
        .iter()
        .any(|pattern| matches(pattern.as_bytes(), name))
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (pattern, open) = match pattern.split_last() {
        Some((b'*', beginning)) => (beginning, true),
        _ => (pattern, false),
    };
    (if open {
        name.len() >= pattern.len()
    } else {
        name.len() == pattern.len()
    }) && pattern
        .iter()
        .zip(name)
        .all(|(wanted, is)| *wanted == canonical(*is))
}

const fn canonical(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'-'
    }
}

/// Removes every identity header. Invariant I3: called on every request and on its trailers before anything reads them.
pub(crate) fn strip(headers: &mut HeaderMap) {
    strip_where(headers, is_identity);
}

/// Removes every header that the predicate names.
pub(crate) fn strip_where(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    if headers.keys().any(&unwanted) {
        let names: Vec<HeaderName> = headers
            .keys()
            .filter(|name| unwanted(name))
            .cloned()
            .collect();
        for name in names {
            headers.remove(name);
        }
    }
}

/// The headers of one evaluated chain, kept between the requests of a connection: to write certificates anew for each of them costs more
/// than everything else that is done to a request's headers.
#[derive(Debug)]
pub(crate) struct Encoded {
    wanted: ForwardIdentity,
    chain: ValidChain,
    headers: write::Headers,
}

impl Encoded {
    fn is_for(&self, wanted: ForwardIdentity, chain: &ValidChain) -> bool {
        self.wanted == wanted && self.chain.is_same(chain)
    }
}

/// Sets what the decision asks for. The headers were stripped of everything of the kind before. `kept` is what the connection's last
/// request got.
pub(crate) fn write(
    headers: &mut HeaderMap,
    wanted: ForwardIdentity,
    identity: Identity<'_>,
    kept: &ArcSwapOption<Encoded>,
) {
    let Identity::Valid(chain) = identity else {
        set(headers, &write::encode(wanted, identity));
        return;
    };
    if let Some(encoded) = &*kept.load()
        && encoded.is_for(wanted, chain)
    {
        set(headers, &encoded.headers);
        return;
    }
    let encoded = Arc::new(Encoded {
        wanted,
        chain: chain.clone(),
        headers: write::encode(wanted, identity),
    });
    set(headers, &encoded.headers);
    kept.store(Some(encoded));
}

fn set(headers: &mut HeaderMap, encoded: &write::Headers) {
    for (name, value) in encoded {
        headers.insert(name.clone(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_identity_header_is_one() {
        for name in [
            "client-cert",
            "client_cert",
            "client.cert",
            "client_cert-chain",
            "akamai-cc-der",
            "akamai_cc_der",
            "akamai-cc-anything",
            "client-to-edge-http-auth",
            "x-forwarded-client-cert",
            "x_forwarded_client_cert",
            "x-amzn-mtls-clientcert",
            "x-amzn-mtls-clientcert-leaf",
            "x-ssl-client-verify",
            "x-ssl-cert",
            "ssl-client-subject-dn",
            "ssl_client_verify",
            "x-forwarded-tls-client-cert-info",
            "cf-client-cert-der-base64",
            "x-client-cert",
            "x-client-dn",
            "countersign-client-verdict",
            "countersign_client_verdict",
            "countersign-anything",
        ] {
            assert!(
                is_identity(&HeaderName::from_bytes(name.as_bytes()).unwrap()),
                "{name}"
            );
        }
    }

    #[test]
    fn other_headers_are_not() {
        for name in [
            "cookie",
            "accept",
            "client",
            "x-forwarded-for",
            "authorization",
            "content-type",
            "cf-ray",
            "x-request-id",
            "sec-websocket-key",
        ] {
            assert!(
                !is_identity(&HeaderName::from_bytes(name.as_bytes()).unwrap()),
                "{name}"
            );
        }
    }

    #[test]
    fn whatever_can_be_set_is_stripped() {
        for name in write::NAMES {
            assert!(is_identity(&HeaderName::from_static(name)), "{name}");
        }
    }
}
