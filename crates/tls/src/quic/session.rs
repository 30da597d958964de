//! The TLS session of one connection.

use std::any::Any;
use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use countersign_snapshot::ServerName;
use quinn_proto::crypto::{
    ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, Session,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectionId, Side, TransportError, TransportErrorCode};
use rustls::quic::{KeyChange, Secrets, ServerConnection, Suite, Version};

use super::client_hello::Collected;
use super::endpoint::initial_keys;
use super::{AcceptedQuic, End, LookUp, Progress};
use crate::accept::{choose, judge};
use crate::alert::certificate_error;
use crate::handshake::{HandshakeRecord, RECORD};
use crate::refused::{HandshakeFault, RefusedHandshake};
use crate::{Alert, BindingTls};

/// Waits for the whole ClientHello, then is the session of the binding that it asks for.
pub(super) struct QuicSession {
    initial: Suite,
    stage: Stage,
    progress: Progress,
    next_secrets: Option<Secrets>,
}

enum Stage {
    Hello {
        collected: Collected,
        lookup: LookUp,
        /// Ours, encoded.
        parameters: Vec<u8>,
    },
    Running(Box<Running>),
    Over,
}

/// The session of a binding.
struct Running {
    connection: ServerConnection,
    server_name: ServerName,
    binding: Arc<BindingTls>,
    record: HandshakeRecord,
    judged: bool,
}

impl QuicSession {
    pub(super) fn new(
        initial: Suite,
        lookup: Option<LookUp>,
        parameters: &TransportParameters,
        progress: Progress,
    ) -> Self {
        let mut encoded = Vec::new();
        parameters.write(&mut encoded);
        let stage = match lookup {
            Some(lookup) => Stage::Hello {
                collected: Collected::default(),
                lookup,
                parameters: encoded,
            },
            None => Stage::Over,
        };
        Self {
            initial,
            stage,
            progress,
            next_secrets: None,
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), RefusedHandshake> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => Err(RefusedHandshake::before_the_name(
                HandshakeFault::Refused,
                Some(Alert::UNRECOGNISED_NAME),
            )),
            Stage::Hello {
                mut collected,
                lookup,
                parameters,
            } => {
                let Some(hello) = collected.add(bytes)? else {
                    self.stage = Stage::Hello {
                        collected,
                        lookup,
                        parameters,
                    };
                    return Ok(());
                };
                let (server_name, binding) = choose(&hello, lookup)?;
                self.progress.lock().server_name = Some(server_name.clone());
                let config = binding.quic_config_for(&hello.client_hello());
                let running = Running::start(server_name, binding, config, parameters)?;
                self.run(Box::new(running), &collected.into_bytes())
            }
            Stage::Running(running) => self.run(running, bytes),
        }
    }

    fn run(&mut self, mut running: Box<Running>, bytes: &[u8]) -> Result<(), RefusedHandshake> {
        let read = running.read(bytes);
        self.progress.lock().peer = running.record.peer.clone().map(Box::new);
        read?;
        if let Some(accepted) = running.judge()? {
            self.progress.lock().end = Some(End::Accepted(Box::new(accepted)));
        }
        self.stage = Stage::Running(running);
        Ok(())
    }

    /// What of the handshake is done while quinn holds its locks. A panic may not come through to there: it would poison them, and the end of
    /// that is the end of the process (threat C5.4).
    fn contained<R>(&mut self, act: impl FnOnce(&mut Self) -> R) -> Result<R, RefusedHandshake> {
        catch_unwind(AssertUnwindSafe(|| act(self))).map_err(|_| {
            self.stage = Stage::Over;
            RefusedHandshake::before_the_name(HandshakeFault::Panicked, Some(Alert::INTERNAL_ERROR))
        })
    }

    fn write(&mut self, buffer: &mut Vec<u8>) -> Option<Keys> {
        let Stage::Running(running) = &mut self.stage else {
            return None;
        };
        let keys = match running.recorded(|connection| connection.write_hs(buffer))? {
            KeyChange::Handshake { keys } => keys,
            KeyChange::OneRtt { keys, next } => {
                self.next_secrets = Some(next);
                keys
            }
        };
        Some(super::endpoint::boxed(keys))
    }

    fn refused(&self, refused: RefusedHandshake) {
        self.progress.lock().end = Some(End::Refused(Box::new(refused)));
    }

    fn connection(&self) -> Option<&ServerConnection> {
        match &self.stage {
            Stage::Running(running) => Some(&running.connection),
            Stage::Hello { .. } | Stage::Over => None,
        }
    }
}

impl Running {
    fn start(
        server_name: ServerName,
        binding: Arc<BindingTls>,
        config: Option<Arc<rustls::ServerConfig>>,
        parameters: Vec<u8>,
    ) -> Result<Self, RefusedHandshake> {
        let refused = |alert, error| RefusedHandshake {
            server_name: Some(server_name.clone()),
            ..RefusedHandshake::before_the_name(HandshakeFault::tls(error), Some(alert))
        };
        let config = config.ok_or_else(|| {
            refused(
                Alert::NO_APPLICATION_PROTOCOL,
                rustls::Error::NoApplicationProtocol,
            )
        })?;
        let connection = ServerConnection::new(config, Version::V1, parameters)
            .map_err(|error| refused(Alert::INTERNAL_ERROR, error))?;
        let context = binding.context();
        let record = HandshakeRecord::new(context.new_lineage(context.clock.now())).into_inner();
        Ok(Self {
            connection,
            server_name,
            binding,
            record,
            judged: false,
        })
    }

