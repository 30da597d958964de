//! Handshakes over QUIC (RFC 9001), with the binding of the name that the client asks for.
//!
//! quinn starts a session before it has seen a name, and has one configuration per endpoint. [`QuicEndpoint::begin`] makes the configuration
//! of one connection: its session keeps the ClientHello until it is whole, however it was cut into frames and packets (threat C2.4), asks the same
//! lookup as [`accept`](crate::accept) what the name is bound to, and goes on with that binding. There is no configuration to fall back
//! to (threats C2.2, C2.3).

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_snapshot::{Peer, ServerName, Verdicts};
use countersign_trust::{PeerChain, Reason};
use quinn_proto::{ConnectionError, TransportErrorCode};

use crate::refused::HandshakeFault;
use crate::{Alert, BindingTls, Lookup, RefusedHandshake, TlsFacts};

mod client_hello;
mod endpoint;
mod session;

pub use endpoint::QuicEndpoint;

/// The codes of TLS alerts in CONNECTION_CLOSE (RFC 9001 §4.8).
const CRYPTO_ERROR: std::ops::RangeInclusive<u64> = 0x100..=0x1ff;

/// What a server name is looked up with.
type LookUp = Box<dyn FnOnce(Option<ServerName>) -> Lookup + Send + Sync>;

/// The handshake of one QUIC connection. Made by [`QuicEndpoint::begin`].
#[derive(Debug)]
pub struct QuicHandshake {
    progress: Progress,
}

/// A finished handshake over QUIC.
#[derive(Debug)]
pub struct AcceptedQuic {
    /// The name that the client asked for.
    pub server_name: ServerName,
    /// The binding that it was answered with.
    pub binding: Arc<BindingTls>,
    /// What the client showed, now or in the handshake that this session resumes.
    pub peer: Peer,
    /// What the binding's CA sets say about it, as of the end of the handshake.
    pub verdicts: Verdicts,
    /// What was negotiated.
    pub facts: TlsFacts,
}

impl QuicHandshake {
    /// The result, once the connection is established.
    ///
    /// # Errors
    /// A refusal; the connection must then be closed.
    pub fn accepted(self) -> Result<AcceptedQuic, RefusedHandshake> {
        match self.progress.lock().end.take() {
            Some(End::Accepted(accepted)) => Ok(*accepted),
            Some(End::Refused(refused)) => Err(*refused),
            // Established without our session: that cannot be, and nothing is concluded from it.
            None => Err(RefusedHandshake::interrupted(
                io::ErrorKind::InvalidData.into(),
            )),
        }
    }

    /// The refusal, when the connection ended before it was established.
    #[must_use]
    pub fn failed(self, error: &ConnectionError) -> RefusedHandshake {
        let mut progress = self.progress.lock();
        if let Some(End::Refused(refused)) = progress.end.take() {
            return *refused;
        }
        let fault = match error {
            ConnectionError::ConnectionClosed(close) => match alert_in(close.error_code) {
                Some(alert) => HandshakeFault::AlertReceived(alert),
                None => HandshakeFault::Connection(io::Error::other(error.clone())),
            },
            _ => HandshakeFault::Connection(io::Error::other(error.clone())),
        };
        progress.refusal(RefusedHandshake {
            reason: match error {
                ConnectionError::TimedOut => Reason::HandshakeTimeout,
                _ => Reason::HandshakeFailed,
            },
            ..RefusedHandshake::before_the_name(fault, None)
        })
    }

    /// The refusal, when the connection was not established within `limit`.
    #[must_use]
    pub fn timed_out(self, limit: Duration) -> RefusedHandshake {
        let mut progress = self.progress.lock();
        match progress.end.take() {
            Some(End::Refused(refused)) => *refused,
            _ => progress.refusal(RefusedHandshake::timed_out(limit)),
        }
    }
}

fn alert_in(code: TransportErrorCode) -> Option<Alert> {
    let code = u64::from(code);
    let alert = CRYPTO_ERROR.contains(&code).then_some(code & 0xff)?;
    u8::try_from(alert).ok().map(Alert::from_code)
}

/// How far a handshake is; shared between the session, which quinn owns, and the [`QuicHandshake`].
#[derive(Clone, Debug, Default)]
struct Progress(Arc<Mutex<Reached>>);

#[derive(Debug, Default)]
struct Reached {
    server_name: Option<ServerName>,
    peer: Option<Box<PeerChain>>,
    end: Option<End>,
}

enum End {
    Accepted(Box<AcceptedQuic>),
    Refused(Box<RefusedHandshake>),
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Reached> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reached {
    /// Adds what is known about the client.
    fn refusal(&mut self, refused: RefusedHandshake) -> RefusedHandshake {
        RefusedHandshake {
            server_name: self.server_name.take(),
            peer: self.peer.take(),
            ..refused
        }
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted(_) => "Accepted",
            Self::Refused(_) => "Refused",
        })
    }
}
