//! Runs the HTTP engine of one connection until it ends, by itself or by us.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ::http::Request;
use bytes::Bytes;
use countersign_trust::Reason;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::calm::Calm;
use super::coalesce::Coalesce;
use super::rest::{Observed, Quiescence, REST_AFTER, Wakeable, rest};
use super::turns::{Streams, Turns};
use super::{Connection, Ending, Protocol};
use crate::Limits;
use crate::causes::with_causes;
use crate::http::{self, Inbound, ResponseBody, tunnel};

/// For a client that was asked to go and has nothing in flight, to close.
const FAREWELL: Duration = Duration::from_secs(5);

/// For a client whose connection is to end before it asked anything: a first request is most likely on its way since the handshake. Counted from
/// the connection's beginning.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// For WebSockets that are streams of a connection, to say that they end.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Serves HTTP on an authenticated stream. Returns when the last byte is done with.
pub(crate) async fn serve<IO: Wakeable>(connection: Arc<Connection>, stream: IO) {
    match connection.protocol() {
        Protocol::Http1 => serve_http1(&connection, stream, Bytes::new()).await,
        // Boxed, so that the other connections' tasks have no room for it.
        Protocol::Http2 => Box::pin(serve_http2(&connection, stream)).await,
        // HTTP/3 has no stream of bytes; `http3::serve` runs its engine. Bytes that are passed on have none, see `tcp::serve`.
        Protocol::Http3 | Protocol::Tcp => {}
    }
    tunnel_of(&connection).await;
}

/// Serves HTTP/1.1 without TLS, from the bytes that were read already.
pub(crate) async fn serve_plain(connection: Arc<Connection>, stream: TcpStream, read: Bytes) {
    serve_http1(&connection, stream, read).await;
    tunnel_of(&connection).await;
}

/// What the connection became when its engine was done.
async fn tunnel_of(connection: &Connection) {
    if let Some(tunnel) = connection.take_tunnel() {
        Box::pin(tunnel::run(*tunnel, connection)).await;
    }
}

async fn serve_http2<IO: Wakeable>(connection: &Arc<Connection>, stream: IO) {
    let others = Arc::clone(connection);
    let calm = Calm::new(stream, Arc::clone(connection));
    let io = Coalesce::new(calm, move || others.in_flight() > 0);
    let streams = Streams::new(connection.node());
    let served = Arc::clone(connection);
    // Requests are boxed: the engine keeps room for one in every idle connection, and moves it into every stream.
    let service = service_fn(move |request: Request<Incoming>| {
        Box::pin(http::serve(Arc::clone(&served), request.map(Inbound::from)))
    });
    let engine = http2(&connection.node().limits, streams.clone())
        .serve_connection(TokioIo::new(io.clone()), service);
    let engine = pin!(engine);
    run(pin!(Turns::new(engine, streams, io)), connection, || false).await;
}

async fn serve_http1<IO: Wakeable>(
    connection: &Arc<Connection>,
    mut stream: IO,
    mut before: Bytes,
) {
    let limits = &connection.node().limits;
    // The number of requests at which a rest ended before it began.
    let mut restless = None;
    loop {
        let served = Arc::clone(connection);
        let service = service_fn(move |request: Request<Incoming>| {
            let request = request.map(|body| Inbound::counted(body, &served));
            Box::pin(http::serve(Arc::clone(&served), request))
        });
        let io = TokioIo::new(Observed::new(stream, before, Arc::clone(connection)));
        let mut engine = Box::new(http1(limits).serve_connection(io, service).with_upgrades());
        let may_rest = || restless != Some(connection.requests());
        let ran = Box::pin(run(Pin::new(&mut *engine), connection, may_rest)).await;
        let parts = match (ran, engine.into_parts()) {
            (Ran::Rests, Some(parts)) => parts,
            // Whoever has begun no head is idle, and nothing is refused to him.
            (Ran::Late, Some(parts)) if !parts.read_buf.is_empty() => {
                let detail = "the head of the request did not come in time";
                connection.record_unreadable(Reason::MalformedRequest, detail);
                return;
            }
            _ => return,
        };
        stream = parts.io.into_inner().into_inner();
        before = parts.read_buf;
        if before.is_empty() {
            before = Bytes::new();
            rest(&mut stream, connection).await;
        } else {
            // The client has begun a request and takes its time.
            restless = Some(connection.requests());
        }
    }
}

fn http1(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request_head)
        .max_header_size(limits.request_head_bytes)
        // hyper's own smallest buffer; heads are bounded by the line above.
        .max_buf_size((limits.request_head_bytes * 2).max(64 * 1024));
    // Setting the default would cost an allocation per request.
    if limits.request_headers != Limits::default().request_headers {
        builder.max_headers(limits.request_headers);
    }
    builder
}

fn http2(limits: &Limits, streams: Streams) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection)
        // What is somewhat too large is let through, to be refused with the reason by us; what the engine refuses has none.
        .max_header_list_size(u32::try_from(limits.request_head_bytes * 2).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(limits.resets_per_connection)
        .max_local_error_reset_streams(limits.resets_per_connection)
        // One slow stream holds at most this much; the connection window lets several such streams fill a long path.
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_send_buf_size(256 * 1024)
        // RFC 8441: WebSockets over HTTP/2.
        .enable_connect_protocol()
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_timeout);
    builder
}

/// Between two looks at a quiet connection, at least.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);

