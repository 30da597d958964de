//! Asking hosts that somebody else names: over plain HTTP, with the resolved address judged before it is connected to (threats C3.5).
//!
//! What is fetched proves itself by its signature, so that TLS would add nothing but a circle.

mod address;
mod hosts;

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub(crate) use hosts::AllowedHosts;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const URL_MAX_OCTETS: usize = 2_000;

/// Where to ask.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Target {
    pub(crate) url: String,
    /// Whether the host may be in a private network, or on this machine.
    pub(crate) private_network: bool,
}

/// Why nothing came of it; the texts are read by people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("it is no `http` URL with a host")]
    Url,
    #[error("the name of the host cannot be resolved")]
    Resolve(#[source] io::Error),
    #[error("the host is in a network that is not asked; allow that if it is meant")]
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
    #[error("the answer is larger than {0} octets, or was cut short")]
    Body(usize),
    #[error("it took longer than {} s", .0.as_secs())]
    Timeout(Duration),
}

/// Makes one request of a host and gives the head of its answer. Nothing is followed.
pub(crate) async fn ask(
    uri: &Uri,
    private_network: bool,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response<Incoming>, FetchError> {
    let authority = uri.authority().ok_or(FetchError::Url)?;
    if uri.scheme_str() != Some("http") {
        return Err(FetchError::Url);
    }
    let stream = connect(uri, private_network).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer, or when both are dropped.
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, authority.as_str())
        .header(USER_AGENT, "countersign")
        .body(Full::new(body))?;
    request.headers_mut().extend(headers);
    Ok(sender.send_request(request).await?)
}

/// Reads an answer that is at most so large.
pub(crate) async fn read(
    response: Response<Incoming>,
    octets_max: usize,
) -> Result<Bytes, FetchError> {
    Limited::new(response.into_body(), octets_max)
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .map_err(|_| FetchError::Body(octets_max))
}

/// Where an answer redirects to: absolute, or a path on the same host. It goes through every check again.
pub(crate) fn redirected<B>(base: &Uri, response: &Response<B>) -> Result<Uri, FetchError> {
    let target = response
        .headers()
        .get(LOCATION)
        .and_then(|target| target.to_str().ok())
        .ok_or_else(|| FetchError::Status(response.status()))?;
    let absolute = if target.starts_with('/') && !target.starts_with("//") {
        let authority = base.authority().ok_or(FetchError::Url)?;
        format!("http://{authority}{target}")
    } else {
        target.to_owned()
    };
    absolute.parse().map_err(|_| FetchError::Url)
}

/// What is wrong with an address that somebody gives; none when it can be asked.
pub(crate) fn problem_of(url: &str) -> Option<&'static str> {
    if url.len() > URL_MAX_OCTETS {
        return Some("it is too long");
    }
    let Ok(uri) = url.parse::<Uri>() else {
        return Some("it is no URL");
    };
    if uri.scheme_str() != Some("http") || uri.host().is_none_or(str::is_empty) {
        return Some(
            "it has to begin with `http://` and a host; what is fetched proves itself by its signature",
        );
    }
    if uri.authority().is_some_and(|it| it.as_str().contains('@')) {
        return Some("it may not hold a name or a password");
    }
    None
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

/// An error with all that led to it, for people.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Up to a tenth less, so that not all controllers ask at the same time.
pub(crate) fn jitter(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness the pause is what it is.
    let _ = aws_lc_rs::rand::fill(&mut byte);
    pause - pause / 10 * u32::from(byte[0]) / 256
}
