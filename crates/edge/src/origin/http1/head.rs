//! Heads of requests and answers (RFC 9112 §2 to §6).

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, response};

use super::decode::{Chunked, Decoder};
use super::{Asked, Http1Error};

/// Heads of answers may have this much.
const HEAD_MAX_BYTES: usize = 128 * 1024;
const FIELDS_MAX: usize = 100;

/// What a request says about its body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Announced {
    /// What its headers say, which may be nothing.
    AsIs,
    Length(u64),
    Chunked,
}

/// Writes the head of a request. Nothing of the client's own framing is in it (threats C5.2).
pub(super) fn write(out: &mut Vec<u8>, asked: &Asked<'_>, announced: Announced) {
    let Asked {
        method,
        target,
        host,
        headers,
    } = *asked;
    out.reserve(64 + target.len() + host.len() + headers.len() * 64);
    // RFC 9112 §3.2.1: the origin form.
    for part in [
        method.as_str(),
        " ",
        target,
        " HTTP/1.1\r\nhost: ",
        host,
        "\r\n",
    ] {
        out.extend_from_slice(part.as_bytes());
    }
    for (name, value) in headers {
        let is_ours = match *name {
            header::HOST | header::TRANSFER_ENCODING => true,
            header::CONTENT_LENGTH => announced != Announced::AsIs,
            _ => false,
        };
        if !is_ours {
            write_field(out, name, value);
        }
    }
    match announced {
        Announced::AsIs => {}
        Announced::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Announced::Length(length) => {
            out.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

pub(super) fn write_field(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) parts: response::Parts,
    pub(super) body: Decoder,
    /// Whether the origin keeps the connection.
    pub(super) keeps: bool,
}

/// Takes the head of the answer to a request with this method out of what was read; `None` when it is not whole. Interim answers are
/// passed over.
pub(super) fn read(read: &mut BytesMut, method: &Method) -> Result<Option<Head>, Http1Error> {
    while !read.is_empty() {
        let Some((parts, is_1_1)) = read_one(read)? else {
            return Ok(None);
        };
        let status = parts.status;
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return finish(parts, is_1_1, method).map(Some);
        }
    }
    Ok(None)
}

fn read_one(read: &mut BytesMut) -> Result<Option<(response::Parts, bool)>, Http1Error> {
    let mut places = [Place::default(); FIELDS_MAX];
    let mut space = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let parsing = httparse::ParserConfig::default();
    let length = match parsing.parse_response_with_uninit_headers(&mut parsed, read, &mut space)? {
        httparse::Status::Complete(length) if length <= HEAD_MAX_BYTES => length,
        httparse::Status::Partial if read.len() <= HEAD_MAX_BYTES => return Ok(None),
        _ => return Err(Http1Error::HeadTooLarge(HEAD_MAX_BYTES)),
    };
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(Http1Error::Framing("the status is out of range"))?;
    let is_1_1 = parsed.version == Some(1);
    let count = parsed.headers.len();
    for (place, field) in places.iter_mut().zip(parsed.headers.iter()) {
        *place = Place::of(field, read);
    }
    let head = read.split_to(length).freeze();
    let mut parts = Response::new(()).into_parts().0;
    parts.status = status;
    parts.headers = HeaderMap::with_capacity(count);
    for place in places.iter().take(count) {
        place.append(&head, &mut parts.headers)?;
    }
    Ok(Some((parts, is_1_1)))
}

/// Where a field is in the head.
#[derive(Clone, Copy, Default)]
struct Place {
    name: (u32, u32),
    value: (u32, u32),
}

impl Place {
    fn of(field: &httparse::Header<'_>, head: &[u8]) -> Self {
        let place = |part: &[u8]| {
            let begin = part.as_ptr().addr().wrapping_sub(head.as_ptr().addr());
            // Heads are bounded.
            (begin as u32, part.len() as u32)
        };
        Self {
            name: place(field.name.as_bytes()),
            value: place(field.value),
        }
    }

    fn append(&self, head: &Bytes, headers: &mut HeaderMap) -> Result<(), Http1Error> {
        let range = |(begin, length): (u32, u32)| begin as usize..begin as usize + length as usize;
        let name = head.get(range(self.name)).unwrap_or_default();
        let name = HeaderName::from_bytes(name).map_err(|_| httparse::Error::HeaderName)?;
        // An empty value has no place.
        let value = match self.value {
            (_, 0) => Bytes::new(),
            place => head.slice(range(place)),
        };
        let value =
            HeaderValue::from_maybe_shared(value).map_err(|_| httparse::Error::HeaderValue)?;
        headers.append(name, value);
        Ok(())
    }
}

/// Reads the fields of a block into a map; gives how many bytes they have.
pub(super) fn fields(block: &Bytes, map: &mut HeaderMap) -> Result<usize, Http1Error> {
    let mut space = [httparse::EMPTY_HEADER; FIELDS_MAX];
    match httparse::parse_headers(block, &mut space)? {
        httparse::Status::Complete((length, fields)) => {
            for field in fields {
                Place::of(field, block).append(block, map)?;
            }
            Ok(length)
        }
        httparse::Status::Partial => Ok(0),
    }
}

/// How the body is framed, and whether the connection serves another request (RFC 9112 §6.3, §9.3).
fn finish(mut parts: response::Parts, is_1_1: bool, method: &Method) -> Result<Head, Http1Error> {
    let has_option = |option: &str| {
        let values = parts.headers.get_all(header::CONNECTION);
        let mut options = values
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        options.any(|one| one.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
    };
    let keeps = !has_option("close") && (is_1_1 || has_option("keep-alive"));
    let has_no_body = *method == Method::HEAD
        || matches!(
            parts.status,
            StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    let body = if has_no_body {
        Decoder::Done
    } else if parts.headers.contains_key(header::TRANSFER_ENCODING) {
        if !is_1_1 {
            return Err(Http1Error::Framing("a transfer coding in HTTP/1.0"));
        }
        // RFC 9112 §6.3: "Transfer-Encoding overrides the Content-Length", which is removed before the message is passed on.
        parts.headers.remove(header::CONTENT_LENGTH);
        if is_chunked(&parts.headers) {
            Decoder::Chunked(Chunked::Size)
        } else {
            Decoder::UntilClose
        }
    } else {
        match content_length(&parts.headers)? {
            None => Decoder::UntilClose,
            Some(0) => Decoder::Done,
            Some(length) => Decoder::Length(length),
        }
    };
    Ok(Head {
        keeps: keeps
            && body != Decoder::UntilClose
            && parts.status != StatusCode::SWITCHING_PROTOCOLS,
        body,
        parts,
    })
}

/// Whether `chunked` is the last transfer coding.
fn is_chunked(headers: &HeaderMap) -> bool {
    let last = headers
        .get_all(header::TRANSFER_ENCODING)
        .iter()
        .next_back();
    last.and_then(|value| value.as_bytes().rsplit(|byte| *byte == b',').next())
        .is_some_and(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

/// The one length that all `Content-Length` fields name.
pub(super) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Http1Error> {
    let malformed = || Http1Error::Framing("the Content-Length is no length");
    let mut found = None;
    for value in headers.get_all(header::CONTENT_LENGTH) {
        for one in value.as_bytes().split(|byte| *byte == b',') {
            let one = one.trim_ascii();
            if one.is_empty() || !one.iter().all(u8::is_ascii_digit) {
                return Err(malformed());
            }
            let length = std::str::from_utf8(one)
                .ok()
                .and_then(|one| one.parse::<u64>().ok());
            match (length, found) {
                (Some(length), None) => found = Some(length),
                (Some(length), Some(known)) if length == known => {}
                _ => return Err(malformed()),
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_head_of_an_answer_is_read_or_refused(
            bytes: Vec<u8>,
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    "HTTP/1.1 200 OK\r\n", "HTTP/1.0 204\r\n", "HTTP/1.1 101 x\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "Content-Length: ", "5", "-1", "5, 5",
                    "Transfer-Encoding: chunked", "\r\n", "\n", " ", "X: y", "Connection: close", ":", "\0",
                ]),
                0..16,
            ),
        ) {
            let text = pieces.concat();
            for input in [bytes.as_slice(), text.as_bytes()] {
                let mut left = BytesMut::from(input);
                let found = read(&mut left, &Method::GET);
                // What it does not take is what comes behind the head.
                prop_assert!(found.is_err() || input.ends_with(&left));
            }
        }
    }

    fn head_of(method: Method, text: &str) -> Result<Option<Head>, Http1Error> {
        read(&mut BytesMut::from(text), &method)
    }

    fn check(method: Method, text: &str, body: Decoder, keeps: bool) {
        let head = head_of(method, text).unwrap().unwrap();
        assert_eq!((head.body, head.keeps), (body, keeps), "{text}");
    }

    #[test]
    fn the_end_of_a_body_is_known_from_its_head() {
        let chunked = Decoder::Chunked(Chunked::Size);
        for (text, body, keeps) in [
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
                Decoder::Length(5),
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\n",
                Decoder::Length(5),
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
                Decoder::Done,
                true,
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", Decoder::UntilClose, false),
            ("HTTP/1.1 204 No\r\n\r\n", Decoder::Done, true),
            (
                "HTTP/1.1 304 No\r\ncontent-length: 5\r\n\r\n",
                Decoder::Done,
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                chunked,
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\ncontent-length: 3\r\n\r\n",
                chunked,
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\n",
                Decoder::UntilClose,
                false,
            ),
            (
                "HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 5\r\n\r\n",
                Decoder::Length(5),
                false,
            ),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\n",
                Decoder::Length(5),
                false,
            ),
            (
                "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\n",
                Decoder::Length(5),
                true,
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
                Decoder::Done,
                true,
            ),
        ] {
            check(Method::GET, text, body, keeps);
        }
        let text = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        check(Method::HEAD, text, Decoder::Done, true);
    }

    #[test]
    fn a_length_beside_a_transfer_coding_is_not_passed_on() {
        let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n";
        let head = head_of(Method::GET, text).unwrap().unwrap();
        assert!(!head.parts.headers.contains_key(header::CONTENT_LENGTH));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in [
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5,\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n",
            "HTTP/1.1 200 OK\r\na : b\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/2.0 200 OK\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            assert!(head_of(Method::GET, text).is_err(), "{text}");
        }
        let many = "a: b\r\n".repeat(FIELDS_MAX + 1);
        assert!(head_of(Method::GET, &format!("HTTP/1.1 200 OK\r\n{many}\r\n")).is_err());
        let long = "a".repeat(HEAD_MAX_BYTES + 1);
        assert!(head_of(Method::GET, &format!("HTTP/1.1 200 OK\r\na: {long}")).is_err());
    }

    #[test]
    fn a_head_may_come_in_pieces() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\na: \r\nb: c\r\ncontent-length: 1\r\n\r\n";
        let mut bytes = BytesMut::new();
        for (place, byte) in text.bytes().enumerate() {
            bytes.extend_from_slice(&[byte]);
            let head = read(&mut bytes, &Method::GET).unwrap();
            assert_eq!(head.is_some(), place + 1 == text.len());
            if let Some(head) = head {
                assert_eq!(head.parts.headers["a"], "");
                assert_eq!(head.parts.headers["b"], "c");
            }
        }
    }

    #[test]
    fn a_request_has_one_host_and_one_framing() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("client.test"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("3"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        for (announced, framing) in [
            (Announced::AsIs, "content-length: 3\r\naccept: */*\r\n"),
            (Announced::Length(3), "accept: */*\r\ncontent-length: 3\r\n"),
            (
                Announced::Chunked,
                "accept: */*\r\ntransfer-encoding: chunked\r\n",
            ),
        ] {
            let mut out = Vec::new();
            let asked = Asked {
                method: &Method::POST,
                target: "/a?b",
                host: "origin.test",
                headers: &headers,
            };
            write(&mut out, &asked, announced);
            let expected = format!("POST /a?b HTTP/1.1\r\nhost: origin.test\r\n{framing}\r\n");
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
