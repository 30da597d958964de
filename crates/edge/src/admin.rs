//! What operators' machines ask a process: its metrics, whether it lives, whether it is ready.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, oneshot};

use crate::EdgeHandle;
use crate::metrics::{is_ready, scrape};

/// A listener for operators, on a thread and a runtime of its own, so that a scrape costs no request its tail.
///
/// It speaks plain HTTP, asks nobody for a certificate, and only ever tells: bind it where only operators are. It ends when dropped.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Why the admin listener could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartAdminError {
    /// The address cannot be bound.
    #[error("cannot listen at {address}")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Its thread or its runtime cannot be made.
    #[error("cannot start the admin thread")]
    Thread(#[source] io::Error),
}

/// Of scrapers there are a few.
const CONNECTIONS_MAX: usize = 32;
/// A scraper that does not write its request or read its answer is given up.
const PATIENCE: Duration = Duration::from_secs(30);

impl Admin {
    /// Binds `address` and answers for `edges`.
    ///
    /// # Errors
    /// When the address cannot be bound, or the thread cannot be started.
    pub fn start(address: SocketAddr, edges: Vec<EdgeHandle>) -> Result<Self, StartAdminError> {
        let bind = |source| StartAdminError::Bind { address, source };
        let listener = TcpListener::bind(address).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartAdminError::Thread)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || runtime.block_on(run(listener, edges.into(), stopped)))
            .map_err(StartAdminError::Thread)?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        // Its thread waits for the sender to go.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run(listener: TcpListener, edges: Arc<[EdgeHandle]>, mut stopped: oneshot::Receiver<()>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            return tracing::error!(
                error = &error as &dyn std::error::Error,
                "the admin listener cannot be used"
            );
        }
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let edges = Arc::clone(&edges);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let answer = answer(&request, &edges);
                async move { Ok::<_, Infallible>(answer) }
            });
            let serving = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                // One answer per connection: nobody holds a place for long.
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            let _ = tokio::time::timeout(PATIENCE * 2, serving).await;
            drop(place);
        });
    }
}

fn answer<B>(request: &Request<B>, edges: &[EdgeHandle]) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is served\n");
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/metrics" => {
            let nodes = edges.iter().map(|edge| Arc::clone(edge.node())).collect();
            let mut response = plain(StatusCode::OK, scrape(nodes));
            response.headers_mut().insert(
                CONTENT_TYPE,
                HeaderValue::from_static(
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                ),
            );
            response
        }
        "/healthz" => plain(StatusCode::OK, "alive\n"),
        "/readyz" => ready(edges),
        _ => plain(
            StatusCode::NOT_FOUND,
            "served here: /metrics, /healthz, /readyz\n",
        ),
    }
}

/// Says of every network how it is; ready when all are.
fn ready(edges: &[EdgeHandle]) -> Response<Full<Bytes>> {
    let all = edges.iter().all(|edge| is_ready(edge.node()));
    let lines: String = edges
        .iter()
        .map(|edge| {
            let network = edge.node().network;
            match edge.generation() {
                Some(generation) if is_ready(edge.node()) => {
                    format!("{network}: generation {generation} is enforced\n")
                }
                Some(_) => format!("{network}: draining\n"),
                None => format!("{network}: no snapshot yet\n"),
            }
        })
        .collect();
    let status = if all {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    plain(status, lines)
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
