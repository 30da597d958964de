//! What is to be explained: a request to explain, read and checked.

use std::net::{IpAddr, Ipv4Addr};

use countersign_api::truststore;
use countersign_api::v1::explain::ExplainRequest;
use countersign_snapshot::{CONNECTION_HEADERS, Network, Peer, ServerName, is_identity_header};
use countersign_trust::{Certificate, UnixTime, parse_bundle};
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::app::{ErrorCode, ServiceError};

const METHOD_MAX_BYTES: usize = 64;
const TARGET_MAX_BYTES: usize = 16 * 1024;
const HEADERS_MAX: usize = 100;

/// A client and its request, as an edge would have them after reading.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) network: Network,
    pub(super) name: ServerName,
    /// The name of the handshake.
    pub(super) server_name: ServerName,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    /// Names of headers that no rule ever sees.
    pub(super) removed: Vec<String>,
    pub(super) client: IpAddr,
    pub(super) now: UnixTime,
    pub(super) peer: Peer,
    pub(super) certificates: Vec<Certificate>,
}

impl Case {
    pub(super) fn read(request: &ExplainRequest, now: UnixTime) -> Result<Self, ServiceError> {
        let name = ServerName::from_authority(&request.hostname)
            .map_err(|error| invalid("/hostname", error.to_string()))?;
        let server_name = match &request.server_name {
            None => name.clone(),
            Some(text) => ServerName::from_authority(text)
                .map_err(|error| invalid("/serverName", error.to_string()))?,
        };
        let certificates = match &request.certificate_pem {
            None => Vec::new(),
            Some(pem) => certificates(pem)?,
        };
        let der: Vec<&[u8]> = certificates.iter().map(Certificate::der).collect();
        let peer = Peer::from_der(&der);
        let method = request.method.clone().unwrap_or_else(|| "GET".to_owned());
        if method.len() > METHOD_MAX_BYTES || http::Method::from_bytes(method.as_bytes()).is_err() {
            return Err(invalid("/method", "it is no method, such as GET"));
        }
        let target = request.path.as_deref().unwrap_or("/");
        if target.len() > TARGET_MAX_BYTES {
            return Err(invalid(
                "/path",
                format!("it is longer than {TARGET_MAX_BYTES} bytes"),
            ));
        }
        let (path, query) = match target.split_once('?') {
            None => (target, None),
            Some((path, query)) => (path, Some(query.to_owned())),
        };
        let (headers, removed) = headers(request)?;
        Ok(Self {
            network: match request.network {
                Some(truststore::Network::Staging) => Network::Staging,
                Some(truststore::Network::Production) | None => Network::Production,
            },
            name,
            server_name,
            method,
            path: path.to_owned(),
            query,
            headers,
            removed,
            client: match &request.client_address {
                None => Ipv4Addr::UNSPECIFIED.into(),
                Some(text) => text
                    .parse()
                    .map_err(|_| invalid("/clientAddress", "it is no IP address"))?,
            },
            now: match &request.time {
                None => now,
                Some(text) => text.parse().map_err(|_| {
                    invalid("/time", "it is no time such as `2026-11-21T07:00:00Z`")
                })?,
            },
            peer,
            certificates,
        })
    }

    /// The target as the client writes it.
    pub(super) fn target(&self) -> String {
        match &self.query {
            None => self.path.clone(),
            Some(query) => format!("{}?{query}", self.path),
        }
    }
}

fn certificates(pem: &str) -> Result<Vec<Certificate>, ServiceError> {
    let bundle = parse_bundle(pem.as_bytes())
        .map_err(|error| invalid("/certificatePem", error.to_string()))?;
    Ok(bundle
        .certificates
        .into_iter()
        .map(|entry| entry.certificate)
        .collect())
}

/// The headers that rules see, and the names of the others.
fn headers(request: &ExplainRequest) -> Result<(HeaderMap, Vec<String>), ServiceError> {
    if request.headers.len() > HEADERS_MAX {
        return Err(invalid(
            "/headers",
            format!("there are more than {HEADERS_MAX}"),
        ));
    }
    let (mut kept, mut removed) = (HeaderMap::new(), Vec::new());
    for (name, value) in &request.headers {
        let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid(&pointer, "it is no header name"))?;
        let value =
            HeaderValue::from_str(value).map_err(|_| invalid(&pointer, "it is no header value"))?;
        if is_identity_header(&header) || CONNECTION_HEADERS.contains(&header) {
            removed.push(header.as_str().to_owned());
        } else {
            kept.insert(header, value);
        }
    }
    Ok((kept, removed))
}

fn invalid(pointer: &str, why: impl Into<String>) -> ServiceError {
    let why = why.into();
    let name = pointer.trim_start_matches('/');
    ServiceError::new(
        ErrorCode::InvalidField,
        format!("`{name}` cannot be used: {why}."),
    )
    .at(pointer)
}
