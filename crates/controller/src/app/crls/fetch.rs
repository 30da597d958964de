//! One conditional GET, bounded in size, time, redirects and addresses.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use hyper::body::Incoming;

use crate::app::outbound::{self, FetchError};
use crate::model::CrlSource;

const TIMEOUT: Duration = Duration::from_secs(60);
const OCTETS_MAX: usize = 512 << 20;
const REDIRECTS_MAX: usize = 3;

/// What came of asking.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The one we have is the newest.
    Unchanged,
    /// Another one.
    New {
        body: Vec<u8>,
        etag: Option<String>,
        last_modified: Option<String>,
    },
}

/// Asks for the CRL of a source.
pub(super) async fn fetch(source: &CrlSource) -> Result<Fetched, FetchError> {
    tokio::time::timeout(TIMEOUT, follow(source))
        .await
        .map_err(|_| FetchError::Timeout(TIMEOUT))?
}

async fn follow(source: &CrlSource) -> Result<Fetched, FetchError> {
    let url = source.url.as_deref().unwrap_or_default();
    let mut uri: Uri = url.parse().map_err(|_| FetchError::Url)?;
    for _ in 0..=REDIRECTS_MAX {
        let headers = headers(source);
        let response = outbound::ask(
            &uri,
            source.private_network,
            Method::GET,
            headers,
            Bytes::new(),
        )
        .await?;
        match response.status() {
            StatusCode::OK => return read(response).await,
            StatusCode::NOT_MODIFIED if source.crl.is_some() => return Ok(Fetched::Unchanged),
            // A host that a certificate names was allowed by its name, and not by where it leads.
            status if status.is_redirection() && !source.from_certificate => {
                uri = outbound::redirected(&uri, &response)?;
            }
            status => return Err(FetchError::Status(status)),
        }
    }
    Err(FetchError::Redirects)
}

fn headers(source: &CrlSource) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/pkix-crl, */*"),
    );
    // What we have and cannot use must come again.
    if source.crl.is_some() {
        for (name, value) in [
            (IF_NONE_MATCH, &source.etag),
            (IF_MODIFIED_SINCE, &source.last_modified),
        ] {
            if let Some(value) = value.as_deref().and_then(|it| it.parse().ok()) {
                headers.insert(name, value);
            }
        }
    }
    headers
}

async fn read(response: Response<Incoming>) -> Result<Fetched, FetchError> {
    let header = |name: HeaderName| {
        let value = response.headers().get(name)?.to_str().ok()?;
        (value.len() <= 1_000).then(|| value.to_owned())
    };
    let (etag, last_modified) = (header(ETAG), header(LAST_MODIFIED));
    Ok(Fetched::New {
        body: outbound::read(response, OCTETS_MAX).await?.into(),
        etag,
        last_modified,
    })
}
