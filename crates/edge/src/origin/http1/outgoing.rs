//! A request on its way to the origin.

use std::fmt::Write as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::Method;
use http::header::{self, HeaderMap, HeaderName};
use http_body::{Body, Frame};
use tokio::io::AsyncWrite;

use super::head::{self, Announced};
use super::{Asked, Http1Error};
use crate::http::RequestBody;

/// So much is collected before it is written.
const COLLECTED_MAX_BYTES: usize = 64 * 1024;
/// Parts of a body that are smaller are copied, so that they go out together with what comes before.
const COPIED_MAX_BYTES: usize = 8 * 1024;
/// What a connection that waits for its next request may keep.
const KEPT_MAX_BYTES: usize = 16 * 1024;

/// What is left to be written.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    collected: Vec<u8>,
    /// How much of `collected` is written.
    written: usize,
    /// Comes after `collected`.
    part: Bytes,
    /// Whether the line end of a chunk comes after `part`.
    owes_line_end: bool,
    /// What has not been taken yet of the request's body.
    body: Option<RequestBody>,
    framing: Framing,
}

#[derive(Debug)]
enum Framing {
    /// So many bytes more.
    Length(u64),
    /// With the trailers that the head announced.
    Chunked(Vec<HeaderName>),
}

impl Default for Framing {
    fn default() -> Self {
        Self::Length(0)
    }
}

impl Outgoing {
    /// Makes the head, and takes the body.
    pub(super) fn begin(&mut self, asked: &Asked<'_>, body: RequestBody) -> Result<(), Http1Error> {
        let length = head::content_length(asked.headers).map_err(|_| Http1Error::Upload)?;
        let announced = match &body {
            // A second lock: a body that is announced and does not come would be made of the next request (threats C5.2).
            RequestBody::Empty if length.unwrap_or(0) > 0 => return Err(Http1Error::Upload),
            RequestBody::Empty => Announced::AsIs,
            body => match length.or_else(|| body.size_hint().exact()) {
                Some(length) => Announced::Length(length),
                // RFC 9110 §9.3.1: content in a `GET` has no meaning, and not to announce any is what origins expect of one.
                None if matches!(*asked.method, Method::GET | Method::HEAD) => Announced::AsIs,
                None => Announced::Chunked,
            },
        };
        head::write(&mut self.collected, asked, announced);
        self.framing = match announced {
            Announced::AsIs => Framing::Length(0),
            Announced::Length(length) => Framing::Length(length),
            Announced::Chunked => Framing::Chunked(announced_trailers(asked.headers)),
        };
        self.body = Some(body).filter(|_| announced != Announced::AsIs);
        Ok(())
    }

    /// Whether everything is written.
    pub(super) fn is_done(&self) -> bool {
        self.body.is_none() && self.is_written()
    }

    fn is_written(&self) -> bool {
        self.part.is_empty() && !self.owes_line_end && self.written == self.collected.len()
    }

    /// Before the connection waits for its next request.
    pub(super) fn rest(&mut self) {
        if self.collected.capacity() > KEPT_MAX_BYTES {
            self.collected = Vec::new();
        }
    }

    /// Writes what there is to write. Ready when that was all of the request.
    pub(super) fn poll<IO: AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Http1Error>> {
        loop {
            self.collect(context)?;
            if self.is_written() {
                ready!(Pin::new(io).poll_flush(context))?;
                // Otherwise the body wakes the task.
                return if self.body.is_none() {
                    Poll::Ready(Ok(()))
                } else {
                    Poll::Pending
                };
            }
            let first = self.collected.get(self.written..).unwrap_or_default();
            let left_of_first = first.len();
            let io = Pin::new(&mut *io);
            let written = match (first, self.part.as_ref()) {
                (first, []) => ready!(io.poll_write(context, first))?,
                ([], second) => ready!(io.poll_write(context, second))?,
                (first, second) => {
                    let both = [IoSlice::new(first), IoSlice::new(second)];
                    ready!(io.poll_write_vectored(context, &both))?
                }
            };
            if written == 0 {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into()));
            }
            let of_first = written.min(left_of_first);
            self.written += of_first;
            self.part.advance(written - of_first);
        }
    }

    /// Takes what there is of the body, as far as it is small enough to go out together.
    fn collect(&mut self, context: &mut Context<'_>) -> Result<(), Http1Error> {
        if self.written == self.collected.len() {
            self.collected.clear();
            self.written = 0;
        }
        while self.part.is_empty() && self.collected.len() < COLLECTED_MAX_BYTES {
            if std::mem::take(&mut self.owes_line_end) {
                self.collected.extend_from_slice(b"\r\n");
            }
            let Some(body) = &mut self.body else {
                return Ok(());
            };
            match Pin::new(body).poll_frame(context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(None) => self.end(None)?,
                Poll::Ready(Some(Err(_))) => return Err(Http1Error::Upload),
                Poll::Ready(Some(Ok(frame))) => self.take(frame)?,
            }
        }
        Ok(())
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Result<(), Http1Error> {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => return self.end(frame.into_trailers().ok()),
        };
        match &mut self.framing {
            Framing::Length(left) => {
                *left = left
                    .checked_sub(data.len() as u64)
                    .ok_or(Http1Error::Upload)?;
                self.put(data);
            }
            // A chunk without data would be the last one.
            Framing::Chunked(_) if data.is_empty() => {}
            Framing::Chunked(_) => {
                let mut size = String::new();
                // Writing to a string does not fail.
                let _ = write!(size, "{:x}\r\n", data.len());
                self.collected.extend_from_slice(size.as_bytes());
                self.put(data);
                self.owes_line_end = true;
            }
        }
        let is_last = self.body.as_ref().is_some_and(Body::is_end_stream);
        if is_last && self.part.is_empty() {
            if std::mem::take(&mut self.owes_line_end) {
                self.collected.extend_from_slice(b"\r\n");
            }
            self.end(None)?;
        }
        Ok(())
    }

    fn put(&mut self, data: Bytes) {
        if data.len() <= COPIED_MAX_BYTES {
            self.collected.extend_from_slice(&data);
        } else {
            self.part = data;
        }
    }

    /// The body is over.
    fn end(&mut self, trailers: Option<HeaderMap>) -> Result<(), Http1Error> {
        self.body = None;
        match &self.framing {
            Framing::Length(0) => {}
            Framing::Length(_) => return Err(Http1Error::Upload),
            Framing::Chunked(announced) => {
                self.collected.extend_from_slice(b"0\r\n");
                for (name, value) in trailers.iter().flatten() {
                    if announced.contains(name) {
                        head::write_field(&mut self.collected, name, value);
                    }
                }
                self.collected.extend_from_slice(b"\r\n");
            }
        }
        Ok(())
    }
}

/// The trailers that a head announces (RFC 9110 §6.6.2). Origins need not expect others.
fn announced_trailers(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(header::TRAILER)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect()
}
