//! What goes to the client on one stream.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use quinn::{StoppedError, VarInt, WriteError};

use super::{of_connection, stream_error, stream_id, variable_length};

type Delivered = Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>> + Send>>;

/// The sending part of a stream.
pub(crate) struct SendStream {
    stream: quinn::SendStream,
    id: StreamId,
    writing: Option<WriteBuf<Bytes>>,
    /// Set once the stream is finished.
    delivered: Option<Delivered>,
    begun: bool,
    ended: bool,
}

impl SendStream {
    pub(super) fn new(stream: quinn::SendStream) -> Result<Self, ConnectionErrorIncoming> {
        Ok(Self {
            id: stream_id(stream.id())?,
            stream,
            writing: None,
            delivered: None,
            begun: false,
            ended: false,
        })
    }
}

impl quic::SendStream<Bytes> for SendStream {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        if let Some(data) = &mut self.writing {
            self.begun = true;
            while data.has_remaining() {
                let written = ready!(Pin::new(&mut self.stream).poll_write(context, data.chunk()))
                    .map_err(write_error)?;
                data.advance(written);
            }
            self.writing = None;
        }
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        if self.writing.is_some() {
            return Err(of_connection(super::internal(
                "data was sent before the stream was ready",
            )));
        }
        self.writing = Some(data.into());
        Ok(())
    }

    /// Ready when the client has everything: a connection that is closed then loses nothing.
    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        ready!(self.poll_ready(context))?;
        if self.delivered.is_none() {
            self.stream
                .finish()
                .map_err(|error| StreamErrorIncoming::Unknown(Box::new(error)))?;
            self.ended = true;
            self.delivered = Some(Box::pin(self.stream.stopped()));
        }
        let Some(delivered) = &mut self.delivered else {
            return Poll::Ready(Ok(()));
        };
        match ready!(delivered.as_mut().poll(context)) {
            Ok(None) => Poll::Ready(Ok(())),
            Ok(Some(code)) => Poll::Ready(Err(StreamErrorIncoming::StreamTerminated {
                error_code: code.into_inner(),
            })),
            Err(StoppedError::ConnectionLost(error)) => Poll::Ready(Err(stream_error(error))),
            Err(error) => Poll::Ready(Err(StreamErrorIncoming::Unknown(Box::new(error)))),
        }
    }

    fn reset(&mut self, code: u64) {
        self.ended = true;
        let _ = self.stream.reset(variable_length(code));
    }

    fn send_id(&self) -> StreamId {
        self.id
    }
}

impl Drop for SendStream {
    fn drop(&mut self) {
        // quinn ends a stream in good order. That fits a refusal that the engine wrote; an empty response is none, and nothing that a panic
        // broke off may look whole.
        if !self.ended && (!self.begun || std::thread::panicking()) {
            let code = variable_length(Code::H3_REQUEST_CANCELLED.value());
            let _ = self.stream.reset(code);
        }
    }
}

fn write_error(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => StreamErrorIncoming::StreamTerminated {
            error_code: code.into_inner(),
        },
        WriteError::ConnectionLost(error) => stream_error(error),
        error @ (WriteError::ClosedStream | WriteError::ZeroRttRejected) => {
            StreamErrorIncoming::Unknown(Box::new(error))
        }
    }
}
