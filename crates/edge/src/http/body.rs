//! Bodies on their way through: counted, with a deadline between parts, and with trailers that claim no identity.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use countersign_trust::Reason;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::exchange::Exchange;
use super::idle_timer::IdleTimer;
use super::inbound::Inbound;
use super::signature::is_signature_header;
use super::{grpc, hop_by_hop, identity};
use crate::causes::with_causes;
use crate::connection::Connection;
use crate::http3;
use crate::origin::{Http1Error, Lease};

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("no part of the body came for {} ms", .0.as_millis())]
    Idle(Duration),
    #[error("the other side ended the body")]
    Broken(#[from] hyper::Error),
    #[error("the origin did not end the body")]
    Origin(#[from] Http1Error),
    #[error("the client ended the body")]
    Stream(#[source] http3::RequestBodyError),
}

/// What is known about a request body while it is sent.
#[derive(Debug)]
pub(crate) struct Upload {
    connection: Arc<Connection>,
    bytes: AtomicU64,
    /// Parts of the response that came meanwhile.
    answered: AtomicU64,
    /// The client, not the origin, is why it did not end well.
    failed: AtomicBool,
    timed_out: AtomicBool,
}

impl Upload {
    /// A part of the response came.
    pub(crate) fn answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn timed_out(&self) -> bool {
        self.timed_out.load(Ordering::Relaxed)
    }
}

/// From the client to the origin.
#[derive(Debug)]
pub(crate) enum RequestBody {
    Empty,
    Streaming {
        incoming: Inbound,
        limit: Duration,
        idle: IdleTimer,
        upload: Arc<Upload>,
    },
}

impl RequestBody {
    pub(crate) fn streaming(
        incoming: Inbound,
        limit: Duration,
        connection: Arc<Connection>,
    ) -> (Self, Arc<Upload>) {
        let upload = Arc::new(Upload {
            connection,
            bytes: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
        });
        let body = Self::Streaming {
            incoming,
            limit,
            idle: IdleTimer::default(),
            upload: Arc::clone(&upload),
        };
        (body, upload)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self::Streaming {
            incoming,
            limit,
            idle,
            upload,
        } = self.get_mut()
        else {
            return Poll::Ready(None);
        };
        let answered = || upload.answered.load(Ordering::Relaxed);
        let frame = match Pin::new(incoming).poll_frame(context) {
            Poll::Pending if idle.has_expired(*limit, answered, context) => {
                Poll::Ready(Some(Err(BodyError::Idle(*limit))))
            }
            Poll::Pending => return Poll::Pending,
            ready => {
                idle.progress();
                ready
            }
        };
        match frame {
            Poll::Ready(Some(Ok(mut frame))) => {
                if let Some(data) = frame.data_ref() {
                    upload.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
                    upload.connection.progress();
                }
                if let Some(trailers) = frame.trailers_mut() {
                    // Invariant I3: trailers are headers that come late.
                    identity::strip(trailers);
                    identity::strip_where(trailers, hop_by_hop::is_forbidden_in_trailers);
                    identity::strip_where(trailers, is_signature_header);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                upload.failed.store(true, Ordering::Relaxed);
                upload
                    .timed_out
                    .store(matches!(error, BodyError::Idle(_)), Ordering::Relaxed);
                Poll::Ready(Some(Err(error)))
            }
            other => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streaming { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Streaming { incoming, .. } => incoming.size_hint(),
        }
    }
}

/// To the client: made by the edge, or from the origin. Ends the exchange when it is done with, in whatever way.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    content: Content,
    exchange: Option<Box<Exchange>>,
}

#[derive(Debug)]
enum Content {
    Done,
    Ours(Bytes),
    Origin(Box<Lease>),
}

impl ResponseBody {
    pub(crate) fn ours(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            content: if bytes.is_empty() {
                Content::Done
            } else {
                Content::Ours(bytes)
            },
            exchange: None,
        }
    }

    /// The lease goes back to the pool when the body was read to its end.
    pub(crate) fn origin(lease: Lease) -> Self {
        Self {
            content: Content::Origin(Box::new(lease)),
            exchange: None,
        }
    }

    /// The exchange that ends with this body.
    pub(crate) fn closes(&mut self, exchange: Box<Exchange>) {
        self.exchange = Some(exchange);
    }

    /// The origin did not finish. Clients of gRPC are told why; others see that the end is missing.
    fn broken(&mut self, error: &BodyError) -> Option<HeaderMap> {
        let reason = match error {
            BodyError::Idle(_) => Reason::OriginTimeout,
            BodyError::Broken(_) | BodyError::Origin(_) | BodyError::Stream(_) => {
                Reason::OriginUnreachable
            }
        };
        // It is over, and not complete.
        let mut exchange = self.exchange.take()?;
        self.content = Content::Done;
        exchange.broken(reason, with_causes(error));
        exchange.is_grpc.then(|| grpc::trailers(reason))
    }

    fn complete(&mut self) {
        if let Content::Origin(lease) = std::mem::replace(&mut self.content, Content::Done) {
            lease.give_back();
        }
        if let Some(mut exchange) = self.exchange.take() {
            exchange.completed();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let result = match &mut this.content {
            Content::Done => Poll::Ready(None),
            Content::Ours(bytes) => {
                let bytes = std::mem::take(bytes);
                this.content = Content::Done;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Content::Origin(lease) => {
                let upload = this.exchange.as_ref().and_then(|it| it.upload.as_deref());
                lease.poll_part(|| upload.map_or(0, Upload::bytes), context)
            }
        };
        match &result {
            Poll::Ready(None) => this.complete(),
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(exchange) = &mut this.exchange {
                    exchange.response_part(frame);
                }
            }
            Poll::Ready(Some(Err(error))) => {
                if let Some(trailers) = this.broken(error) {
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
            }
            Poll::Pending => {}
        }
        result
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Done => true,
            Content::Ours(_) => false,
            Content::Origin(lease) => lease.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Done => SizeHint::with_exact(0),
            Content::Ours(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Origin(lease) => lease.size_hint(),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        // The engine does not poll a body again that says it is at its end.
        if self.is_end_stream() {
            self.complete();
        }
    }
}
