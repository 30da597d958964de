//! What belongs to one connection only and is never passed on (RFC 9110 §7.6.1).

use countersign_snapshot::CONNECTION_HEADERS;
use http::HeaderMap;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderName, HeaderValue, TE, TRAILER};

/// At most this many options of `Connection` are looked at; a client that sends more gets a refusal.
const OPTIONS_MAX: usize = 16;

/// The lengths of the names that belong to the connection: 2, 7, 10, 14, 16 and 17.
const LENGTHS: u32 = 1 << 2 | 1 << 7 | 1 << 10 | 1 << 14 | 1 << 16 | 1 << 17;

/// More options in `Connection` than any client has reason to send.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct TooManyOptions;

/// Removes what belongs to the connection, and what `Connection` lists.
///
/// `protected` names fields that a client may not get removed by listing them: those that the edge sets (threats C4.1: the "hop-by-hop
/// removal trick") are set after this function ran, so that here only end-to-end fields with a meaning to us need protection.
pub(crate) fn remove(
    headers: &mut HeaderMap,
    protected: fn(&HeaderName) -> bool,
) -> Result<(), TooManyOptions> {
    // One look at what is there: most messages have one of these or none, and most names have another length.
    let present: u8 = headers
        .keys()
        .filter(|name| LENGTHS & 1_u32.wrapping_shl(name.as_str().len() as u32) != 0)
        .filter_map(|name| {
            CONNECTION_HEADERS
                .iter()
                .chain([&TE])
                .position(|known| known == name)
        })
        .fold(0, |present, place| present | 1 << place);
    if present == 0 {
        return Ok(());
    }
    if headers.contains_key(CONNECTION) {
        let mut listed: Vec<HeaderName> = Vec::new();
        let mut seen = 0;
        for value in headers.get_all(CONNECTION) {
            for option in value.as_bytes().split(|byte| *byte == b',') {
                seen += 1;
                if seen > OPTIONS_MAX {
                    return Err(TooManyOptions);
                }
                let option = option.trim_ascii();
                // As most origins say; removed below in any case.
                if !option.eq_ignore_ascii_case(b"keep-alive")
                    && let Ok(name) = HeaderName::from_bytes(option)
                    && !protected(&name)
                {
                    listed.push(name);
                }
            }
        }
        for name in listed {
            remove_all(headers, &name);
        }
    }
    if present & 1 << CONNECTION_HEADERS.len() != 0 {
        // RFC 9110 §10.1.4: TE is of this connection; only "trailers" has the same meaning on the next one.
        let trailers = headers.get_all(TE).iter().any(|value| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
        });
        if trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        } else {
            remove_all(headers, &TE);
        }
    }
    for (place, name) in CONNECTION_HEADERS.iter().enumerate() {
        if present & 1 << place != 0 {
            remove_all(headers, name);
        }
    }
    Ok(())
}

/// Removes a field with all its values.
pub(crate) fn remove_all(headers: &mut HeaderMap, name: &HeaderName) {
    headers.remove(name);
}

/// Fields that say where a message or a connection ends.
pub(crate) fn is_framing(name: &HeaderName) -> bool {
    CONNECTION_HEADERS.contains(name) || matches!(*name, CONTENT_LENGTH | EXPECT | TE | TRAILER)
}

/// Fields that change the meaning of a message and therefore come too late in its trailers (RFC 9110 §6.5.1).
pub(crate) fn is_forbidden_in_trailers(name: &HeaderName) -> bool {
    use http::header;
    const FORBIDDEN: [HeaderName; 14] = [
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::CONTENT_TYPE,
        header::COOKIE,
        header::EXPECT,
        header::FORWARDED,
        header::HOST,
        header::TE,
        header::TRAILER,
        header::RANGE,
        header::VIA,
    ];
    CONNECTION_HEADERS.contains(name)
        || FORBIDDEN.contains(name)
        || name.as_str().starts_with("x-forwarded-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn what_connection_lists_is_removed() {
        let mut headers = map(&[
            ("connection", "close, X-Internal"),
            ("connection", "Keep-Alive"),
            ("x-internal", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "gzip, Trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAA"),
            ("accept", "*/*"),
        ]);
        remove(&mut headers, |_| false).unwrap();
        assert_eq!(headers, map(&[("accept", "*/*"), ("te", "trailers")]));
    }

    #[test]
    fn every_name_of_the_connection_is_looked_for() {
        for name in CONNECTION_HEADERS.iter().chain([&TE]) {
            assert_ne!(LENGTHS & 1 << name.as_str().len(), 0, "{name}");
            let mut headers = map(&[(name.as_str(), "x")]);
            remove(&mut headers, |_| false).unwrap();
            assert!(headers.is_empty(), "{name}");
        }
    }

    #[test]
    fn what_is_protected_stays() {
        let mut headers = map(&[("connection", "authorization"), ("authorization", "x")]);
        remove(&mut headers, |name| name == http::header::AUTHORIZATION).unwrap();
        assert!(headers.contains_key("authorization"));
    }

    #[test]
    fn a_flood_of_options_is_refused() {
        let mut headers = map(&[("connection", &"a,".repeat(40))]);
        assert_eq!(remove(&mut headers, |_| false), Err(TooManyOptions));
    }
}
