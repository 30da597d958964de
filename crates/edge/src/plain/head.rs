//! The head of the first request, read without its body and kept for the engine that may serve it.

use std::io;

use bytes::{Bytes, BytesMut};
use countersign_trust::Reason;
use http::request::Parts;
use http::{Request, Version};
use httparse::Status;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::Limits;

/// RFC 8446 §5.1: the content type of a handshake, with which TLS begins.
const TLS_HANDSHAKE: u8 = 22;

/// A whole head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) parts: Parts,
    /// Everything that was read.
    pub(super) bytes: Bytes,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadError {
    #[error("the connection broke before the end of the request's head")]
    Connection(#[from] io::Error),
    #[error("the client said nothing")]
    Empty,
    #[error("the connection ended before the end of the request's head")]
    Ended,
    #[error("the request's head cannot be read")]
    Malformed,
    #[error("TLS came where HTTP without TLS is spoken")]
    Tls,
    #[error("the request's head is larger than is accepted")]
    TooLarge,
}

impl HeadError {
    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::TooLarge => Reason::RequestTooLarge,
            _ => Reason::MalformedRequest,
        }
    }
}

/// Reads until the head is whole.
pub(super) async fn read(
    io: &mut (impl AsyncRead + Unpin),
    limits: &Limits,
) -> Result<Head, HeadError> {
    let mut bytes = BytesMut::with_capacity(1024);
    loop {
        let seen = bytes.len();
        if io.read_buf(&mut bytes).await? == 0 {
            let ended = if bytes.is_empty() {
                HeadError::Empty
            } else {
                HeadError::Ended
            };
            return Err(ended);
        }
        if bytes.first() == Some(&TLS_HANDSHAKE) {
            return Err(HeadError::Tls);
        }
        // Parsed only when an end is there, so that a head that comes byte by byte costs no more than its length.
        if has_end(bytes.get(seen.saturating_sub(2)..).unwrap_or_default())
            && let Some(parts) = parse(&bytes, limits)?
        {
            let bytes = bytes.freeze();
            return Ok(Head { parts, bytes });
        }
        if bytes.len() > limits.request_head_bytes {
            return Err(HeadError::TooLarge);
        }
    }
}

/// Whether a line ends and the next one is empty; RFC 9112 §2.2: "a recipient MAY recognize a single LF as a line terminator".
fn has_end(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

/// `None` when more is to come.
fn parse(bytes: &[u8], limits: &Limits) -> Result<Option<Parts>, HeadError> {
    let mut headers = vec![httparse::EMPTY_HEADER; limits.request_headers];
    let mut head = httparse::Request::new(&mut headers);
    match head.parse(bytes) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLarge),
        Err(_) => return Err(HeadError::Malformed),
    }
    let mut request = Request::builder()
        .method(head.method.unwrap_or_default())
        .uri(head.path.unwrap_or_default())
        .version(match head.version {
            Some(0) => Version::HTTP_10,
            _ => Version::HTTP_11,
        });
    for header in head.headers.iter() {
        request = request.header(header.name, header.value);
    }
    let (parts, ()) = request
        .body(())
        .map_err(|_| HeadError::Malformed)?
        .into_parts();
    Ok(Some(parts))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_head_of_a_request_is_read_or_refused(
            bytes: Vec<u8>,
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    "GET / HTTP/1.1\r\n", "GET * HTTP/1.0\r\n", "CONNECT a:1 HTTP/1.1\r\n", "Host: a.test", "\r\n", "\n", " ", "X: y", ":", "\0", "//",
                ]),
                0..16,
            ),
        ) {
            let text = pieces.concat();
            for input in [bytes.as_slice(), text.as_bytes()] {
                let read = parse(input, &Limits::default());
                prop_assert!(!matches!(read, Ok(Some(_))) || has_end(input));
            }
        }
    }

    async fn check(parts: &[&str], expected: Result<&str, &str>) {
        let (mut client, mut server) = tokio::io::duplex(64 * 1024);
        for part in parts {
            tokio::io::AsyncWriteExt::write_all(&mut client, part.as_bytes())
                .await
                .unwrap();
        }
        drop(client);
        let limits = Limits {
            request_head_bytes: 4096,
            ..Limits::default()
        };
        let read = read(&mut server, &limits).await;
        let text = read.map(|head| {
            assert_eq!(head.bytes, parts.concat());
            format!("{} {}", head.parts.method, head.parts.uri)
        });
        assert_eq!(
            text.as_deref().map_err(ToString::to_string),
            expected.map_err(str::to_owned)
        );
    }

    #[tokio::test]
    async fn a_head_is_read_however_it_is_split_and_what_is_behind_it_is_kept() {
        check(
            &["GET /a?b HTTP/1.1\r\nhost: a.test\r\n\r\n"],
            Ok("GET /a?b"),
        )
        .await;
        check(
            &[
                "\r\n\r\nPOST / HTTP/1.1\r\nhost: a.test\r\n",
                "\r",
                "\nbody",
            ],
            Ok("POST /"),
        )
        .await;
        check(&["GET / HTTP/1.0\nhost: a.test\n\n"], Ok("GET /")).await;
    }

    #[tokio::test]
    async fn what_is_no_head_is_told_apart() {
        let cannot = Err("the request's head cannot be read");
        check(&[], Err("the client said nothing")).await;
        check(
            &["\x16\x03\x01"],
            Err("TLS came where HTTP without TLS is spoken"),
        )
        .await;
        check(&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], cannot).await;
        check(&["GET / HTTP/1.1\r\nno header\r\n\r\n"], cannot).await;
        check(
            &["GET / HTTP/1.1\r\nhost: a"],
            Err("the connection ended before the end of the request's head"),
        )
        .await;
        check(
            &["GET / HTTP/1.1\r\nlong: ", &"x".repeat(5000)],
            Err("the request's head is larger than is accepted"),
        )
        .await;
    }
}
