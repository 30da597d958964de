//! EdgeGrid request signing (EG1-HMAC-SHA256), the client's half.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{error::Unspecified, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Request, Url};

use crate::Timestamp;
use crate::v1::SecretText;

/// What of a body is signed at most; servers that are told nothing else assume this.
const BODY_MAX_OCTETS: usize = 131_072;
const NONCE_OCTETS: usize = 16;

/// The credentials of an `.edgerc` section.
#[derive(Clone)]
pub struct EdgeGridCredentials {
    /// `client_token`.
    pub client_token: String,
    /// `access_token`.
    pub access_token: String,
    /// `client_secret`.
    pub client_secret: SecretText,
    /// Where the time comes from; controllers accept half a minute of difference.
    pub now: fn() -> Timestamp,
}

impl EdgeGridCredentials {
    /// The `Authorization` header for a request.
    pub(super) fn sign(&self, request: &Request) -> Result<String, Unspecified> {
        let mut nonce = [0; NONCE_OCTETS];
        rand::fill(&mut nonce)?;
        let nonce: String = nonce.iter().map(|octet| format!("{octet:02x}")).collect();
        let body = request.body().and_then(|body| body.as_bytes());
        Ok(self.header(request.method(), request.url(), body, &nonce))
    }

    fn header(&self, method: &Method, url: &Url, body: Option<&[u8]>, nonce: &str) -> String {
        let timestamp = timestamp((self.now)());
        let unsigned = format!(
            "EG1-HMAC-SHA256 client_token={};access_token={};timestamp={timestamp};nonce={nonce};",
            self.client_token, self.access_token
        );
        let content_hash = match body {
            Some(body) if *method == Method::POST && !body.is_empty() => {
                let end = body.len().min(BODY_MAX_OCTETS);
                STANDARD.encode(digest(&SHA256, body.get(..end).unwrap_or_default()))
            }
            _ => String::new(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        // The fifth field has the signed headers, which no operation has.
        let signed = [
            method.as_str(),
            url.scheme(),
            &host(url),
            &path,
            "",
            &content_hash,
            &unsigned,
        ]
        .join("\t");
        // The text of the base64, not what it stands for, is the key of the second step.
        let key = hmac_base64(self.client_secret.expose().as_bytes(), &timestamp);
        let signature = hmac_base64(key.as_bytes(), &signed);
        format!("{unsigned}signature={signature}")
    }
}

impl fmt::Debug for EdgeGridCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeGridCredentials")
            .field("client_token", &self.client_token)
            .field("secrets", &"[redacted]")
            .finish_non_exhaustive()
    }
}

/// The host as it stands in the `Host` header: with the port unless it is the scheme's own.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// `20260321T07:00:00+0000`.
fn timestamp(now: Timestamp) -> String {
    let text = now.to_string();
    let (seconds, _) = text.split_once('.').unwrap_or((&text, ""));
    format!("{}+0000", seconds.replace('-', ""))
}

fn hmac_base64(key: &[u8], message: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    STANDARD.encode(hmac::sign(&key, message.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> EdgeGridCredentials {
        EdgeGridCredentials {
            client_token: "akab-c".to_owned(),
            access_token: "akab-a".to_owned(),
            client_secret: SecretText::new("c2VjcmV0".to_owned()),
            now: || Timestamp::from_micros(1_774_076_400_000_000),
        }
    }

    /// Signatures that another implementation of HMAC gives for the same texts.
    fn check(method: &Method, url: &str, body: Option<&[u8]>, signature: &str) {
        let header = credentials().header(method, &url.parse().unwrap(), body, "n-1");
        let expected = format!(
            "EG1-HMAC-SHA256 client_token=akab-c;access_token=akab-a;timestamp=20260321T07:00:00+0000;nonce=n-1;signature={signature}"
        );
        assert_eq!(header, expected);
    }

    #[test]
    fn a_request_is_signed_over_method_host_path_and_query() {
        check(
            &Method::GET,
            "https://control.example:8440/v1/audit?limit=5",
            None,
            "AWfw79cAN7nhgvysOe2DpDKaeFJ5Il1V8kdsDk0hhqs=",
        );
    }

    #[test]
    fn the_body_of_a_post_is_signed() {
        check(
            &Method::POST,
            "https://control.example/v1/api-clients",
            Some(b"{}"),
            "gOhHJ6SMrcU6Rz06r1IdYrE2UlCWr9W/eBgsd7YIFBc=",
        );
    }
}
