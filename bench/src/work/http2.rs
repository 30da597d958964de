//! Requests over HTTP/2, several at a time on each connection.

use std::rc::Rc;
use std::time::Instant;

use anyhow::{Result, bail};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::{JoinSet, spawn_local};

use super::next;
use crate::Load;
use crate::client::{Client, Sessions};
use crate::measure::{Meter, Outcome};

/// Opens one connection and keeps its streams busy.
pub(super) async fn requests(load: &Rc<Load>, meter: &Rc<Meter>) -> Result<()> {
    let client = Client::new(&load.target, b"h2", Sessions::Forget)?;
    let stream = TokioIo::new(client.connect().await?);
    let (sender, connection) = Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1024 * 1024)
        .initial_connection_window_size(16 * 1024 * 1024)
        .handshake(stream)
        .await?;
    let driver = spawn_local(connection);
    let mut streams = JoinSet::new();
    for _ in 0..load.streams {
        let (load, meter, sender) = (Rc::clone(load), Rc::clone(meter), sender.clone());
        streams.spawn_local(async move { one_stream(&load, &meter, sender).await });
    }
    while let Some(ended) = streams.join_next().await {
        ended??;
    }
    driver.abort();
    Ok(())
}

async fn one_stream(
    load: &Load,
    meter: &Meter,
    mut sender: SendRequest<Empty<Bytes>>,
) -> Result<()> {
    let uri: http::Uri = format!("https://{}{}", load.target.name, load.target.path).parse()?;
    while next(load, meter) {
        let began = Instant::now();
        let request = Request::get(uri.clone())
            .header("user-agent", "bench")
            .header("accept", "*/*")
            .body(Empty::new())?;
        let result = async {
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            if response.status() != 200 {
                bail!("answered with {}", response.status());
            }
            let body = response.into_body().collect().await?.to_bytes();
            Ok(Outcome {
                bytes: body.len() as u64,
                resumed: false,
            })
        }
        .await;
        meter.done(began, &result);
        result?;
    }
    Ok(())
}
