//! One conditional GET over plain HTTP, bounded in size, time, redirects and addresses.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ETAG, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, USER_AGENT,
};
use http::{HeaderName, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::address;
use crate::model::CrlSource;

const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
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

/// Why nothing came of it; the texts are read by people.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("it is no `http` URL with a host")]
    Url,
    #[error("the name of the host cannot be resolved")]
    Resolve(#[source] io::Error),
    #[error("the host is in a network that is not asked; allow that for this CRL if it is meant")]
    Address,
    #[error("the host cannot be reached")]
    Connect(#[source] io::Error),
    #[error("the host does not speak HTTP")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be made")]
    Request(#[from] http::Error),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("it leads from one address to the next")]
    Redirects,
    #[error("the answer is larger than {OCTETS_MAX} octets, or was cut short")]
    Body,
    #[error("it took longer than {} s", TIMEOUT.as_secs())]
    Timeout,
}

/// Asks for the CRL of a source.
pub(super) async fn fetch(source: &CrlSource) -> Result<Fetched, FetchError> {
    tokio::time::timeout(TIMEOUT, follow(source))
        .await
        .map_err(|_| FetchError::Timeout)?
}

async fn follow(source: &CrlSource) -> Result<Fetched, FetchError> {
    let url = source.url.as_deref().unwrap_or_default();
    let mut uri: Uri = url.parse().map_err(|_| FetchError::Url)?;
    for _ in 0..=REDIRECTS_MAX {
        let response = ask(&uri, source).await?;
        match response.status() {
            StatusCode::OK => return read(response).await,
            StatusCode::NOT_MODIFIED if source.crl.is_some() => return Ok(Fetched::Unchanged),
            status if status.is_redirection() => {
                let target = response
                    .headers()
                    .get(LOCATION)
                    .and_then(|target| target.to_str().ok())
                    .ok_or(FetchError::Status(status))?;
                uri = resolve(&uri, target)?;
            }
            status => return Err(FetchError::Status(status)),
        }
    }
    Err(FetchError::Redirects)
}

/// The target of a redirect: absolute, or a path on the same host. It goes through every check again.
fn resolve(base: &Uri, target: &str) -> Result<Uri, FetchError> {
    let absolute = if target.starts_with('/') && !target.starts_with("//") {
        let authority = base.authority().ok_or(FetchError::Url)?;
        format!("http://{authority}{target}")
    } else {
        target.to_owned()
    };
    absolute.parse().map_err(|_| FetchError::Url)
}

async fn ask(uri: &Uri, source: &CrlSource) -> Result<Response<Incoming>, FetchError> {
    let authority = uri.authority().ok_or(FetchError::Url)?;
    if uri.scheme_str() != Some("http") {
        return Err(FetchError::Url);
    }
    let stream = connect(uri, source.private_network).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer, or when both are dropped.
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::get(path)
        .header(HOST, authority.as_str())
        .header(ACCEPT, "application/pkix-crl, */*")
        .header(USER_AGENT, "countersign");
    // What we have and cannot use must come again.
    if source.crl.is_some() {
        for (name, value) in [
            (IF_NONE_MATCH, &source.etag),
            (IF_MODIFIED_SINCE, &source.last_modified),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
    }
    Ok(sender
        .send_request(request.body(Empty::<Bytes>::new())?)
        .await?)
}

async fn connect(uri: &Uri, private_network: bool) -> Result<TcpStream, FetchError> {
    let host = uri.host().ok_or(FetchError::Url)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(80);
    let found = tokio::net::lookup_host((host, port))
        .await
        .map_err(FetchError::Resolve)?;
    let mut error = FetchError::Address;
    for address in found.filter(|it| address::is_allowed(it.ip(), private_network)) {
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(cause)) => error = FetchError::Connect(cause),
            Err(_) => error = FetchError::Connect(io::ErrorKind::TimedOut.into()),
        }
    }
    Err(error)
}

async fn read(response: Response<Incoming>) -> Result<Fetched, FetchError> {
    let header = |name: HeaderName| {
        let value = response.headers().get(name)?.to_str().ok()?;
        (value.len() <= 1_000).then(|| value.to_owned())
    };
    let (etag, last_modified) = (header(ETAG), header(LAST_MODIFIED));
    let body = Limited::new(response.into_body(), OCTETS_MAX)
        .collect()
        .await
        .map_err(|_| FetchError::Body)?;
    Ok(Fetched::New {
        body: body.to_bytes().into(),
        etag,
        last_modified,
    })
}
