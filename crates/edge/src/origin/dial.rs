//! Connections to origins that take bytes. Each belongs to one client, from its beginning to its end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use countersign_tls::OriginAlpn;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};

use super::choose::Choice;
use super::connect::{Transport, transport};
use super::counts::Counted;
use super::{Origin, OriginError};

/// A connection to an origin.
#[derive(Debug)]
pub(crate) struct OriginIo {
    transport: Transport,
    _in_flight: Counted,
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
                        _in_flight: in_flight,
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

macro_rules! each {
    ($io:expr, $stream:ident => $act:expr) => {
        match &mut $io.get_mut().transport {
            Transport::Plain($stream) => $act,
            Transport::Tls($stream) => $act,
        }
    };
}

impl AsyncRead for OriginIo {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(context, buffer))
    }
}

impl AsyncWrite for OriginIo {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(context))
    }
}
