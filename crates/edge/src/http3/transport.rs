//! QUIC as the HTTP/3 engine wants it, over quinn.
//!
//! In place of the usual bridge, because of what the streams do here: frames are read before the engine sees them (see
//! [`frames`](super::frames)), a stream that nothing was sent on is reset instead of ended, and a finished one is waited for until the client
//! has it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId};
use quinn::{ConnectionError, VarInt};

pub(super) use receive::RecvStream;
pub(super) use send::SendStream;

use super::frames::Frames;

mod receive;
mod send;

type Waiting<T> = Pin<Box<dyn Future<Output = Result<T, ConnectionError>> + Send>>;
/// Ends when the client wants no response any more.
pub(super) type Stopped = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One QUIC connection.
pub(super) struct Connection {
    quic: quinn::Connection,
    frame_limit: usize,
    bidirectional: Option<Waiting<(quinn::SendStream, quinn::RecvStream)>>,
    unidirectional: Option<Waiting<quinn::RecvStream>>,
    opening: Opener,
    accepted: AcceptedLast,
}

/// The way to notice that the client gave the stream up that was accepted last, which the engine has no way to say.
#[derive(Clone, Default)]
pub(super) struct AcceptedLast(Arc<Mutex<Option<Stopped>>>);

impl AcceptedLast {
    pub(super) fn take(&self) -> Option<Stopped> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, stopped: Stopped) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(stopped);
    }
}

impl Connection {
    /// `frame_limit` bounds every frame that is not DATA.
    pub(super) fn new(quic: quinn::Connection, frame_limit: usize) -> Self {
        Self {
            opening: Opener::new(quic.clone(), frame_limit),
            quic,
            frame_limit,
            bidirectional: None,
            unidirectional: None,
            accepted: AcceptedLast::default(),
        }
    }

    pub(super) fn accepted_last(&self) -> AcceptedLast {
        self.accepted.clone()
    }
}

impl quic::Connection<Bytes> for Connection {
    type RecvStream = RecvStream;
    type OpenStreams = Opener;

    fn poll_accept_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<RecvStream, ConnectionErrorIncoming>> {
        let waiting = self.unidirectional.get_or_insert_with(|| {
            let quic = self.quic.clone();
            Box::pin(async move { quic.accept_uni().await })
        });
        let accepted = ready!(waiting.as_mut().poll(context));
        self.unidirectional = None;
        let stream = accepted.map_err(connection_error)?;
        Poll::Ready(RecvStream::new(
            stream,
            Frames::of_unidirectional(self.frame_limit),
        ))
    }

    fn poll_accept_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<BidiStream, ConnectionErrorIncoming>> {
        let waiting = self.bidirectional.get_or_insert_with(|| {
            let quic = self.quic.clone();
            Box::pin(async move { quic.accept_bi().await })
        });
        let accepted = ready!(waiting.as_mut().poll(context));
        self.bidirectional = None;
        let (send, recv) = accepted.map_err(connection_error)?;
        let stopped = send.stopped();
        self.accepted
            .put(Box::pin(async move { drop(stopped.await) }));
        Poll::Ready(BidiStream::new(send, recv, self.frame_limit))
    }

    fn opener(&self) -> Opener {
        Opener::new(self.quic.clone(), self.frame_limit)
    }
}

impl quic::OpenStreams<Bytes> for Connection {
    type BidiStream = BidiStream;
    type SendStream = SendStream;

    fn poll_open_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<BidiStream, StreamErrorIncoming>> {
        self.opening.poll_open_bidi(context)
    }

    fn poll_open_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<SendStream, StreamErrorIncoming>> {
        self.opening.poll_open_send(context)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.opening.close(code, reason);
    }
}

/// Opens streams.
pub(super) struct Opener {
    quic: quinn::Connection,
    frame_limit: usize,
    bidirectional: Option<Waiting<(quinn::SendStream, quinn::RecvStream)>>,
    unidirectional: Option<Waiting<quinn::SendStream>>,
}

