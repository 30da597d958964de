//! An origin server that says what it received and remembers it.

mod tap;
mod tls;

use std::{
    convert::Infallible,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::{Ca, Credential, wait};
use tap::Tap;
pub use tls::accept_tls;

/// A running origin; it stops when this is dropped. HTTP/1.1, and HTTP/2 with prior knowledge or by ALPN.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What an origin does with a request.
pub type Answer = dyn Fn(&Received) -> Reaction + Send + Sync;

/// What becomes of one request.
#[derive(Debug)]
pub enum Reaction {
    /// The answer that says what was received: see [`Received::to_json`].
    Echo,
    /// This answer.
    Respond(Response<Bytes>),
    /// This answer, once the switch is on.
    RespondWhen(watch::Receiver<bool>, Response<Bytes>),
    /// No answer, ever.
    Silence,
    /// The connection is closed without an answer.
    Close,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    /// The method.
    pub method: String,
    /// The request target: byte for byte in HTTP/1.1, rebuilt from the pseudo headers in HTTP/2.
    pub target: String,
    /// `HTTP/1.1` and so on.
    pub version: String,
    /// Headers in their order, names in lower case (their spelling is in [`Origin::bytes_of`]).
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
    /// Trailers in their order.
    pub trailers: Vec<(String, String)>,
    /// The client certificate chain of the connection, leaf first; empty without one.
    pub client_chain: Vec<Vec<u8>>,
}

/// How an origin is to be.
pub struct OriginBuilder {
    tls: Option<(Credential, Option<Ca>)>,
    answer: Box<Answer>,
}

struct Shared {
    answer: Box<Answer>,
    received: Mutex<Vec<Received>>,
    bytes: Mutex<Vec<Vec<u8>>>,
    failed_handshakes: Mutex<Vec<String>>,
}

impl Origin {
    /// A plain HTTP origin that echoes.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// An origin to be described first.
    pub fn builder() -> OriginBuilder {
        OriginBuilder {
            tls: None,
            answer: Box::new(|_| Reaction::Echo),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL without a path, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The last request.
    ///
    /// # Panics
    ///
    /// When there was none.
    pub fn last(&self) -> Received {
        self.received().pop().expect("a request at the origin")
    }

    /// Waits until there were at least `count` requests, and returns them all.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let what = format!("{count} requests at the origin");
        wait::until_async(&what, async || {
            let received = self.received();
            let seen = received.len();
            if seen >= count {
                Ok(received)
            } else {
                Err(seen)
            }
        })
        .await
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.bytes.lock().unwrap().len()
    }

    /// Every byte (after TLS) that arrived on a connection, for what parsing would hide: spelling, order, framing.
    pub fn bytes_of(&self, connection: usize) -> Vec<u8> {
        self.shared.bytes.lock().unwrap()[connection].clone()
    }

    /// Why TLS handshakes failed, in order.
    pub fn failed_handshakes(&self) -> Vec<String> {
        self.shared.failed_handshakes.lock().unwrap().clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl OriginBuilder {
    /// Speaks TLS with this certificate.
    pub fn tls(mut self, credential: &Credential) -> Self {
        self.tls = Some((credential.clone(), None));
        self
    }

    /// Speaks TLS with this certificate and wants a client certificate of this authority.
    pub fn mutual_tls(mut self, credential: &Credential, clients: &Ca) -> Self {
        self.tls = Some((credential.clone(), Some(clients.clone())));
        self
    }

    /// Does with each request what `answer` says.
    pub fn answer(
        mut self,
        answer: impl Fn(&Received) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        self.answer = Box::new(answer);
        self
    }

    /// Starts it on a free port of the loopback interface.
    pub async fn start(self) -> Origin {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        self.start_on(listener)
    }

    /// Starts it on a listener, for an origin that comes back where another was.
    pub fn start_on(self, listener: TcpListener) -> Origin {
        let address = listener.local_addr().unwrap();
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let acceptor = self
            .tls
            .as_ref()
            .map(|(credential, clients)| tls::acceptor(credential, clients.as_ref()));
        let shared = Arc::new(Shared {
            answer: self.answer,
            received: Mutex::default(),
            bytes: Mutex::default(),
            failed_handshakes: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, acceptor, Arc::clone(&shared)));
        Origin {
            address,
            scheme,
            shared,
            task,
        }
    }
}

impl Received {
    /// The values of a header, in order.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// What the echo answers: `method`, `target`, `version`, `headers` and `trailers` (pairs in order), `body` (text), `connection`, `client_chain_length`.
    pub fn to_json(&self) -> Value {
        json!({
            "method": self.method,
            "target": self.target,
            "version": self.version,
            "headers": self.headers,
            "trailers": self.trailers,
            "body": String::from_utf8_lossy(&self.body),
            "connection": self.connection,
            "client_chain_length": self.client_chain.len(),
        })
    }
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let connection = {
            let mut bytes = shared.bytes.lock().unwrap();
            bytes.push(Vec::new());
            bytes.len() - 1
        };
        connections.spawn(connect(
            stream,
            acceptor.clone(),
            Arc::clone(&shared),
            connection,
        ));
        while connections.try_join_next().is_some() {}
    }
}

async fn connect(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    connection: usize,
) {
    stream.set_nodelay(true).unwrap();
    let Some(acceptor) = acceptor else {
        return serve(stream, shared, connection, Vec::new()).await;
    };
    match acceptor.accept(stream).await {
        Ok(stream) => {
            let chain = stream.get_ref().1.peer_certificates();
            let chain = chain
                .into_iter()
                .flatten()
                .map(|der| der.to_vec())
                .collect();
            serve(stream, shared, connection, chain).await;
        }
        Err(error) => {
            let mut failed = shared.failed_handshakes.lock().unwrap();
            failed.push(error.to_string());
        }
    }
}

async fn serve<IO>(stream: IO, shared: Arc<Shared>, connection: usize, client_chain: Vec<Vec<u8>>)
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let log = Arc::clone(&shared);
    let tap = Tap::new(stream, move |bytes: &[u8]| {
        log.bytes.lock().unwrap()[connection].extend(bytes);
    });
    let service = service_fn(|request| {
        respond(
            request,
            Arc::clone(&shared),
            connection,
            client_chain.clone(),
        )
    });
    // How the other side ends its connections is not this side's business.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection_with_upgrades(TokioIo::new(tap), service)
        .await;
}

async fn respond(
    mut request: Request<Incoming>,
    shared: Arc<Shared>,
    connection: usize,
    client_chain: Vec<Vec<u8>>,
) -> io::Result<Response<Full<Bytes>>> {
    let upgrade = request.headers().get(header::UPGRADE).cloned();
    let upgraded = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?;
    let received = Received {
        connection,
        method: head.method.to_string(),
        target: head.uri.to_string(),
        version: format!("{:?}", head.version),
        headers: pairs(&head.headers),
        trailers: body.trailers().map(pairs).unwrap_or_default(),
        body: body.to_bytes(),
        client_chain,
    };
    shared.received.lock().unwrap().push(received.clone());
    match (shared.answer)(&received) {
        Reaction::Silence => std::future::pending().await,
        Reaction::Close => Err(io::ErrorKind::ConnectionAborted.into()),
        Reaction::Respond(response) => Ok(response.map(Full::new)),
        Reaction::RespondWhen(mut switch, response) => {
            // Whoever throws the switch away lets go of the answer as well.
            let _ = switch.wait_for(|on| *on).await;
            Ok(response.map(Full::new))
        }
        Reaction::Echo => match (upgrade, upgraded) {
            (Some(protocol), Some(upgraded)) => {
                tokio::spawn(echo_bytes(upgraded));
                let response = Response::builder()
                    .status(StatusCode::SWITCHING_PROTOCOLS)
                    .header(header::CONNECTION, "upgrade")
                    .header(header::UPGRADE, protocol);
                Ok(response.body(Full::default()).unwrap())
            }
            _ => {
                let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
                let body = Full::from(received.to_json().to_string());
                Ok(response.body(body).unwrap())
            }
        },
    }
}

/// After an upgrade to whatever protocol: every byte goes back.
async fn echo_bytes(upgraded: hyper::upgrade::OnUpgrade) -> Result<(), Infallible> {
    if let Ok(stream) = upgraded.await {
        let (mut read, mut write) = tokio::io::split(TokioIo::new(stream));
        // It ends when the other side does.
        let _ = tokio::io::copy(&mut read, &mut write).await;
    }
    Ok(())
}

fn pairs(headers: &http::HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let pair = |(name, value): (&http::HeaderName, _)| (name.to_string(), text(value));
    headers.iter().map(pair).collect()
}

impl fmt::Debug for OriginBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OriginBuilder")
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}
