//! HTTP/1.1 to origins: one request at a time, in the task of whoever wants its answer.
//!
//! An engine that runs in a task of its own has to be handed every request and hands back every part of the answer, each with a change of
//! tasks. Here the request's own task writes, reads and waits; a connection that has no request is not watched by anybody, and looked at
//! before it gets one.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, response};
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::counts::Counted;
use super::transport::Transport;
use crate::http::{IdleTimer, RequestBody};
use decode::{Decoder, Step};
use outgoing::Outgoing;

mod decode;
mod error;
mod head;
mod outgoing;

pub(crate) use error::Http1Error;

/// A read has room for so much at first, which is enough for most answers.
const READ_BYTES: usize = 8 * 1024;
/// A read that fills its room gets four times as much the next time, up to this.
const READ_MAX_BYTES: usize = 128 * 1024;

/// A connection to an origin.
#[derive(Debug)]
pub(crate) struct Http1 {
    io: Transport,
    /// Read and not used yet.
    read: BytesMut,
    read_size: usize,
    outgoing: Outgoing,
    /// Why the rest of the request cannot be written. The origin may have said what it thinks of it before.
    broken: Option<Http1Error>,
    method: Method,
    body: Decoder,
    /// Whether the origin keeps the connection after this answer.
    keeps: bool,
    /// Stays with the connection, so that a request does not cost a timer.
    pub(super) timer: IdleTimer,
    open: Counted,
}

/// What an origin is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a str,
    pub(crate) host: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

impl Http1 {
    pub(super) fn new(io: Transport, open: Counted) -> Self {
        Self {
            io,
            read: BytesMut::new(),
            read_size: READ_BYTES,
            outgoing: Outgoing::default(),
            broken: None,
            method: Method::GET,
            body: Decoder::Done,
            keeps: true,
            timer: IdleTimer::default(),
            open,
        }
    }

    /// Whether a connection that waited for a request can have one: its origin neither closed it nor said anything unasked.
    pub(super) fn is_open(&mut self) -> bool {
        let mut byte = [0; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.io)
            .poll_read(&mut context, &mut buffer)
            .is_pending()
    }

    /// Whether the answer came to an end that leaves the connection for another request. What comes after an answer is none (threats C5.2).
    pub(super) fn is_reusable(&self) -> bool {
        self.keeps
            && self.body.is_done()
            && self.read.is_empty()
            && self.broken.is_none()
            && self.outgoing.is_done()
    }

    /// Before it waits for its next request.
    pub(super) fn rest(&mut self) {
        self.timer.progress();
        self.outgoing.rest();
        if self.read_size > READ_BYTES {
            self.read = BytesMut::new();
            self.read_size = READ_BYTES;
        }
    }

    /// Makes the request ready to be written.
    pub(super) fn begin(&mut self, asked: &Asked<'_>, body: RequestBody) -> Result<(), Http1Error> {
        self.method = asked.method.clone();
        self.outgoing.begin(asked, body)
    }

    /// Whether part of the request is still to be written.
    pub(super) fn is_uploading(&self) -> bool {
        self.broken.is_none() && !self.outgoing.is_done()
    }

    /// Writes what there is of the request; never ready before all of it is written.
    ///
    /// # Errors
    /// When the request's body broke off. Of an origin that takes no more its answer is waited for.
    pub(super) fn poll_upload(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Http1Error>> {
        if self.is_uploading() {
            self.broken = ready!(self.outgoing.poll(&mut self.io, context)).err();
        }
        match self.broken {
            Some(Http1Error::Upload) => Poll::Ready(Err(Http1Error::Upload)),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Writes the request and reads the head of the answer.
    pub(super) fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<response::Parts, Http1Error>> {
        if let Poll::Ready(Err(error)) = self.poll_upload(context) {
            return Poll::Ready(Err(error));
        }
        loop {
            if let Some(head) = head::read(&mut self.read, &self.method)? {
                self.body = head.body;
                self.keeps = head.keeps;
                return Poll::Ready(Ok(head.parts));
            }
            if ready!(self.poll_fill(context))? == 0 {
                let error = self.broken.take().unwrap_or(Http1Error::Closed);
                return Poll::Ready(Err(error));
            }
        }
    }

    /// The next part of the answer's body.
    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Http1Error>>> {
        if let Poll::Ready(Err(error)) = self.poll_upload(context) {
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            match self.body.next(&mut self.read) {
                Ok(Step::Part(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(Step::End) => return Poll::Ready(None),
                Ok(Step::More) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            match ready!(self.poll_fill(context)) {
                Ok(0) if self.body == Decoder::UntilClose => self.body = Decoder::Done,
                Ok(0) => return Poll::Ready(Some(Err(Http1Error::Closed))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.body.is_done()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    /// Reads more; gives how much.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, Http1Error>> {
        if self.read.capacity() - self.read.len() < self.read_size / 2 {
            self.read.reserve(self.read_size);
        }
        let room = self.read.capacity() - self.read.len();
        let reading = pin!(self.io.read_buf(&mut self.read));
        let read = ready!(reading.poll(context))?;
        if read == room {
            self.read_size = READ_MAX_BYTES.min(self.read_size * 4);
        }
        Poll::Ready(Ok(read))
    }

    /// What becomes of the connection when the origin agreed to another protocol: what it is, and what was read beyond the answer.
    pub(super) fn into_parts(self) -> (Transport, Bytes, Counted) {
        (self.io, self.read.freeze(), self.open)
    }

    /// Waits for the answer for as long as the request's body moves, and `limit` beyond; `None` is too long. `uploaded` counts what moved.
    pub(super) fn poll_answer_within(
        &mut self,
        limit: Duration,
        uploaded: impl Fn() -> u64,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<response::Parts, Http1Error>>> {
        match self.poll_answer(context) {
            Poll::Ready(answer) => {
                self.timer.progress();
                Poll::Ready(Some(answer))
            }
            Poll::Pending if self.timer.has_expired(limit, uploaded, context) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