impl Opener {
    fn new(quic: quinn::Connection, frame_limit: usize) -> Self {
        Self {
            quic,
            frame_limit,
            bidirectional: None,
            unidirectional: None,
        }
    }
}

impl quic::OpenStreams<Bytes> for Opener {
    type BidiStream = BidiStream;
    type SendStream = SendStream;

    fn poll_open_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<BidiStream, StreamErrorIncoming>> {
        let waiting = self.bidirectional.get_or_insert_with(|| {
            let quic = self.quic.clone();
            Box::pin(async move { quic.open_bi().await })
        });
        let opened = ready!(waiting.as_mut().poll(context));
        self.bidirectional = None;
        let (send, recv) = opened.map_err(stream_error)?;
        Poll::Ready(BidiStream::new(send, recv, self.frame_limit).map_err(of_connection))
    }

    fn poll_open_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<SendStream, StreamErrorIncoming>> {
        let waiting = self.unidirectional.get_or_insert_with(|| {
            let quic = self.quic.clone();
            Box::pin(async move { quic.open_uni().await })
        });
        let opened = ready!(waiting.as_mut().poll(context));
        self.unidirectional = None;
        let stream = opened.map_err(stream_error)?;
        Poll::Ready(SendStream::new(stream).map_err(of_connection))
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.quic.close(variable_length(code.value()), reason);
    }
}

/// Both directions of a request.
pub(super) struct BidiStream {
    send: SendStream,
    recv: RecvStream,
}

impl BidiStream {
    fn new(
        send: quinn::SendStream,
        recv: quinn::RecvStream,
        frame_limit: usize,
    ) -> Result<Self, ConnectionErrorIncoming> {
        Ok(Self {
            send: SendStream::new(send)?,
            recv: RecvStream::new(recv, Frames::of_request(frame_limit))?,
        })
    }
}

impl quic::BidiStream<Bytes> for BidiStream {
    type SendStream = SendStream;
    type RecvStream = RecvStream;

    fn split(self) -> (SendStream, RecvStream) {
        (self.send, self.recv)
    }
}

impl quic::RecvStream for BidiStream {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let polled = self.recv.poll_data(context);
        if let Some(code) = self.recv.refused() {
            quic::SendStream::reset(&mut self.send, code.value());
        }
        polled
    }

    fn stop_sending(&mut self, code: u64) {
        self.recv.stop_sending(code);
    }

    fn recv_id(&self) -> StreamId {
        self.recv.recv_id()
    }
}

impl quic::SendStream<Bytes> for BidiStream {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_ready(context)
    }

    fn send_data<T: Into<quic::WriteBuf<Bytes>>>(
        &mut self,
        data: T,
    ) -> Result<(), StreamErrorIncoming> {
        self.send.send_data(data)
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_finish(context)
    }

    fn reset(&mut self, code: u64) {
        self.send.reset(code);
    }

    fn send_id(&self) -> StreamId {
        self.send.send_id()
    }
}

fn stream_id(id: quinn::StreamId) -> Result<StreamId, ConnectionErrorIncoming> {
    StreamId::try_from(u64::from(id)).map_err(|_| internal("stream id out of range"))
}

fn internal(what: &str) -> ConnectionErrorIncoming {
    ConnectionErrorIncoming::InternalError(what.to_owned())
}

fn of_connection(error: ConnectionErrorIncoming) -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming {
        connection_error: error,
    }
}

fn stream_error(error: ConnectionError) -> StreamErrorIncoming {
    of_connection(connection_error(error))
}

fn connection_error(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ApplicationClosed(close) => ConnectionErrorIncoming::ApplicationClose {
            error_code: close.error_code.into_inner(),
        },
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        other => ConnectionErrorIncoming::Undefined(Arc::new(other)),
    }
}

fn variable_length(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap_or(VarInt::MAX)
}
