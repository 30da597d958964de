//! An exchange with an origin that goes on in a task of its own.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use super::endpoint::Address;
use super::http1::{Http1, Http1Error};
use super::pool::Owner;
use crate::http::IdleTimer;

type Part = Result<Frame<Bytes>, Http1Error>;

/// The rest of an answer that began before all of its request was sent. The upload goes on while the client is slow to read the answer:
/// some clients read nothing before they have sent everything.
#[derive(Debug)]
pub(super) struct Beside {
    parts: mpsc::Receiver<Part>,
    /// How much is still to come, where that is known.
    left: Option<u64>,
    pub(super) timer: IdleTimer,
}

/// Where a connection goes when the exchange is over.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) address: Arc<Address>,
    pub(super) owner: Owner,
    pub(super) max_idle: usize,
}

impl Beside {
    pub(super) fn begin(http1: Box<Http1>, home: Home) -> Self {
        let left = http1.size_hint().exact();
        let (sender, parts) = mpsc::channel(1);
        tokio::spawn(run(http1, sender, home));
        Self {
            parts,
            left,
            timer: IdleTimer::default(),
        }
    }

    pub(super) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Part>> {
        let part = ready!(self.parts.poll_recv(context));
        match &part {
            Some(Ok(frame)) => {
                let data = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.left = self.left.map(|left| left.saturating_sub(data));
            }
            Some(Err(_)) => {}
            None => self.left = Some(0),
        }
        Poll::Ready(part)
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.left.map(SizeHint::with_exact).unwrap_or_default()
    }
}

async fn run(mut http1: Box<Http1>, parts: mpsc::Sender<Part>, home: Home) {
    loop {
        let part = tokio::select! {
            biased;
            part = poll_fn(|context| http1.poll_frame(context)) => part,
            () = parts.closed() => return,
        };
        let Some(part) = part else { break };
        let is_over = part.is_err();
        let mut sending = pin!(parts.send(part));
        let sent = poll_fn(|context| {
            // A body that broke off is met again with the next part.
            let _ = http1.poll_upload(context);
            sending.as_mut().poll(context)
        });
        if sent.await.is_err() || is_over {
            return;
        }
    }
    // The client has its answer. Most origins want the rest of the request all the same.
    drop(parts);
    let uploaded = poll_fn(|context| http1.poll_upload(context)).await;
    if uploaded.is_ok() && http1.is_reusable() {
        home.address
            .pool
            .put_http1(http1, home.owner, home.max_idle);
    }
}
