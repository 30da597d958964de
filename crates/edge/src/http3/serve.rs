//! Runs the HTTP/3 engine of one connection until it ends, by itself or by us.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h3::error::Code;
use h3::quic::{RecvStream as _, SendStream as _};
use h3::server::RequestResolver;
use quinn::VarInt;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::request::{self, Outcome};
use super::transport::{self, AcceptedLast};
use crate::connection::{Connection, Ending};
use crate::panics::Task;

type Engine = h3::server::Connection<transport::Connection, Bytes>;

/// Between two looks at whether a connection is idle.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);

/// Serves HTTP/3 on an authenticated connection. Returns when it is closed.
pub(super) async fn serve(connection: Arc<Connection>, quic: quinn::Connection) {
    let close = |code: Code| {
        quic.close(VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX), b"");
    };
    let limits = &connection.node().limits;
    let transport = transport::Connection::new(quic.clone(), limits.request_head_bytes);
    let accepted = transport.accepted_last();
    let mut builder = h3::server::builder();
    builder
        // The engine panics when a field section of more than 24,576 fields reaches it; each counts as 32 bytes at least.
        .max_field_section_size(limits.request_head_bytes as u64)
        .send_grease(false);
    // A client that lets us open no stream has no use for us.
    let Ok(Ok(engine)) = timeout(limits.request_head, builder.build(transport)).await else {
        return close(Code::H3_STREAM_CREATION_ERROR);
    };
    let mut running = Running {
        engine,
        accepted,
        requests: JoinSet::new(),
        wasted: 0,
        closing: false,
        cut: None,
    };
    let code = run(&mut running, &connection, &quic).await;
    // Before the engine goes, which would close it as if all were well.
    close(code);
}

/// What is running on the connection.
struct Running {
    engine: Engine,
    accepted: AcceptedLast,
    requests: JoinSet<Outcome>,
    /// Requests that came to nothing, less those that came to an end.
    wasted: usize,
    /// No new requests are taken.
    closing: bool,
    cut: Option<Pin<Box<Sleep>>>,
}

/// Gives the code to close the connection with.
async fn run(
    running: &mut Running,
    connection: &Arc<Connection>,
    quic: &quinn::Connection,
) -> Code {
    let limits = &connection.node().limits;
    let mut ending = connection.ending();
    // What came before this subscription counts too.
    ending.mark_changed();
    let idle = sleep_until(Instant::now() + connection.patience());
    tokio::pin!(idle);
    loop {
        if running.closing && running.requests.is_empty() {
            return Code::H3_NO_ERROR;
        }
        if running.wasted > limits.resets_per_connection {
            return Code::H3_EXCESSIVE_LOAD;
        }
        tokio::select! {
            biased;
            Ok(()) = ending.changed() => {
                let now = *ending.borrow_and_update();
                match now {
                    Ending::Open => {}
                    Ending::Graceful => running.close().await,
                    Ending::CutOff => {
                        running.close().await;
                        running.cut = Some(Box::pin(sleep_until(Instant::now() + limits.cut_off)));
                    }
                    Ending::Now => return Code::H3_NO_ERROR,
                }
            }
            Some(outcome) = running.requests.join_next() => running.ended(connection, outcome),
            accepted = running.engine.accept() => match accepted {
                Ok(Some(resolver)) => running.begin(connection, quic, resolver),
                // Errors are the client's: it went away, or broke the protocol and was told so.
                Ok(None) => return Code::H3_NO_ERROR,
                Err(error) => {
                    tracing::debug!(connection = connection.id(), %error, "connection ended by an error");
                    return Code::H3_NO_ERROR;
                }
            },
            () = &mut idle => {
                let (quiet, patience) = (connection.quiet(), connection.patience());
                if quiet < patience {
                    let rest = patience.saturating_sub(quiet).clamp(SHORTEST_LOOK, limits.idle_connection.max(SHORTEST_LOOK));
                    idle.as_mut().reset(Instant::now() + rest);
                } else if connection.in_flight() == 0 {
                    running.close().await;
                    idle.as_mut().reset(Instant::now() + limits.idle_connection);
                } else {
                    // The client takes nothing of its responses: nothing more can be said to it.
                    return Code::H3_NO_ERROR;
                }
            }
            () = async { if let Some(cut) = &mut running.cut { cut.await } }, if running.cut.is_some() => {
                return Code::H3_NO_ERROR;
            }
        }
    }
}

impl Running {
    /// Tells the client to go (RFC 9114 §5.2): what it sent up to now is answered, and nothing after it.
    async fn close(&mut self) {
        if !self.closing {
            self.closing = true;
            // One more than the last: the engine's number is that of the first request that is not answered.
            if let Err(error) = self.engine.shutdown(1).await {
                tracing::debug!(%error, "the client cannot be told to go");
            }
        }
    }

    fn begin(
        &mut self,
        connection: &Arc<Connection>,
        quic: &quinn::Connection,
        mut resolver: RequestResolver<transport::Connection, Bytes>,
    ) {
        let stopped = self.accepted.take();
        if self.closing {
            // RFC 9114 §4.1.1: not processed, so that the client may send it elsewhere.
            let code = Code::H3_REQUEST_REJECTED.value();
            resolver.frame_stream.stream.stop_sending(code);
            resolver.frame_stream.reset(code);
            return;
        }
        connection.moved_to(quic.remote_address());
        self.requests
            .spawn(request::run(Arc::clone(connection), resolver, stopped));
    }

    fn ended(&mut self, connection: &Connection, outcome: Result<Outcome, JoinError>) {
        match outcome {
            Ok(Outcome::Answered) => self.wasted = self.wasted.saturating_sub(1),
            // Rapid reset (CVE-2023-44487) and streams that never become a request.
            Ok(Outcome::Wasted) => self.wasted += 1,
            // A panic stays in its request.
            Err(_) => connection.node().metrics.panicked(Task::Request),
        }
    }
}
