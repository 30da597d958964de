//! A request body out of the frames of a stream.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::StreamError;
use h3::server::RequestStream as Engine;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

use super::transport::RecvStream;

/// The receiving half of a request.
pub(crate) struct RequestStream {
    engine: Engine<RecvStream, Bytes>,
    state: State,
    /// Came before anybody asked.
    first: Option<Bytes>,
    /// What is left of the declared Content-Length.
    left: Option<u64>,
    /// Told when the body is asked for, once.
    wanted: Option<Arc<Notify>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Data,
    Trailers,
    Ended,
}

/// Why a request body ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestBodyError {
    /// RFC 9114 §4.1.2: "A request or response is also malformed if the value of a Content-Length header field does not equal the sum of
    /// the DATA frame payload lengths that form the content, if non-empty."
    #[error("the body is not as long as its Content-Length says")]
    Length,
    #[error("the stream ended early")]
    Stream(#[source] Box<StreamError>),
}

impl RequestStream {
    pub(super) fn new(engine: Engine<RecvStream, Bytes>, headers: &HeaderMap) -> Self {
        // More than one, and what is no number, is refused with the head.
        let left = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        Self {
            engine,
            state: State::Data,
            first: None,
            left,
            wanted: None,
        }
    }

    /// `wanted` is told when somebody begins to read.
    pub(super) fn telling(self, wanted: Arc<Notify>) -> Self {
        Self {
            wanted: Some(wanted),
            ..self
        }
    }

    /// Waits until it is known whether there is a body at all.
    pub(super) async fn begin(&mut self) -> Result<(), RequestBodyError> {
        std::future::poll_fn(|context| self.poll_begin(context)).await
    }

    /// As [`begin`](Self::begin), without waiting.
    pub(super) fn poll_begin(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), RequestBodyError>> {
        if self.state != State::Data || self.first.is_some() {
            return Poll::Ready(Ok(()));
        }
        self.first = ready!(self.poll_data(context))?;
        Poll::Ready(Ok(()))
    }

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, RequestBodyError>> {
        let data = match ready!(self.engine.poll_recv_data(context)) {
            Ok(Some(mut data)) => data.copy_to_bytes(data.remaining()),
            Ok(None) => {
                self.state = State::Trailers;
                return Poll::Ready(match self.left {
                    Some(1..) => Err(self.broken(RequestBodyError::Length)),
                    _ => Ok(None),
                });
            }
            Err(error) => {
                return Poll::Ready(Err(self.broken(RequestBodyError::Stream(Box::new(error)))));
            }
        };
        if let Some(left) = &mut self.left {
            match left.checked_sub(data.len() as u64) {
                Some(rest) => *left = rest,
                None => return Poll::Ready(Err(self.broken(RequestBodyError::Length))),
            }
        }
        Poll::Ready(Ok(Some(data)))
    }

    fn broken(&mut self, error: RequestBodyError) -> RequestBodyError {
        self.state = State::Ended;
        error
    }
}

impl Body for RequestStream {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let this = self.get_mut();
        if let Some(wanted) = this.wanted.take() {
            wanted.notify_one();
        }
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if this.state == State::Data
            && let Some(data) = ready!(this.poll_data(context)).transpose()
        {
            return Poll::Ready(Some(data.map(Frame::data)));
        }
        if this.state == State::Ended {
            return Poll::Ready(None);
        }
        let trailers = ready!(this.engine.poll_recv_trailers(context));
        this.state = State::Ended;
        Poll::Ready(match trailers {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) => Some(Err(RequestBodyError::Stream(Box::new(error)))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Ended
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |first| first.len() as u64);
        self.left
            .map_or_else(SizeHint::default, |left| SizeHint::with_exact(left + first))
    }
}

impl fmt::Debug for RequestStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestStream")
            .field("state", &self.state)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
