//! The kinds of load.

pub(crate) mod http1;
mod http2;

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::task::{JoinHandle, JoinSet, spawn_local};
use tokio::time::{sleep, sleep_until};
use tokio_rustls::client::TlsStream;

use crate::client::{Client, Sessions};
use crate::measure::{Meter, Outcome, Report, Usage};
use crate::{Load, Work};
use http1::Http1;

/// Runs the load: warm-up, measurement, result.
pub(crate) async fn run(load: Load) -> Result<Report> {
    let load = Rc::new(load);
    let meter = Rc::new(Meter::default());
    let before = Usage::of(&load.pid)?;
    if load.work == Work::Idle {
        return idle(&load, &meter, before).await;
    }
    let mut workers = JoinSet::new();
    for index in 0..load.connections {
        let (load, meter) = (Rc::clone(&load), Rc::clone(&meter));
        workers.spawn_local(async move {
            match load.work {
                Work::Handshake => connections(&load, &meter, Sessions::Forget).await,
                Work::Resumed => connections(&load, &meter, Sessions::Resume).await,
                Work::H1 | Work::Download | Work::Idle => requests(&load, &meter).await,
                Work::H2 => http2::requests(&load, &meter).await,
                Work::Rate => paced(&load, &meter, index).await,
            }
        });
    }
    if load.operations.is_some() {
        let running = meter.start(&load.pid, before)?;
        while let Some(result) = workers.join_next().await {
            result??;
        }
        return running.finish(&meter);
    }
    let mut measure = spawn_local({
        let (load, meter) = (Rc::clone(&load), Rc::clone(&meter));
        async move {
            sleep(Duration::from_secs_f64(load.warm_up)).await;
            let running = meter.start(&load.pid, before)?;
            sleep(Duration::from_secs_f64(load.seconds)).await;
            running.finish(&meter)
        }
    });
    loop {
        tokio::select! {
            result = &mut measure => return result?,
            Some(ended) = workers.join_next() => ended?.context("a worker ended early")?,
        }
    }
}

/// Whether another operation is wanted; counts it.
fn next(load: &Load, meter: &Meter) -> bool {
    let number = meter.begin();
    load.operations.is_none_or(|limit| number < limit)
}

/// One connection after the other, one request on each.
async fn connections(load: &Load, meter: &Meter, sessions: Sessions) -> Result<()> {
    let client = Client::new(&load.target, b"http/1.1", sessions)?;
    while next(load, meter) {
        let began = Instant::now();
        let result = one_connection(load, &client).await;
        meter.done(began, &result);
        result?;
    }
    Ok(())
}

async fn one_connection(load: &Load, client: &Client) -> Result<Outcome> {
    let stream = client.connect().await?;
    let resumed = is_resumed(&stream);
    let mut http = Http1::new(stream);
    let bytes = http
        .get(&load.target.name, &load.target.path, "close")
        .await?;
    http.until_closed().await?;
    Ok(Outcome { bytes, resumed })
}

fn is_resumed<IO>(stream: &TlsStream<IO>) -> bool {
    stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
}

/// One request after the other on one connection.
async fn requests(load: &Load, meter: &Meter) -> Result<()> {
    let client = Client::new(&load.target, b"http/1.1", Sessions::Forget)?;
    let mut http = Http1::new(client.connect().await?);
    while next(load, meter) {
        let began = Instant::now();
        let bytes = http
            .get(&load.target.name, &load.target.path, "keep-alive")
            .await;
        let result = bytes.map(|bytes| Outcome {
            bytes,
            resumed: false,
        });
        meter.done(began, &result);
        result?;
    }
    Ok(())
}

/// Requests at fixed moments on one connection, this one's share of the rate. A late answer makes the next ones late too, and their
/// latency counts from when they were due.
async fn paced(load: &Load, meter: &Meter, index: usize) -> Result<()> {
    let client = Client::new(&load.target, b"http/1.1", Sessions::Forget)?;
    let mut http = Http1::new(client.connect().await?);
    let gap = Duration::from_secs_f64(load.connections as f64 / f64::from(load.rate.max(1)));
    let mut due = Instant::now() + gap.mul_f64(index as f64 / load.connections.max(1) as f64);
    while next(load, meter) {
        // The timer's granularity is a millisecond: the rest is waited for by yielding.
        if let Some(early) = due.checked_sub(Duration::from_millis(2)) {
            sleep_until(early.into()).await;
        }
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
        let bytes = http
            .get(&load.target.name, &load.target.path, "keep-alive")
            .await;
        let result = bytes.map(|bytes| Outcome {
            bytes,
            resumed: false,
        });
        meter.done(due, &result);
        result?;
        due += gap;
    }
    Ok(())
}

/// Opens all connections, one request on each, and looks at the server's memory after a while.
async fn idle(load: &Rc<Load>, meter: &Rc<Meter>, before: Usage) -> Result<Report> {
    const AT_A_TIME: usize = 16;
    let running = meter.start(&load.pid, before)?;
    let mut open = Vec::with_capacity(load.connections);
    while open.len() < load.connections {
        let more = AT_A_TIME.min(load.connections - open.len());
        let tasks: Vec<JoinHandle<Result<Http1>>> = (0..more)
            .map(|_| {
                let (load, meter) = (Rc::clone(load), Rc::clone(meter));
                spawn_local(async move {
                    let client = Client::new(&load.target, b"http/1.1", Sessions::Forget)?;
                    let began = Instant::now();
                    let mut http = Http1::new(client.connect().await?);
                    let bytes = http
                        .get(&load.target.name, &load.target.path, "keep-alive")
                        .await?;
                    let outcome = Outcome {
                        bytes,
                        resumed: false,
                    };
                    meter.done(began, &Ok(outcome));
                    Ok(http)
                })
            })
            .collect();
        for task in tasks {
            open.push(task.await??);
        }
    }
    sleep(Duration::from_secs_f64(load.seconds)).await;
    let result = running.finish(meter)?;
    if open.len() != load.connections {
        bail!("only {} connections are open", open.len());
    }
    Ok(result)
}
