//! One request, from the first frame of its stream to the last of its response.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use countersign_trust::{Reason, UnixTime};
use h3::error::{Code, StreamError};
use h3::server::{RequestResolver, RequestStream as Engine};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::body::RequestStream;
use super::transport::{self, BidiStream, SendStream, Stopped};
use crate::connection::Connection;
use crate::http::refusal::{Form, Rejection};
use crate::http::{self as path, Inbound, ResponseBody};

/// What became of a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// The client has its response.
    Answered,
    /// The client gave up, or never asked anything.
    Wasted,
}

/// Why a request is not answered.
struct Cancelled;

/// Reads the request, has it answered like every other, and sends the response.
pub(super) async fn run(
    connection: Arc<Connection>,
    resolver: RequestResolver<transport::Connection, Bytes>,
    stopped: Option<Stopped>,
) -> Outcome {
    let limits = &connection.node().limits;
    // The engine keeps no time: a client could begin as many streams as it may and never finish a head.
    let resolved = timeout(limits.request_head, resolver.resolve_request()).await;
    let (request, stream) = match resolved {
        Ok(Ok(resolved)) => resolved,
        Ok(Err(error)) => {
            unreadable(&connection, &error);
            return Outcome::Wasted;
        }
        Err(_) => {
            let detail = "the head of the request did not come in time";
            connection.record_unreadable(Reason::MalformedRequest, detail);
            return Outcome::Wasted;
        }
    };
    let stopped = stopped.unwrap_or_else(|| Box::pin(std::future::pending()));
    match answer(&connection, request, stream, stopped).await {
        Ok(()) => Outcome::Answered,
        Err(Cancelled) => Outcome::Wasted,
    }
}

async fn answer(
    connection: &Arc<Connection>,
    request: Request<()>,
    stream: Engine<BidiStream, Bytes>,
    mut stopped: Stopped,
) -> Result<(), Cancelled> {
    let limits = &connection.node().limits;
    let (send, receive) = stream.split();
    let mut answer = Answer::new(send, limits.stalled_client);
    if is_malformed(request.headers()) {
        let detail = "the request has connection-specific fields";
        connection.record_unreadable(Reason::MalformedRequest, detail);
        answer.reset(Code::H3_MESSAGE_ERROR);
        return Err(Cancelled);
    }
    if request.headers().len() > limits.request_headers {
        let detail = "the request has too many headers";
        let id = connection.record_unreadable(Reason::RequestTooLarge, detail);
        let form = Form::wanted(false, request.headers());
        let page = Rejection::new(Reason::RequestTooLarge)
            .with_status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
            .page(form, Version::HTTP_3, &id);
        return answer.send(page, request.method() == Method::HEAD).await;
    }
    let wanted = Arc::new(Notify::new());
    let mut expects = expects_continue(request.headers());
    let mut body = RequestStream::new(receive, request.headers());
    if expects {
        body = body.telling(Arc::clone(&wanted));
    } else {
        begin(&mut body, &request, limits.request_head).await?;
    }
    let is_head = request.method() == Method::HEAD;
    let request = request.map(|()| Inbound::Http3(Box::new(body)));
    let mut serving = Box::pin(path::serve(Arc::clone(connection), request));
    let response = loop {
        tokio::select! {
            biased;
            Ok(response) = &mut serving => break response,
            () = wanted.notified(), if expects => {
                expects = false;
                answer.head(StatusCode::CONTINUE).await?;
            }
            () = &mut stopped => {
                answer.reset(Code::H3_REQUEST_CANCELLED);
                return Err(Cancelled);
            }
        }
    };
    let mut response = response;
    complete_head(&mut response, connection.node().now());
    tokio::select! {
        biased;
        sent = answer.send(response, is_head) => sent,
        // The client has what it wants of the response.
        () = &mut stopped => Ok(()),
    }
}

/// What could not be read as a request is recorded as such; everything else is a client that went away.
fn unreadable(connection: &Connection, error: &StreamError) {
    let reason = match error {
        StreamError::HeaderTooBig { .. } => Reason::RequestTooLarge,
        StreamError::StreamError { .. } => Reason::MalformedRequest,
        // What the transport refused.
        StreamError::RemoteTerminate { code, .. } if *code == Code::H3_EXCESSIVE_LOAD => {
            Reason::RequestTooLarge
        }
        _ => {
            tracing::debug!(connection = connection.id(), %error, "stream ended by an error");
            return;
        }
    };
    connection.record_unreadable(reason, &error.to_string());
}

