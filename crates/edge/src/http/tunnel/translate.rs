//! WebSockets on a stream (RFC 8441), as origins that speak HTTP/1.1 know them.
//!
//! RFC 8441 §5: the request is `CONNECT` with `:protocol`, it has no `Connection`, `Upgrade` and `Sec-WebSocket-Key`, and the answer is 200
//! without `Sec-WebSocket-Accept`. Rules and origin see the same `GET` as over HTTP/1.1, so that the decision is the same (invariant I2).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_trust::Reason;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::ext::Protocol;

use super::super::body::ResponseBody;
use super::super::exchange::Exchange;
use super::super::refusal::Rejection;
use super::Asks;

/// A `Sec-WebSocket-Key` of ours (RFC 6455 §4.1: 16 octets chosen at random, in base64).
#[derive(Debug)]
pub(crate) struct Key(String);

/// RFC 6455 §1.3.
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

impl Key {
    fn new() -> Result<Self, Rejection> {
        let mut octets = [0; 16];
        rand::fill(&mut octets).map_err(|_| {
            Rejection::because(Reason::Overloaded, "the random number generator failed")
        })?;
        Ok(Self(STANDARD.encode(octets)))
    }

    pub(crate) fn to_header(&self) -> HeaderValue {
        // Base64 is visible ASCII; the empty value, which no origin accepts, stands for what cannot be.
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static(""))
    }

    /// RFC 6455 §4.1, step 4: a `Sec-WebSocket-Accept` that is missing or another one means that the origin did not understand.
    pub(crate) fn is_accepted_by(&self, headers: &HeaderMap) -> bool {
        let text = format!("{}{ACCEPT_SUFFIX}", self.0);
        let expected = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()));
        let mut values = headers.get_all(header::SEC_WEBSOCKET_ACCEPT).iter();
        let is_expected = values
            .next()
            .is_some_and(|value| value.as_bytes().trim_ascii() == expected.as_bytes());
        is_expected && values.next().is_none()
    }
}

/// Makes the request on a stream the one that HTTP/1.1 has for the same; gives the key to ask the origin with.
pub(crate) fn translate(parts: &mut Parts, asks: Asks) -> Result<Option<Key>, Rejection> {
    if asks != Asks::Stream {
        return Ok(None);
    }
    let protocol = parts.extensions.remove::<Protocol>();
    let is_websocket = protocol.is_some_and(|protocol| protocol.as_str() == "websocket");
    if !is_websocket {
        // RFC 9220 §3: "... respond with a 501 (Not Implemented) status code".
        return Err(
            Rejection::because(Reason::MalformedRequest, "the :protocol is not served")
                .with_status(StatusCode::NOT_IMPLEMENTED),
        );
    }
    parts.method = Method::GET;
    // RFC 8441 §5: "The Sec-WebSocket-Key and Sec-WebSocket-Accept header fields are not processed".
    parts.headers.remove(header::SEC_WEBSOCKET_KEY);
    Key::new().map(Some)
}

/// Makes the origin's 101 the answer on a stream.
pub(crate) fn answer_connect(parts: &mut http::response::Parts) {
    parts.status = StatusCode::OK;
    parts.headers.remove(header::SEC_WEBSOCKET_ACCEPT);
}

/// RFC 8441 §5: any 2xx says that the WebSocket is open, so that an answer of another kind must not have one.
pub(crate) fn is_answer(
    asks: Asks,
    response: Response<ResponseBody>,
    exchange: &Exchange,
) -> Result<Response<ResponseBody>, Rejection> {
    if asks == Asks::Stream && response.status().is_success() && exchange.tunnel.is_none() {
        return Err(Rejection::because(
            Reason::OriginUnreachable,
            "the WebSocket was answered with a response instead of a switch of protocols",
        ));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 §1.3.
    #[test]
    fn the_answer_to_the_key_is_that_of_the_standard() {
        let key = Key("dGhlIHNhbXBsZSBub25jZQ==".to_owned());
        let answer = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(
                    header::SEC_WEBSOCKET_ACCEPT,
                    HeaderValue::from_static(value),
                );
            }
            key.is_accepted_by(&headers)
        };
        assert!(answer(&["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]));
        assert!(!answer(&["s3pplmbitxaq9kygzzhzrbk+xoo="]));
        assert!(!answer(&["s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "x"]));
        assert!(!answer(&[]));
    }

    #[test]
    fn keys_are_16_random_octets() {
        let [one, other] = [(); 2].map(|()| Key::new().unwrap().0);
        assert_eq!(STANDARD.decode(&one).unwrap().len(), 16);
        assert_ne!(one, other);
    }
}
