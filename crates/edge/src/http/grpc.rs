//! What gRPC adds to HTTP/2: its requests are known by their type, and its clients read statuses from trailers.
//!
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use std::fmt::Write;
use std::time::Duration;

use countersign_trust::Reason;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, Version};

use super::ResponseBody;

const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const REASON: HeaderName = HeaderName::from_static("countersign-reason");
const REQUEST_ID: HeaderName = HeaderName::from_static("countersign-request-id");

/// The statuses that the edge gives, by their numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Status {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// Whether a message is gRPC: the type alone or with a format (`+proto`), and not one of its relatives (`application/grpc-web`), which go
/// over HTTP/1.1.
pub(crate) fn is_grpc(version: Version, headers: &HeaderMap) -> bool {
    version >= Version::HTTP_2
        && headers.get(CONTENT_TYPE).is_some_and(|value| {
            value
                .as_bytes()
                .strip_prefix(b"application/grpc")
                .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
        })
}

/// How long the client waits for the whole answer; `None` when it does not say, or nothing that can be read.
pub(crate) fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    // "TimeoutValue → {positive integer as ASCII string of at most 8 digits}"
    if number.is_empty() || number.len() > 8 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The status of an answer, from its head or its trailers.
pub(crate) fn status_in(headers: &HeaderMap) -> Option<u16> {
    headers.get(GRPC_STATUS)?.to_str().ok()?.parse().ok()
}

/// A refusal as gRPC has it: "Trailers-Only", the status 200 and everything else in one head.
pub(crate) fn refusal(reason: Reason, request_id: &str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::ours(""));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.extend(trailers(reason));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The end of an answer that the origin did not finish, or never began.
pub(crate) fn trailers(reason: Reason) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(4);
    trailers.insert(GRPC_STATUS, HeaderValue::from(status_of(reason) as u16));
    let message = escape(&format!(
        "{}: {} {}",
        reason.code(),
        reason.sentence(),
        reason.remedy()
    ));
    if let Ok(message) = HeaderValue::from_str(&message) {
        trailers.insert(GRPC_MESSAGE, message);
    }
    trailers.insert(REASON, HeaderValue::from_static(reason.code()));
    trailers
}

/// The one table from reasons to statuses of gRPC. Who did not prove who it is, is not authenticated; who did and may not, is not permitted.
const fn status_of(reason: Reason) -> Status {
    match reason {
        Reason::AmbiguousPath | Reason::MalformedRequest => Status::InvalidArgument,
        Reason::MisdirectedRequest | Reason::UnknownServerName | Reason::NoServerName => {
            Status::FailedPrecondition
        }
        Reason::OriginTimeout => Status::DeadlineExceeded,
        Reason::RateLimited | Reason::RequestTooLarge => Status::ResourceExhausted,
        // Clients may try again.
        Reason::Overloaded
        | Reason::TrustUnavailable
        | Reason::OriginUnreachable
        | Reason::OriginUnhealthy
        | Reason::OriginOverloaded
        | Reason::OriginUntrusted
        | Reason::OriginRefusedCertificate
        | Reason::OriginDidNotAsk => Status::Unavailable,
        Reason::DeniedByRule | Reason::NotInCaSet => Status::PermissionDenied,
        _ => Status::Unauthenticated,
    }
}

/// "Percent-Encoded → 1*(Percent-Byte-Unencoded / Percent-Byte-Encoded)": everything but visible ASCII and space, and the sign itself.
fn escape(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut escaped, byte| {
            match byte {
                b' '..=b'~' if byte != b'%' => escaped.push(char::from(byte)),
                // Writing to a string does not fail.
                _ => {
                    let _ = write!(escaped, "%{byte:02X}");
                }
            }
            escaped
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_known_by_its_type() {
        let is = |version, kind: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            is_grpc(version, &headers)
        };
        for kind in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc;x=y",
        ] {
            assert!(is(Version::HTTP_2, kind), "{kind}");
            assert!(is(Version::HTTP_3, kind), "{kind}");
            assert!(!is(Version::HTTP_11, kind), "{kind}");
        }
        for kind in [
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/json",
            "",
        ] {
            assert!(!is(Version::HTTP_2, kind), "{kind}");
        }
    }

    #[test]
    fn deadlines_are_read_or_left_alone() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_TIMEOUT, HeaderValue::from_static(text));
            deadline(&headers)
        };
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("250m", Some(Duration::from_millis(250))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("7n", Some(Duration::from_nanos(7))),
            ("123456789n", None),
            ("", None),
            ("S", None),
            ("+1S", None),
            ("1s", None),
            ("1", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn messages_are_escaped() {
        assert_eq!(escape("100% sure – ok"), "100%25 sure %E2%80%93 ok");
    }

    #[test]
    fn every_reason_has_an_error_status_and_a_message() {
        for reason in Reason::ALL {
            let trailers = trailers(*reason);
            assert!(status_in(&trailers).unwrap() > 0, "{reason}");
            let message = trailers[GRPC_MESSAGE].to_str().unwrap();
            assert!(message.starts_with(reason.code()), "{message}");
        }
        assert_eq!(status_of(Reason::Missing), Status::Unauthenticated);
        assert_eq!(status_of(Reason::Revoked), Status::Unauthenticated);
        assert_eq!(status_of(Reason::DeniedByRule), Status::PermissionDenied);
    }
}
