//! A request on a connection on loan, and its answer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{request, response};
use http_body::{Body, Frame, SizeHint};

use super::{Channel, Lease};
use crate::http::{BodyError, RequestBody};
use crate::origin::OriginError;
use crate::origin::beside::{Beside, Home};
use crate::origin::http1::{Asked, Http1Error};
use crate::origin::send::{Unanswered, request_http2};

impl Lease {
    /// Sends a request and waits for the head of the answer: for as long as the request's body moves, which `uploaded` counts, and `limit`
    /// beyond.
    pub(in crate::origin) async fn send(
        &mut self,
        parts: &request::Parts,
        body: RequestBody,
        host: &str,
        limit: Duration,
        uploaded: impl Fn() -> u64,
    ) -> Result<response::Parts, Unanswered> {
        match &mut self.channel {
            Channel::Http1(http1) => {
                // Path and query byte for byte those that the rules saw (invariant I4).
                let target = parts.uri.path_and_query();
                let asked = Asked {
                    method: &parts.method,
                    target: target.map_or("/", |target| target.as_str()),
                    host,
                    headers: &parts.headers,
                };
                http1.begin(&asked, body).map_err(lost)?;
                let answer =
                    poll_fn(|context| http1.poll_answer_within(limit, &uploaded, context)).await;
                let head = match answer {
                    None => return Err(Unanswered::late(limit)),
                    Some(answer) => answer.map_err(lost)?,
                };
                if http1.is_uploading() {
                    self.go_on_beside();
                }
                Ok(head)
            }
            Channel::Http2 {
                stream,
                answer,
                timer,
            } => {
                let request = request_http2(parts, body, host, self.origin.is_tls())
                    .map_err(Unanswered::Lost)?;
                let mut sender = stream.sender();
                let mut sending = pin!(sender.try_send_request(request));
                let sent = poll_fn(|context| match sending.as_mut().poll(context) {
                    Poll::Ready(sent) => Poll::Ready(Some(sent)),
                    Poll::Pending if timer.has_expired(limit, &uploaded, context) => {
                        Poll::Ready(None)
                    }
                    Poll::Pending => Poll::Pending,
                });
                match sent.await {
                    None => Err(Unanswered::late(limit)),
                    Some(Err(error)) => Err(Unanswered::of_http2(error)),
                    Some(Ok(response)) => {
                        timer.progress();
                        let (head, incoming) = response.into_parts();
                        *answer = Some(incoming);
                        Ok(head)
                    }
                }
            }
            Channel::Beside(_) | Channel::Gone => Err(lost(Http1Error::Closed)),
        }
    }

    fn go_on_beside(&mut self) {
        let home = Home {
            address: Arc::clone(&self.address),
            owner: self.owner,
            max_idle: self.origin.max_idle,
        };
        self.channel = match std::mem::replace(&mut self.channel, Channel::Gone) {
            Channel::Http1(http1) => Channel::Beside(Beside::begin(http1, home)),
            other => other,
        };
    }

    /// The next part of the answer's body, which may be as long in coming as the origin's idle limit says, or for as long as the request
    /// moves, which `uploaded` counts.
    pub(crate) fn poll_part(
        &mut self,
        uploaded: impl Fn() -> u64,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let (part, timer) = match &mut self.channel {
            Channel::Http1(http1) => (
                http1.poll_frame(context).map_err(BodyError::from),
                &mut http1.timer,
            ),
            Channel::Beside(beside) => (
                beside.poll_frame(context).map_err(BodyError::from),
                &mut beside.timer,
            ),
            Channel::Http2 { answer, timer, .. } => {
                let part = match answer {
                    Some(incoming) => Pin::new(incoming)
                        .poll_frame(context)
                        .map_err(BodyError::from),
                    None => Poll::Ready(None),
                };
                (part, timer)
            }
            Channel::Gone => return Poll::Ready(None),
        };
        if part.is_ready() {
            timer.progress();
            return part;
        }
        let limit = self.origin.timeouts().idle;
        if timer.has_expired(limit, uploaded, context) {
            return Poll::Ready(Some(Err(BodyError::Idle(limit))));
        }
        Poll::Pending
    }

    /// Whether the answer's body is over.
    pub(crate) fn is_end_stream(&self) -> bool {
        match &self.channel {
            Channel::Http1(http1) => http1.is_end_stream(),
            Channel::Beside(beside) => beside.is_end_stream(),
            Channel::Http2 { answer, .. } => answer.as_ref().is_none_or(Body::is_end_stream),
            Channel::Gone => true,
        }
    }

    /// What is known about the length of what is left.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match &self.channel {
            Channel::Http1(http1) => http1.size_hint(),
            Channel::Beside(beside) => beside.size_hint(),
            Channel::Http2 { answer, .. } => {
                answer.as_ref().map(Body::size_hint).unwrap_or_default()
            }
            Channel::Gone => SizeHint::default(),
        }
    }
}

fn lost(error: Http1Error) -> Unanswered {
    Unanswered::Lost(OriginError::http(&error))
}
