//! Which server name a request is for (threats C2.1, C2.5, C2.6).

use std::fmt;
use std::sync::Arc;

use countersign_snapshot::ServerName;
use http::Version;
use http::header::{HOST, HeaderValue};
use http::request::Parts;

/// The name, and the port when the client wrote one.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    pub(crate) name: Arc<ServerName>,
    pub(crate) port: Option<u16>,
}

impl Authority {
    /// As a header says it. `None` never happens: a name has no character that a header cannot carry.
    pub(crate) fn to_header(&self) -> Option<HeaderValue> {
        match self.port {
            None => HeaderValue::from_str(self.name.as_str()).ok(),
            Some(_) => HeaderValue::from_str(&self.to_string()).ok(),
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => self.name.fmt(f),
            Some(port) => write!(f, "{}:{port}", self.name),
        }
    }
}

/// Why a request names no server, or several.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AuthorityError {
    Different,
    Invalid,
    Missing,
    Repeated,
}

impl AuthorityError {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Different => "the Host header and the request target name different servers",
            Self::Invalid => "the Host header is no host name",
            Self::Missing => "the request names no server",
            Self::Repeated => "the request has several Host headers",
        }
    }
}

/// Reads `Host`, `:authority` and the absolute form of the request target, which must agree.
///
/// `connected` is the name of the handshake, if there was one; a request for the same name, as nearly all are, shares it instead of making
/// another.
pub(crate) fn of(
    parts: &Parts,
    connected: Option<&Arc<ServerName>>,
) -> Result<Authority, AuthorityError> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = hosts.next();
    // RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host header
    // field and to any request message that contains more than one Host header field line or a Host header field with an invalid field
    // value." HTTP/1.0 without Host would need a default, and there is none.
    if hosts.next().is_some() {
        return Err(AuthorityError::Repeated);
    }
    let host = match host {
        Some(value) => Some(read(
            value.to_str().map_err(|_| AuthorityError::Invalid)?,
            connected,
        )?),
        None if parts.version < Version::HTTP_2 => return Err(AuthorityError::Missing),
        None => None,
    };
    let target = match parts.uri.authority() {
        Some(authority) => Some(read(authority.as_str(), connected)?),
        None => None,
    };
    match (host, target) {
        (None, None) => Err(AuthorityError::Missing),
        (Some(one), None) | (None, Some(one)) => Ok(one),
        // RFC 9113 §8.3.1: "... a server SHOULD treat a request as malformed if it contains a Host header field that identifies an entity
        // that differs from the entity in the ":authority" pseudo-header field." For the absolute form RFC 9112 §3.2.2 lets a server
        // ignore Host. Deviation: we refuse that too, since an origin that looks at the other one would serve another name.
        (Some(host), Some(target)) if host.name == target.name && host.port == target.port => {
            Ok(target)
        }
        (Some(_), Some(_)) => Err(AuthorityError::Different),
    }
}

fn read(text: &str, connected: Option<&Arc<ServerName>>) -> Result<Authority, AuthorityError> {
    if let Some(connected) = connected.filter(|connected| text == connected.as_str()) {
        return Ok(Authority {
            name: Arc::clone(connected),
            port: None,
        });
    }
    let name = ServerName::from_authority(text).map_err(|_| AuthorityError::Invalid)?;
    let port = text
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok());
    let name = match connected {
        Some(connected) if name == **connected => Arc::clone(connected),
        _ => Arc::new(name),
    };
    Ok(Authority { name, port })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(request: http::request::Builder, expected: Result<&str, AuthorityError>) {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let connected = Arc::new(ServerName::new("a.test").unwrap());
        let actual = of(&parts, Some(&connected)).map(|authority| authority.name.to_string());
        assert_eq!(
            actual.as_deref().map_err(|error| *error),
            expected,
            "{parts:?}"
        );
    }

    #[test]
    fn host_and_target_name_one_server() {
        let get = |uri: &str| Request::get(uri);
        check(get("/").header("host", "A.test"), Ok("a.test"));
        check(get("/").header("host", "a.test.:8443"), Ok("a.test"));
        check(get("/").header("host", "b.test"), Ok("b.test"));
        check(
            get("https://a.test/").header("host", "a.test"),
            Ok("a.test"),
        );
        check(
            get("https://a.test/").version(Version::HTTP_2),
            Ok("a.test"),
        );
        check(
            get("https://a.test/")
                .version(Version::HTTP_2)
                .header("host", "A.TEST."),
            Ok("a.test"),
        );
    }

    #[test]
    fn requests_that_name_none_or_several_are_malformed() {
        use AuthorityError::*;
        let get = |uri: &str| Request::get(uri);
        check(get("/"), Err(Missing));
        check(get("/").version(Version::HTTP_10), Err(Missing));
        check(get("https://a.test/"), Err(Missing));
        check(get("/").header("host", ""), Err(Invalid));
        check(get("/").header("host", "a.test, b.test"), Err(Invalid));
        check(
            get("/").header("host", "a.test").header("host", "a.test"),
            Err(Repeated),
        );
        check(get("/").header("host", "192.0.2.1"), Err(Invalid));
        check(get("/").header("host", "user@a.test"), Err(Invalid));
        check(
            get("https://a.test/").header("host", "b.test"),
            Err(Different),
        );
        check(
            get("https://a.test/").header("host", "a.test:1"),
            Err(Different),
        );
        check(
            get("https://a.test/")
                .version(Version::HTTP_2)
                .header("host", "b.test"),
            Err(Different),
        );
    }
}
