//! Connections to origins that take bytes, from the beginning or after a WebSocket was agreed on. Each belongs to one client, to its end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use countersign_tls::OriginAlpn;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};

use super::choose::Choice;
use super::connect::transport;
use super::counts::Counted;
use super::http1::Http1;
use super::transport::Transport;
use super::{Origin, OriginError};

/// A connection to an origin.
#[derive(Debug)]
pub(crate) struct OriginIo {
    transport: Transport,
    /// Read before, by an engine that is gone.
    before: Bytes,
    /// Of a WebSocket the request is what is in flight.
    _in_flight: Option<Counted>,
    _open: Counted,
}

impl Origin {
    /// Connects to an address, in turn by weight, and to another when that fails: no byte of a client is lost by it. `header` is what the
    /// origin gets before anything else, TLS included.
    pub(crate) async fn dial(
        self: &Arc<Self>,
        header: &[u8],
    ) -> Result<(OriginIo, SocketAddr), OriginError> {
        let in_flight = self.begin_request()?;
        self.resolve().await?;
        let deadline = Instant::now() + self.timeouts().connect;
        let mut tried = Vec::new();
        let mut last = None;
        while let Some(choice) = self.choose(&tried) {
            match self.dial_address(&choice, header, deadline).await {
                Ok(transport) => {
                    choice.address.health.succeeded();
                    let io = OriginIo {
                        transport,
                        before: Bytes::new(),
                        _in_flight: Some(in_flight),
                        _open: self.counts.connection_opened(),
                    };
                    return Ok((io, choice.address.socket));
                }
                Err(error) => {
                    self.address_failed(&choice.address);
                    last = Some(error);
                    tried.push(choice.address);
                }
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(last.unwrap_or_else(OriginError::unhealthy))
    }

    async fn dial_address(
        &self,
        choice: &Choice,
        header: &[u8],
        deadline: Instant,
    ) -> Result<Transport, OriginError> {
        let _place = self.begin_connecting()?;
        let endpoint = self.endpoints.get(choice.endpoint);
        let endpoint = endpoint.ok_or_else(OriginError::unhealthy)?;
        let socket = choice.address.socket;
        let connecting = transport(self, endpoint, socket, OriginAlpn::None, header);
        match timeout_at(deadline, connecting).await {
            Ok(result) => result,
            Err(_) => Err(OriginError::connect_timeout(
                socket,
                self.timeouts().connect,
            )),
        }
    }
}

impl OriginIo {
    /// What is left of a connection of HTTP/1.1 when it becomes something else.
    pub(super) fn upgraded(http1: Http1) -> Self {
        let (transport, before, open) = http1.into_parts();
        Self {
            transport,
            before,
            _in_flight: None,
            _open: open,
        }
    }

    /// Ends the connection so that the origin cannot take what it got for the whole.
    pub(crate) fn abort(self) {
        match self.transport {
            // It only fails when the connection is gone already.
            Transport::Plain(stream) => drop(stream.set_zero_linger()),
            // RFC 8446 §6.1: without close_notify what came may be cut short, and the origin knows.
            Transport::Tls(_) => {}
        }
    }
}

impl AsyncRead for OriginIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.before.has_remaining() {
            let length = self.before.len().min(buffer.remaining());
            buffer.put_slice(&self.before.split_to(length));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.transport).poll_read(context, buffer)
    }
}

impl AsyncWrite for OriginIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}