/// Whether there is a body is known only when the stream ends or more of it comes. Where there may be one, as for POST, the request goes on
/// at once; for methods that hardly ever have one it is worth to wait, since an origin may not like `GET` with an empty body of unknown length.
async fn begin(
    body: &mut RequestStream,
    request: &Request<()>,
    limit: Duration,
) -> Result<(), Cancelled> {
    let bodiless = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE
    );
    if bodiless && !request.headers().contains_key(header::CONTENT_LENGTH) {
        let begun = timeout(limit, body.begin()).await;
        return begun.ok().and_then(Result::ok).ok_or(Cancelled);
    }
    match poll_fn(|context| Poll::Ready(body.poll_begin(context))).await {
        Poll::Ready(Err(_)) => Err(Cancelled),
        Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
    }
}

/// RFC 9114 §4.2: "An endpoint MUST NOT generate an HTTP/3 field section containing connection-specific fields; any message containing
/// connection-specific fields MUST be treated as malformed", and TE "MUST NOT contain any value other than "trailers"".
fn is_malformed(headers: &HeaderMap) -> bool {
    CONNECTION_SPECIFIC
        .iter()
        .any(|name| headers.contains_key(name))
        || headers.get_all(header::TE).iter().any(|value| {
            !value
                .as_bytes()
                .trim_ascii()
                .eq_ignore_ascii_case(b"trailers")
        })
}

const CONNECTION_SPECIFIC: [HeaderName; 5] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

fn expects_continue(headers: &HeaderMap) -> bool {
    headers
        .get(header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// What the engines of the other versions see to by themselves.
fn complete_head(response: &mut Response<ResponseBody>, now: UnixTime) {
    let length = response.body().size_hint().exact();
    let has_length = !matches!(
        response.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let headers = response.headers_mut();
    for name in &CONNECTION_SPECIFIC {
        headers.remove(name);
    }
    if let Some(length) = length.filter(|_| has_length) {
        headers
            .entry(header::CONTENT_LENGTH)
            .or_insert_with(|| HeaderValue::from(length));
    }
    // RFC 9110 §6.6.1: a recipient with a clock that receives a response without Date "MUST [...] append" one when it forwards it.
    let since_epoch = Duration::from_secs(u64::try_from(now.as_secs()).unwrap_or_default());
    let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since_epoch);
    if let Ok(date) = HeaderValue::from_str(&date) {
        headers.entry(header::DATE).or_insert(date);
    }
}

/// The sending half of a request. What is dropped before its end is reset, so that half a response does not look like a whole one.
struct Answer {
    engine: Engine<SendStream, Bytes>,
    /// For one part to be taken by the client.
    limit: Duration,
    ended: bool,
}

impl Answer {
    fn new(engine: Engine<SendStream, Bytes>, limit: Duration) -> Self {
        Self {
            engine,
            limit,
            ended: false,
        }
    }

    fn reset(&mut self, code: Code) {
        self.ended = true;
        self.engine.stop_stream(code);
    }

    async fn head(&mut self, status: StatusCode) -> Result<(), Cancelled> {
        let mut head = Response::new(());
        *head.status_mut() = status;
        within(self.limit, self.engine.send_response(head)).await
    }

    async fn send(
        mut self,
        response: Response<ResponseBody>,
        is_head: bool,
    ) -> Result<(), Cancelled> {
        let (parts, body) = response.into_parts();
        let head = Response::from_parts(parts, ());
        within(self.limit, self.engine.send_response(head)).await?;
        let mut body = pin!(body);
        while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
            // The origin broke off: what is dropped here is reset.
            let frame = frame.map_err(|_| Cancelled)?;
            match frame.into_data() {
                Ok(data) if data.is_empty() || is_head => {}
                Ok(data) => within(self.limit, self.engine.send_data(data)).await?,
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        within(self.limit, self.engine.send_trailers(trailers)).await?;
                    }
                }
            }
        }
        self.finish().await
    }

    /// Ends the stream, and waits until the client has everything.
    async fn finish(mut self) -> Result<(), Cancelled> {
        self.ended = true;
        within(self.limit, self.engine.finish()).await
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.ended {
            self.engine.stop_stream(Code::H3_INTERNAL_ERROR);
        }
    }
}

async fn within<T>(
    limit: Duration,
    sending: impl Future<Output = Result<T, StreamError>>,
) -> Result<T, Cancelled> {
    let sent = timeout(limit, sending).await;
    sent.ok().and_then(Result::ok).ok_or(Cancelled)
}
