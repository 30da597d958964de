//! What comes from the client on one stream.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId};
use quinn::ReadError;

use super::{of_connection, stream_error, stream_id, variable_length};
use crate::http3::frames::{FrameError, Frames};

/// Read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// The receiving part of a stream.
pub(crate) struct RecvStream {
    stream: quinn::RecvStream,
    id: StreamId,
    frames: Frames,
    /// Read, and not looked at yet.
    unread: Bytes,
    ended: bool,
    refused: Option<Code>,
}

impl RecvStream {
    pub(super) fn new(
        stream: quinn::RecvStream,
        frames: Frames,
    ) -> Result<Self, ConnectionErrorIncoming> {
        Ok(Self {
            id: stream_id(stream.id())?,
            stream,
            frames,
            unread: Bytes::new(),
            ended: false,
            refused: None,
        })
    }

    /// Why we do not read on, when it is so.
    pub(super) fn refused(&self) -> Option<Code> {
        self.refused
    }

    fn refuse(&mut self, error: FrameError) -> StreamErrorIncoming {
        let code = match error {
            FrameError::TooLong => Code::H3_EXCESSIVE_LOAD,
            FrameError::Truncated => Code::H3_REQUEST_INCOMPLETE,
            FrameError::Unexpected => Code::H3_FRAME_UNEXPECTED,
        };
        self.refused = Some(code);
        self.stop(code);
        StreamErrorIncoming::StreamTerminated {
            error_code: code.value(),
        }
    }

    fn stop(&mut self, code: Code) {
        self.ended = true;
        self.unread = Bytes::new();
        // A stream that ended meanwhile needs no stopping.
        let _ = self.stream.stop(variable_length(code.value()));
    }
}

impl quic::RecvStream for RecvStream {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        loop {
            match self.frames.next(&mut self.unread) {
                Ok(Some(piece)) => return Poll::Ready(Ok(Some(piece))),
                Ok(None) if self.ended => return Poll::Ready(Ok(None)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(self.refuse(error))),
            }
            // The future has no state of its own; another one takes up where it stopped.
            let read = pin!(self.stream.read_chunk(CHUNK_BYTES, true)).poll(context);
            match ready!(read) {
                Ok(Some(chunk)) => self.unread = chunk.bytes,
                Ok(None) => {
                    self.ended = true;
                    return Poll::Ready(self.frames.end().map_err(|error| self.refuse(error)));
                }
                Err(error) => {
                    self.ended = true;
                    return Poll::Ready(Err(read_error(error)));
                }
            }
        }
    }

    fn stop_sending(&mut self, code: u64) {
        self.ended = true;
        let _ = self.stream.stop(variable_length(code));
    }

    fn recv_id(&self) -> StreamId {
        self.id
    }
}

impl Drop for RecvStream {
    fn drop(&mut self) {
        // RFC 9114 §4.1: what is left of a request that was answered already is not needed, and that is no error.
        if !self.ended {
            let _ = self.stream.stop(variable_length(Code::H3_NO_ERROR.value()));
        }
    }
}

fn read_error(error: ReadError) -> StreamErrorIncoming {
    match error {
        ReadError::Reset(code) => StreamErrorIncoming::StreamTerminated {
            error_code: code.into_inner(),
        },
        ReadError::ConnectionLost(error) => stream_error(error),
        error @ (ReadError::ClosedStream | ReadError::ZeroRttRejected) => {
            StreamErrorIncoming::Unknown(Box::new(error))
        }
        ReadError::IllegalOrderedRead => {
            of_connection(super::internal("a stream was read out of order"))
        }
    }
}
