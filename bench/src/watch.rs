//! Those who behave: a few requests and handshakes at a steady rate, whatever the server does meanwhile.

use std::net::IpAddr;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Serialize;
use tokio::task::{JoinSet, spawn_local};
use tokio::time::{sleep_until, timeout};

use crate::client::{Client, Sessions};
use crate::measure::{Usage, quantile};
use crate::work::http1::Http1;
use crate::{Target, on_one_thread};

/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// From the opening of connections to the first request.
const WARM_UP: Duration = Duration::from_millis(300);
/// Between two looks at the server's memory.
const LOOK: Duration = Duration::from_millis(20);

/// Who asks what how often.
#[derive(Clone, Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    target: Target,
    /// Where the clients are.
    #[arg(long, default_value = "127.0.0.9")]
    source: IpAddr,
    /// Requests per second on a connection that stays open, over HTTP/1.1 and over HTTP/2 each.
    #[arg(long, default_value_t = 250)]
    rate: u32,
    /// New connections per second with one request each.
    #[arg(long, default_value_t = 25)]
    handshake_rate: u32,
    /// How long.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// The server's processes.
    #[arg(long)]
    pid: Vec<u32>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    http1: Times,
    http2: Times,
    handshake: Times,
    /// The most resident memory of the server that was seen.
    rss_peak_kib: u64,
}

/// How long something took.
#[derive(Debug, Serialize)]
struct Times {
    operations: usize,
    failures: usize,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
}

/// Asks in all ways at the same time, each on a thread of its own.
pub(crate) fn run(watch: &Watch) -> Result<Seen> {
    thread::scope(|scope| {
        let http1 = scope.spawn(|| on_one_thread(http1(watch)));
        let http2 = scope.spawn(|| on_one_thread(http2(watch)));
        let handshake = scope.spawn(|| on_one_thread(handshakes(watch)));
        let mut rss_peak_kib = 0;
        while !http1.is_finished() {
            rss_peak_kib = rss_peak_kib.max(Usage::of(&watch.pid)?.resident_kib());
            thread::sleep(LOOK);
        }
        let ended = |_| anyhow!("a thread ended by a panic");
        Ok(Seen {
            http1: http1.join().map_err(ended)??,
            http2: http2.join().map_err(ended)??,
            handshake: handshake.join().map_err(ended)??,
            rss_peak_kib,
        })
    })
}

/// The moments at which something is due, after those that the clients need to open their connections.
fn due(watch: &Watch, rate: u32) -> impl Iterator<Item = Instant> + use<> {
    let (began, gap) = (
        Instant::now() + WARM_UP,
        Duration::from_secs(1) / rate.max(1),
    );
    let count = (watch.seconds * f64::from(rate)) as u32;
    (0..count).map(move |number| began + gap * number)
}

/// One after the other on one connection. What waits for the answer before counts from when it was due.
async fn http1(watch: &Watch) -> Result<Times> {
    let client = Client::new(&watch.target, b"http/1.1", Sessions::Forget)?;
    let due = due(watch, watch.rate);
    let mut open = Some(Http1::new(client.connect_from(watch.source).await?));
    let mut times = Vec::new();
    let mut free = Instant::now();
    for due in due {
        sleep_until(due.into()).await;
        // The timer's own granularity is not the server's.
        let since = if free > due { due } else { Instant::now() };
        let asked = timeout(PATIENCE, async {
            let mut http = match open.take() {
                Some(http) => http,
                None => Http1::new(client.connect_from(watch.source).await?),
            };
            http.get(&watch.target.name, &watch.target.path, "keep-alive")
                .await?;
            anyhow::Ok(http)
        });
        let answered = asked
            .await
            .map_err(anyhow::Error::from)
            .and_then(|asked| asked);
        times.push(answered.is_ok().then(|| since.elapsed()));
        open = answered.ok();
        free = Instant::now();
    }
    Ok(Times::of(times))
}

/// On one connection, without waiting for each other.
async fn http2(watch: &Watch) -> Result<Times> {
    let client = Client::new(&watch.target, b"h2", Sessions::Forget)?;
    let stream = TokioIo::new(client.connect_from(watch.source).await?);
    let (sender, connection) = Builder::new(TokioExecutor::new()).handshake(stream).await?;
    spawn_local(connection);
    let uri: http::Uri = format!("https://{}{}", watch.target.name, watch.target.path).parse()?;
    let mut asked = JoinSet::new();
    for due in due(watch, watch.rate) {
        sleep_until(due.into()).await;
        let (sender, uri) = (sender.clone(), uri.clone());
        asked.spawn_local(timed(one_stream(sender, uri)));
    }
    Ok(Times::of(asked.join_all().await))
}

async fn one_stream(mut sender: SendRequest<Empty<Bytes>>, uri: http::Uri) -> Result<()> {
    sender.ready().await?;
    let response = sender
        .send_request(Request::get(uri).body(Empty::new())?)
        .await?;
    if response.status() != 200 {
        bail!("answered with {}", response.status());
    }
    response.into_body().collect().await?;
    Ok(())
}

/// New clients.
async fn handshakes(watch: &Watch) -> Result<Times> {
    let client = Rc::new(Client::new(&watch.target, b"http/1.1", Sessions::Forget)?);
    let mut asked = JoinSet::new();
    for due in due(watch, watch.handshake_rate) {
        sleep_until(due.into()).await;
        let (client, watch) = (Rc::clone(&client), watch.clone());
        asked.spawn_local(timed(async move {
            let stream = client.connect_from(watch.source).await?;
            let mut http = Http1::new(stream);
            http.get(&watch.target.name, &watch.target.path, "close")
                .await
                .context("no answer")
        }));
    }
    Ok(Times::of(asked.join_all().await))
}

/// How long it took; `None` when it failed.
async fn timed<T>(work: impl Future<Output = Result<T>>) -> Option<Duration> {
    let began = Instant::now();
    let done = timeout(PATIENCE, work).await;
    matches!(done, Ok(Ok(_))).then(|| began.elapsed())
}

impl Times {
    fn of(all: Vec<Option<Duration>>) -> Self {
        let operations = all.len();
        let mut times: Vec<u64> = all
            .into_iter()
            .flatten()
            .map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
            .collect();
        times.sort_unstable();
        Self {
            operations,
            failures: operations - times.len(),
            p50_us: quantile(&times, 0.5),
            p99_us: quantile(&times, 0.99),
            max_us: quantile(&times, 1.0),
        }
    }
}