    /// Verifiers, tickets and session stores learn from the record which handshake they work for.
    fn recorded<R>(&mut self, act: impl FnOnce(&mut ServerConnection) -> R) -> R {
        let lineage = self.record.lineage;
        let mut blank = HandshakeRecord::new(lineage).into_inner();
        std::mem::swap(&mut blank, &mut self.record);
        let connection = &mut self.connection;
        let (result, record) = RECORD.sync_scope(RefCell::new(blank), || {
            let result = act(connection);
            let record =
                RECORD.with(|record| record.replace(HandshakeRecord::new(lineage).into_inner()));
            (result, record)
        });
        self.record = record;
        result
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), RefusedHandshake> {
        self.recorded(|connection| connection.read_hs(bytes))
            .map_err(|error| {
                let record = HandshakeRecord {
                    peer: self.record.peer.clone(),
                    refused: self.record.refused.take(),
                    lineage: self.record.lineage,
                    presented: None,
                };
                let refused = RefusedHandshake::failed(
                    io::Error::new(io::ErrorKind::InvalidData, error),
                    self.server_name.clone(),
                    Some(record),
                );
                let alert = self
                    .connection
                    .alert()
                    .map(|alert| Alert::from_code(alert.into()));
                RefusedHandshake {
                    alert: alert.or(refused.alert),
                    ..refused
                }
            })
    }

    /// At the end of the handshake, once: the trust decision, the same as over TCP (invariant I2).
    fn judge(&mut self) -> Result<Option<AcceptedQuic>, RefusedHandshake> {
        if self.judged || self.connection.is_handshaking() {
            return Ok(None);
        }
        self.judged = true;
        let shown = self.record.peer.clone();
        match judge(&self.server_name, &self.binding, shown, &self.connection) {
            Ok(judged) => Ok(Some(AcceptedQuic {
                server_name: self.server_name.clone(),
                binding: Arc::clone(&self.binding),
                peer: judged.peer,
                verdicts: judged.verdicts,
                facts: judged.facts,
            })),
            // Over QUIC an alert can still be sent.
            Err(refused) => Err(RefusedHandshake {
                alert: Some(Alert::about_a_certificate(certificate_error(
                    refused.reason,
                ))),
                ..refused
            }),
        }
    }
}

impl Session for QuicSession {
    fn initial_keys(&self, id: &ConnectionId, side: Side) -> Keys {
        initial_keys(&self.initial, id, side)
    }

    /// Nothing: what the handshake found is in the [`QuicHandshake`](super::QuicHandshake).
    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        None
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        None
    }

    /// Threat C5.6: there are never any keys for early data.
    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        None
    }

    fn early_data_accepted(&self) -> Option<bool> {
        None
    }

    fn is_handshaking(&self) -> bool {
        self.connection()
            .is_none_or(|connection| connection.is_handshaking())
    }

    fn read_handshake(&mut self, bytes: &[u8]) -> Result<bool, TransportError> {
        let read = self.contained(|session| session.read(bytes));
        read.flatten().map_err(|refused| {
            let error = transport_error(&refused);
            self.refused(refused);
            error
        })?;
        Ok(false)
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let Some(encoded) = self
            .connection()
            .and_then(|connection| connection.quic_transport_parameters())
        else {
            return Ok(None);
        };
        let parameters = TransportParameters::read(Side::Server, &mut io::Cursor::new(encoded))?;
        Ok(Some(parameters))
    }

    fn write_handshake(&mut self, buffer: &mut Vec<u8>) -> Option<Keys> {
        match self.contained(|session| session.write(buffer)) {
            Ok(keys) => keys,
            Err(refused) => {
                // Nothing more is said, and the deadline of the handshake ends the connection.
                self.refused(refused);
                None
            }
        }
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        let keys = self.next_secrets.as_mut()?.next_packet_keys();
        Some(KeyPair {
            local: Box::new(keys.local),
            remote: Box::new(keys.remote),
        })
    }

    /// Servers send Retry packets and get none.
    fn is_valid_retry(&self, _: &ConnectionId, _: &[u8], _: &[u8]) -> bool {
        false
    }

    /// HTTP/3 exports none.
    fn export_keying_material(
        &self,
        _: &mut [u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        Err(ExportKeyingMaterialError)
    }
}

/// RFC 9001 §4.8: an alert becomes a connection error. The reason phrase says no more than the alert.
fn transport_error(refused: &RefusedHandshake) -> TransportError {
    match refused.alert {
        Some(alert) => TransportError {
            code: TransportErrorCode::crypto(alert.code()),
            frame: None,
            reason: alert.name().to_owned(),
        },
        None => TransportErrorCode::PROTOCOL_VIOLATION.into(),
    }
}
