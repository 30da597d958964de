//! The headers of a request that rules never see.

use http::header::{CONNECTION, HeaderName, TRANSFER_ENCODING, UPGRADE};

/// Fields that are about one connection, named by RFC 9110 §7.6.1 and by the software that made them so.
pub const CONNECTION_HEADERS: [HeaderName; 6] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    TRANSFER_ENCODING,
    UPGRADE,
];

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
#[must_use]
pub fn is_identity_header(name: &HeaderName) -> bool {
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
                is_identity_header(&HeaderName::from_bytes(name.as_bytes()).unwrap()),
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
                !is_identity_header(&HeaderName::from_bytes(name.as_bytes()).unwrap()),
                "{name}"
            );
        }
    }
}
