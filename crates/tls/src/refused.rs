//! Handshakes that did not come to an end, and why.

use std::io;
use std::time::Duration;

use countersign_snapshot::{Peer, ServerName, Verdicts};
use countersign_trust::{PeerChain, Reason, Refusal, Verdict};

use crate::Alert;
use crate::handshake::{HandshakeRecord, Refused};

/// A refused handshake: one record for the log, complete.
#[derive(Debug, thiserror::Error)]
#[error("handshake refused: {}", reason.code())]
pub struct RefusedHandshake {
    /// The one reason.
    pub reason: Reason,
    /// The name that the client asked for, when it is one.
    pub server_name: Option<ServerName>,
    /// What the client was told, as far as that is known; `None` also when nothing could be said any more.
    pub alert: Option<Alert>,
    /// The evidence, when the trust decision refused.
    pub evidence: Option<Refusal>,
    /// The chain that the client showed.
    pub peer: Option<Box<PeerChain>>,
    /// What happened on the connection.
    #[source]
    pub fault: HandshakeFault,
}

/// What ended a handshake.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeFault {
    /// The client ended it with an alert: it does not believe us, or cannot do what we ask.
    #[error("the client sent the alert `{0}`")]
    AlertReceived(Alert),
    /// The ClientHello did not end within the limit.
    #[error("the ClientHello is larger than {limit} bytes")]
    ClientHelloTooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The connection broke.
    #[error("the connection broke")]
    Connection(#[source] io::Error),
    /// A bug of ours. The process's panic hook has its place.
    #[error("a panic ended it")]
    Panicked,
    /// Nothing but our decision.
    #[error("it was refused")]
    Refused,
    /// The deadline passed.
    #[error("it took longer than {} ms", limit.as_millis())]
    TimedOut {
        /// How long it could have taken.
        limit: Duration,
    },
    /// The client broke the protocol, or has nothing in common with the policy.
    #[error("TLS failed")]
    Tls(#[source] TlsError),
}

/// An error of the TLS engine, opaque.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TlsError(Box<rustls::Error>);

impl TlsError {
    pub(crate) fn new(error: rustls::Error) -> Self {
        Self(Box::new(error))
    }
}

impl HandshakeFault {
    pub(crate) fn tls(error: rustls::Error) -> Self {
        match Alert::received_in(&error) {
            Some(alert) => Self::AlertReceived(alert),
            None => Self::Tls(TlsError::new(error)),
        }
    }
}

impl RefusedHandshake {
    pub(crate) fn timed_out(limit: Duration) -> Self {
        Self {
            reason: Reason::HandshakeTimeout,
            ..Self::before_the_name(HandshakeFault::TimedOut { limit }, None)
        }
    }

    pub(crate) fn interrupted(error: io::Error) -> Self {
        Self::before_the_name(HandshakeFault::Connection(error), None)
    }

    pub(crate) fn before_the_name(fault: HandshakeFault, alert: Option<Alert>) -> Self {
        Self {
            reason: Reason::HandshakeFailed,
            server_name: None,
            alert,
            evidence: None,
            peer: None,
            fault,
        }
    }

    /// The engine or the connection failed, perhaps because our verifier said so.
    pub(crate) fn failed(
        error: io::Error,
        server_name: ServerName,
        mut record: Option<HandshakeRecord>,
    ) -> Self {
        let error = match error.downcast::<rustls::Error>() {
            Ok(error) => error,
            Err(error) => return Self::interrupted(error).of(server_name, record),
        };
        let alert = Alert::sent_for(&error);
        let refused = record.as_mut().and_then(|record| record.refused.take());
        let (reason, evidence, fault) = match refused {
            Some(Refused { reason, evidence }) => (reason, evidence, HandshakeFault::Refused),
            None if error == rustls::Error::NoCertificatesPresented => {
                (Reason::Missing, None, HandshakeFault::Refused)
            }
            None => (Reason::HandshakeFailed, None, HandshakeFault::tls(error)),
        };
        Self {
            reason,
            evidence,
            ..Self::before_the_name(fault, alert)
        }
        .of(server_name, record)
    }

    /// Adds what is known about the client.
    pub(crate) fn of(self, server_name: ServerName, record: Option<HandshakeRecord>) -> Self {
        Self {
            server_name: Some(server_name),
            peer: record.and_then(|record| record.peer).map(Box::new),
            ..self
        }
    }

    /// The session was resumed, and its client is not welcome any more. rustls sends no alert after the handshake; the connection closes, and
    /// the next attempt is a full handshake that ends in the right alert.
    pub(crate) fn after_the_handshake(
        server_name: ServerName,
        peer: &Peer,
        verdicts: &Verdicts,
    ) -> Self {
        let verdict = verdicts.overall();
        let evidence = match verdict {
            Verdict::Invalid(refusal) => Some(refusal.clone()),
            Verdict::Missing | Verdict::Valid(_) => None,
        };
        Self {
            reason: verdict.reason().unwrap_or(Reason::TrustUnavailable),
            server_name: Some(server_name),
            evidence,
            peer: peer.chain().cloned().map(Box::new),
            ..Self::before_the_name(HandshakeFault::Refused, None)
        }
    }
}