/// What both engines can do.
pub(super) trait Engine: Future<Output = hyper::Result<()>> {
    fn end_gracefully(self: Pin<&mut Self>);
}

impl<I, S> Engine for http1::UpgradeableConnection<I, S>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = ResponseBody>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    fn end_gracefully(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Engine for http2::Connection<I, S, Streams>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = ResponseBody>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send + 'static,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    fn end_gracefully(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// What could not be read as a request is recorded as such, since no exchange will do it; everything else is a client that went away.
fn broken(connection: &Connection, error: &hyper::Error) {
    let reason = match error {
        _ if error.is_parse_too_large() => Reason::RequestTooLarge,
        _ if error.is_parse() || breaks_http2(error) => Reason::MalformedRequest,
        _ => {
            tracing::debug!(
                connection = connection.id(),
                error = error as &dyn std::error::Error,
                "connection ended by an error"
            );
            return;
        }
    };
    connection.record_unreadable(reason, &with_causes(error));
}

/// Whether the engine ended the connection because the client does not speak HTTP/2 as it should.
fn breaks_http2(error: &hyper::Error) -> bool {
    use std::error::Error as _;
    error
        .source()
        .and_then(|source| source.downcast_ref::<h2::Error>())
        .is_some_and(|error| error.is_go_away() && error.is_library())
}

/// When to see again whether a connection may rest: soon when nothing is in flight, seldom while something is.
fn next_look(connection: &Connection, quiet: Duration) -> Duration {
    const WHILE_BUSY: Duration = Duration::from_secs(10);
    if connection.in_flight() > 0 {
        return WHILE_BUSY;
    }
    match REST_AFTER.checked_sub(quiet) {
        Some(left) => left.max(SHORTEST_LOOK),
        None => REST_AFTER,
    }
}

/// How an engine came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ran {
    /// With the connection.
    Over,
    /// The client took longer than it may.
    Late,
    /// Between two requests, with nothing to do.
    Rests,
}

/// Runs an engine; one of HTTP/1.1 until it has nothing to do, as long as it may rest.
async fn run<E: Engine>(
    mut engine: Pin<&mut E>,
    connection: &Connection,
    may_rest: impl Fn() -> bool,
) -> Ran {
    let limits = &connection.node().limits;
    let mut ending = connection.ending();
    // It may have begun to end before this engine did.
    ending.mark_changed();
    let patience = connection.patience();
    let first_look = if may_rest() {
        REST_AFTER.min(patience)
    } else {
        patience
    };
    let idle = sleep_until(Instant::now() + first_look);
    tokio::pin!(idle);
    let mut cut = None;
    let mut newcomer: Option<Pin<Box<Sleep>>> = None;
    let mut quiescence = Quiescence::of(connection);
    loop {
        tokio::select! {
            biased;
            // Errors are the client's: it went away, or broke the protocol and was told so.
            result = poll_fn(|context| {
                quiescence = Quiescence::of(connection);
                let polled = engine.as_mut().poll(context);
                if let (Poll::Pending, Some(late)) = (&polled, &mut newcomer)
                    && (connection.requests() > 0 || late.as_mut().poll(context).is_ready())
                {
                    newcomer = None;
                    engine.as_mut().end_gracefully();
                    return engine.as_mut().poll(context);
                }
                polled
            }) => {
                return match result {
                    Err(error) if error.is_timeout() => Ran::Late,
                    Err(error) => {
                        broken(connection, &error);
                        Ran::Over
                    }
                    Ok(()) => Ran::Over,
                };
            }
            Ok(()) = ending.changed() => {
                let now = *ending.borrow_and_update();
                match now {
                    Ending::Open => {}
                    Ending::Graceful => match FIRST_REQUEST.checked_sub(connection.lasted()) {
                        // The engine would close at once, with the request under way.
                        Some(left) if connection.requests() == 0 => {
                            newcomer = Some(Box::pin(sleep_until(Instant::now() + left)));
                        }
                        _ => engine.as_mut().end_gracefully(),
                    },
                    Ending::CutOff => {
                        engine.as_mut().end_gracefully();
                        cut = Some(Box::pin(sleep_until(Instant::now() + limits.cut_off)));
                    }
                    // The WebSockets among its streams say that they end before the connection does.
                    Ending::Now if connection.has_stream_tunnels() => {
                        engine.as_mut().end_gracefully();
                        cut = Some(Box::pin(sleep_until(Instant::now() + LAST_WORDS)));
                    }
                    Ending::Now => return Ran::Over,
                }
            }
            () = &mut idle => {
                let (quiet, patience) = (connection.quiet(), connection.patience());
                if quiet >= REST_AFTER && may_rest() && quiescence.holds(connection) {
                    return Ran::Rests;
                }
                if quiet < patience {
                    let mut look = patience.saturating_sub(quiet).clamp(SHORTEST_LOOK, limits.idle_connection.max(SHORTEST_LOOK));
                    if may_rest() {
                        look = look.min(next_look(connection, quiet));
                    }
                    idle.as_mut().reset(Instant::now() + look);
                } else if connection.in_flight() == 0 {
                    engine.as_mut().end_gracefully();
                    cut.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + FAREWELL)));
                    idle.as_mut().reset(Instant::now() + limits.idle_connection + FAREWELL);
                } else {
                    // The client takes nothing of its response: nothing more can be said to it.
                    return Ran::Over;
                }
            }
            () = async { if let Some(cut) = &mut cut { cut.await } }, if cut.is_some() => return Ran::Over,
        }
    }
}
