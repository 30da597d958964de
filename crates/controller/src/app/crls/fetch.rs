//! One conditional GET, bounded in size, time, redirects and addresses.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use hyper::body::Incoming;

use crate::app::outbound::{self, FetchError};
use crate::model::CrlSource;

const BOUNDS: Bounds = Bounds {
    timeout: Duration::from_secs(60),
    octets_max: 512 << 20,
};
const REDIRECTS_MAX: usize = 3;

/// What one fetch may take.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    timeout: Duration,
    octets_max: usize,
}

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
    fetch_within(source, BOUNDS).await
}

async fn fetch_within(source: &CrlSource, bounds: Bounds) -> Result<Fetched, FetchError> {
    tokio::time::timeout(bounds.timeout, follow(source, bounds.octets_max))
        .await
        .map_err(|_| FetchError::Timeout(bounds.timeout))?
}

async fn follow(source: &CrlSource, octets_max: usize) -> Result<Fetched, FetchError> {
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
            StatusCode::OK => return read(response, octets_max).await,
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

async fn read(response: Response<Incoming>, octets_max: usize) -> Result<Fetched, FetchError> {
    let header = |name: HeaderName| {
        let value = response.headers().get(name)?.to_str().ok()?;
        (value.len() <= 1_000).then(|| value.to_owned())
    };
    let (etag, last_modified) = (header(ETAG), header(LAST_MODIFIED));
    Ok(Fetched::New {
        body: outbound::read(response, octets_max).await?.into(),
        etag,
        last_modified,
    })
}

#[cfg(test)]
mod tests {
    use countersign_trust::UnixTime;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that says `first` once it was asked, and then `more` without an end.
    async fn source(first: String, more: &'static str) -> CrlSource {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/crl", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read_u8().await;
            let _ = stream.write_all(first.as_bytes()).await;
            if more.is_empty() {
                std::future::pending::<()>().await;
            }
            while stream.write_all(more.as_bytes()).await.is_ok() {}
        });
        let at = UnixTime::from_secs(0);
        CrlSource {
            id: 1,
            ca_set: "1".parse().unwrap(),
            url: Some(url),
            private_network: true,
            from_certificate: false,
            created_at: at,
            created_by: String::new(),
            crl: None,
            checked_at: None,
            check_at: None,
            failures: 0,
            error: None,
            etag: None,
            last_modified: None,
        }
    }

    fn head(octets: usize) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {octets}\r\n\r\n")
    }

    /// Nothing here takes as long as the default.
    const SMALL: Bounds = Bounds {
        octets_max: 1_000,
        ..BOUNDS
    };

    #[tokio::test]
    async fn a_crl_may_be_as_large_as_the_limit_and_no_larger() {
        let fits = source(head(1_000) + &"x".repeat(1_000), "").await;
        let fetched = fetch_within(&fits, SMALL).await;
        assert!(matches!(fetched, Ok(Fetched::New { body, .. }) if body.len() == 1_000));
        let announced = source(head(1_001), "x").await;
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let endless = source(chunked.to_owned(), "1\r\nx\r\n").await;
        for larger in [announced, endless] {
            let fetched = fetch_within(&larger, SMALL).await;
            assert!(
                matches!(fetched, Err(FetchError::Body(1_000))),
                "{fetched:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_server_that_never_ends_costs_no_more_than_the_time_limit() {
        let short = Bounds {
            timeout: Duration::from_millis(100),
            ..BOUNDS
        };
        for first in [String::new(), "HTTP/1.1 200".to_owned(), head(1_000) + "x"] {
            let fetched = fetch_within(&source(first, "").await, short).await;
            assert!(
                matches!(fetched, Err(FetchError::Timeout(_))),
                "{fetched:?}"
            );
        }
    }
}
