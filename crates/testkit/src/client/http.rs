//! A small HTTP client over any stream.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, uri::Authority};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    body::Frame,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
};

/// A request body of any kind.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A body of these bytes.
pub fn body(bytes: impl Into<Bytes>) -> Body {
    UnsyncBoxBody::new(Full::new(bytes.into()))
}

/// A body of these bytes, followed by trailers (in HTTP/1.1 name them in a `Trailer` header as well).
pub fn body_with_trailers(bytes: impl Into<Bytes>, trailers: HeaderMap) -> Body {
    UnsyncBoxBody::new(WithTrailers {
        frames: [Frame::trailers(trailers), Frame::data(bytes.into())].into(),
    })
}

/// Frames to send, last first. Its length is not announced, so that HTTP/1.1 sends it chunked: only then there is room for trailers.
struct WithTrailers {
    frames: Vec<Frame<Bytes>>,
}

impl hyper::body::Body for WithTrailers {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.frames.pop().map(Ok))
    }
}

/// One HTTP connection.
#[derive(Debug)]
pub struct HttpClient {
    sender: Sender,
    authority: String,
    connection: JoinHandle<Result<(), hyper::Error>>,
}

#[derive(Debug)]
enum Sender {
    One(http1::SendRequest<Body>),
    Two(http2::SendRequest<Body>),
}

/// A response, read to its end.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// The trailers, if there were any.
    pub trailers: Option<HeaderMap>,
}

impl HttpClient {
    /// An HTTP/1.1 connection over `stream`, asking for `authority` where a request says nothing else.
    ///
    /// # Errors
    ///
    /// When it cannot be begun.
    pub async fn http1<IO>(stream: IO, authority: &str) -> Result<Self, hyper::Error>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            sender: Sender::One(sender),
            authority: authority.to_owned(),
            connection: tokio::spawn(connection.with_upgrades()),
        })
    }

    /// An HTTP/2 connection over `stream`, asking for `authority` where a request says nothing else.
    ///
    /// # Errors
    ///
    /// When it cannot be begun.
    pub async fn http2<IO>(stream: IO, authority: &str) -> Result<Self, hyper::Error>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await?;
        Ok(Self {
            sender: Sender::Two(sender),
            authority: authority.to_owned(),
            connection: tokio::spawn(connection),
        })
    }

    /// Sends `GET path`.
    ///
    /// # Errors
    ///
    /// When the connection ends before the response does.
    pub async fn get(&mut self, path: &str) -> Result<Response, hyper::Error> {
        let request = Request::get(path).body(body(Bytes::new())).unwrap();
        self.send(request).await
    }

    /// Sends a request and reads its whole response. A request with a path alone goes to the connection's authority, in
    /// the form of the protocol: `Host` or `:authority`.
    ///
    /// # Errors
    ///
    /// When the connection ends before the response does.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Response, hyper::Error> {
        let response = self.begin(request).await?;
        let (head, incoming) = response.into_parts();
        let collected = incoming.collect().await?;
        let trailers = collected.trailers().cloned();
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body: collected.to_bytes(),
            trailers,
        })
    }

    /// Sends a request and returns as soon as the response's head is there, for streams and upgrades.
    ///
    /// # Errors
    ///
    /// When the connection ends before the head is there.
    pub async fn begin(
        &mut self,
        mut request: Request<Body>,
    ) -> Result<http::Response<hyper::body::Incoming>, hyper::Error> {
        match &mut self.sender {
            Sender::One(sender) => {
                if !request.headers().contains_key(http::header::HOST) {
                    let host = self.authority.parse().unwrap();
                    request.headers_mut().insert(http::header::HOST, host);
                }
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Two(sender) => {
                if request.uri().authority().is_none() && request.method() != http::Method::CONNECT
                {
                    let authority: Authority = self.authority.parse().unwrap();
                    let mut parts = request.uri().clone().into_parts();
                    parts.scheme = Some(http::uri::Scheme::HTTPS);
                    parts.authority = Some(authority);
                    *request.uri_mut() = Uri::from_parts(parts).unwrap();
                }
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Waits until the connection has ended, from whatever side.
    ///
    /// # Errors
    ///
    /// When it ended in another way than in good order.
    pub async fn closed(self) -> Result<(), hyper::Error> {
        // The sender lives on meanwhile: the end has to come from the server.
        let ended = self.connection.await.unwrap();
        drop(self.sender);
        ended
    }
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in {} {}", self.status, self.text()),
        }
    }

    /// A header's value; `None` if it is absent, all values joined by `, ` if there are several.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        let texts = values
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        (!values.is_empty()).then(|| texts.collect::<Vec<_>>().join(", "))
    }
}
