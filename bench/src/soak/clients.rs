//! Clients of every protocol: each connects, sends some requests at leisure, leaves, and comes again, at times with a session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use countersign_testkit::client::body;
use countersign_testkit::{Credential, Key, TlsClient, der};
use http::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::instance::{Instance, NAME};

const REQUESTS_PER_VISIT: u32 = 20;
/// More than a busy machine needs, and less than any deadline of the server.
const PATIENCE: Duration = Duration::from_secs(15);
const MESSAGE: &[u8] = b"a message of a WebSocket";

#[derive(Clone, Copy, Debug)]
enum Protocol {
    Http1,
    Http2,
    Http3,
    WebSocket,
}

const PROTOCOLS: [Protocol; 4] = [
    Protocol::Http1,
    Protocol::Http2,
    Protocol::Http3,
    Protocol::WebSocket,
];

pub(super) struct Clients {
    counts: Arc<Counts>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    stop: AtomicBool,
    answered: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// One client.
struct Visitor {
    protocol: Protocol,
    tls: TlsClient,
    address: SocketAddr,
    pause: Duration,
    counts: Arc<Counts>,
}

impl Clients {
    /// Two clients of each protocol, which share `rate`.
    pub(super) fn start(instance: &Instance, rate: u32) -> Result<Self> {
        let pem = std::fs::read_to_string(instance.demo("alice.pem"))?;
        let tls = TlsClient::new(NAME).presenting(&credential(&pem)?);
        let counts = Arc::<Counts>::default();
        let visitors = [PROTOCOLS, PROTOCOLS].concat();
        let pause = Duration::from_secs_f64(visitors.len() as f64 / f64::from(rate.max(1)));
        let tasks = visitors.into_iter().map(|protocol| {
            let visitor = Visitor {
                protocol,
                tls: tls.clone().with_fresh_sessions(),
                address: instance.production,
                pause,
                counts: Arc::clone(&counts),
            };
            tokio::spawn(visitor.live())
        });
        Ok(Self {
            tasks: tasks.collect(),
            counts,
        })
    }

    pub(super) fn so_far(&self) -> String {
        let answered = self.counts.answered.load(Ordering::Relaxed);
        format!("{answered:8}  {:6}", self.counts.failed().len())
    }

    /// What failed.
    pub(super) async fn end(self) -> Vec<String> {
        self.counts.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            if let Err(error) = task.await {
                self.counts
                    .failed()
                    .push(format!("a client ended: {error}"));
            }
        }
        self.counts.failed().clone()
    }
}

impl Counts {
    fn failed(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.failures
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Visitor {
    async fn live(self) {
        while !self.is_over() {
            if let Err(error) = self.visit().await {
                let failure = format!("{:?}: {error:#}", self.protocol);
                self.counts.failed().push(failure);
                sleep(self.pause).await;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.counts.stop.load(Ordering::Relaxed)
    }

    async fn visit(&self) -> Result<()> {
        match self.protocol {
            Protocol::Http1 => self.http("http/1.1").await,
            Protocol::Http2 => self.http("h2").await,
            Protocol::Http3 => self.http3().await,
            Protocol::WebSocket => self.websocket().await,
        }
    }

    async fn http(&self, alpn: &str) -> Result<()> {
        let connecting = self.tls.clone().alpn(&[alpn]);
        let connection = patient("connecting", connecting.connect(self.address)).await?;
        let mut http = connection.http().await?;
        for _ in 0..REQUESTS_PER_VISIT {
            let response = patient("a request", http.get("/")).await?;
            self.answered(response.status, response.body.len())?;
            sleep(self.pause).await;
        }
        Ok(())
    }

    async fn http3(&self) -> Result<()> {
        let connection = patient("connecting", self.tls.quic(self.address)).await?;
        let mut http = connection.http3().await?;
        for _ in 0..REQUESTS_PER_VISIT {
            let response = patient("a request", http.get("/")).await?;
            self.answered(response.status, response.body.len())?;
            sleep(self.pause).await;
        }
        Ok(())
    }

    async fn websocket(&self) -> Result<()> {
        let connection = patient("connecting", self.tls.connect(self.address)).await?;
        let mut http = connection.http().await?;
        let request = Request::get("/socket")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-version", "13")
            .body(body(Bytes::new()))?;
        let response = patient("an upgrade", http.begin(request)).await?;
        let status = response.status();
        ensure!(
            status == StatusCode::SWITCHING_PROTOCOLS,
            "answered with {status}"
        );
        let mut socket = TokioIo::new(hyper::upgrade::on(response).await?);
        for _ in 0..REQUESTS_PER_VISIT {
            socket.write_all(MESSAGE).await?;
            socket.flush().await?;
            let mut echo = vec![0; MESSAGE.len()];
            patient("an echo", socket.read_exact(&mut echo)).await?;
            ensure!(echo == MESSAGE, "the echo says something else");
            self.counts.answered.fetch_add(1, Ordering::Relaxed);
            sleep(self.pause).await;
        }
        Ok(())
    }

    fn answered(&self, status: StatusCode, length: usize) -> Result<()> {
        ensure!(
            status == StatusCode::OK && length == 1024,
            "answered with {status} and {length} bytes"
        );
        self.counts.answered.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

async fn patient<T, E>(what: &str, future: impl Future<Output = Result<T, E>>) -> Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    match timeout(PATIENCE, future).await {
        Ok(result) => result.with_context(|| format!("{what} failed")),
        Err(_) => bail!("{what} took more than {} seconds", PATIENCE.as_secs()),
    }
}

/// What a file for `curl --cert` holds.
fn credential(pem: &str) -> Result<Credential> {
    let certificates = der::pem_blocks(pem)
        .into_iter()
        .filter(|(label, _)| label == "CERTIFICATE")
        .map(|(_, der)| der)
        .collect();
    let (_, key) = pem
        .split_once("-----BEGIN PRIVATE KEY-----")
        .context("a client's file without a key")?;
    let key = format!("-----BEGIN PRIVATE KEY-----{key}");
    Ok(Credential::from_parts(certificates, Key::from_pem(&key)))
}
