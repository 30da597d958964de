//! One question to one responder (RFC 6960 appendix A), bounded in size and time.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_api::v1::ocsp::{CertIdHash as WireHash, Nonce, RevocationSources};
use countersign_trust::ocsp::{
    self, CertIdHash, NoncePolicy, OcspAnswer, Question, VerifyOcspError,
};
use countersign_trust::{Certificate, Sha1Signatures, UnixTime};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use crate::app::outbound::{self, FetchError, Target};

/// From the look-up of the name to the last octet.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A response with its responder's certificate has 2 KiB.
const OCTETS_MAX: usize = 128 << 10;
/// RFC 6960 appendix A.1: "where the request is less than 255 bytes total after encoding".
const GET_MAX_OCTETS: usize = 255;
/// RFC 8954 §2.1: "SHOULD be 32 octets".
const NONCE_OCTETS: usize = 32;

/// Why there is no answer; the texts are read by people.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Verify(#[from] VerifyOcspError),
    #[error("there is no randomness for a nonce")]
    Random,
}

impl AskError {
    /// Whether the responder itself is the trouble, and not what it says about one certificate.
    pub(super) const fn is_of_the_responder(&self) -> bool {
        matches!(self, Self::Fetch(_))
    }
}

/// Asks, and believes what comes only when it is an answer to this very question.
pub(super) async fn ask(
    target: &Target,
    certificate: &Certificate,
    issuer: &Certificate,
    sources: &RevocationSources,
    sha1: Sha1Signatures,
    now: impl Fn() -> UnixTime,
) -> Result<(Vec<u8>, OcspAnswer), AskError> {
    let mut octets = [0; NONCE_OCTETS];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| AskError::Random)?;
    let question = Question {
        certificate,
        issuer,
        nonce: (sources.nonce != Nonce::Off).then_some(octets.as_slice()),
    };
    let request = question.to_der(match sources.cert_id_hash {
        WireHash::Sha1 => CertIdHash::Sha1,
        WireHash::Sha256 => CertIdHash::Sha256,
    });
    let body = tokio::time::timeout(TIMEOUT, send(target, request, question.nonce.is_none()))
        .await
        .map_err(|_| FetchError::Timeout(TIMEOUT))??;
    let policy = match sources.nonce {
        Nonce::Off => NoncePolicy::Ignore,
        Nonce::Prefer => NoncePolicy::Prefer,
        Nonce::Require => NoncePolicy::Require,
    };
    let answer = ocsp::verify(&body, &question, policy, sha1, now())?;
    Ok((body.into(), answer))
}

/// A question that is the same for everybody goes by GET, so that caches can answer it (RFC 5019 §5); all others by POST.
async fn send(target: &Target, request: Vec<u8>, is_the_same: bool) -> Result<Bytes, FetchError> {
    let uri: Uri = target.url.parse().map_err(|_| FetchError::Url)?;
    if is_the_same && let Some(uri) = get_uri(&target.url, &request) {
        let private_network = target.private_network;
        match exchange(&uri, private_network, Method::GET, Bytes::new()).await {
            // Some responders know nothing but POST.
            Err(FetchError::Status(status)) if status.is_client_error() => {}
            other => return other,
        }
    }
    exchange(&uri, target.private_network, Method::POST, request.into()).await
}

/// `{url}/{url-encoding of base-64 encoding of the DER encoding of the OCSPRequest}`; none when that is too long.
fn get_uri(url: &str, request: &[u8]) -> Option<Uri> {
    let mut uri = url.trim_end_matches('/').to_owned();
    uri.push('/');
    for character in STANDARD.encode(request).chars() {
        match character {
            '+' => uri.push_str("%2B"),
            '/' => uri.push_str("%2F"),
            '=' => uri.push_str("%3D"),
            plain => uri.push(plain),
        }
    }
    (uri.len() <= GET_MAX_OCTETS && !url.contains('?'))
        .then(|| uri.parse().ok())
        .flatten()
}

async fn exchange(
    uri: &Uri,
    private_network: bool,
    method: Method,
    body: Bytes,
) -> Result<Bytes, FetchError> {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/ocsp-response"),
    );
    if method == Method::POST {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/ocsp-request"),
        );
    }
    // A responder does not redirect: what it would lead to was never allowed.
    let response = outbound::ask(uri, private_network, method, headers, body).await?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    outbound::read(response, OCTETS_MAX).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_question_fits_a_url_and_a_long_one_does_not() {
        let uri = |url, octets| get_uri(url, &vec![0xfb; octets]).map(|uri| uri.to_string());
        assert_eq!(
            uri("http://ocsp.test/a/", 2).unwrap(),
            "http://ocsp.test/a/%2B%2Fs%3D"
        );
        assert!(uri("http://ocsp.test", 70).is_some());
        assert_eq!(uri("http://ocsp.test", 200), None);
        assert_eq!(uri("http://ocsp.test/?a=b", 2), None);
    }
}
