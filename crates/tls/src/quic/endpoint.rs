//! What an endpoint needs besides the bindings: keys that depend on no name.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use countersign_snapshot::ServerName;
use countersign_trust::Clock;
use quinn_proto::crypto::{
    HandshakeTokenKey, HmacKey, KeyPair, Keys, ServerConfig, Session, UnsupportedVersion,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectionId, EndpointConfig, HashedConnectionIdGenerator, Side, TimeSource};
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{Suite, Version};

use super::session::QuicSession;
use super::{LookUp, Progress, QuicHandshake};
use crate::{BuildTlsError, Lookup, TlsContext};

/// RFC 9000.
const QUIC_V1: u32 = 1;
/// RFC 9001 §5.8, both.
const RETRY_KEY: [u8; 16] = [
    0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e,
];
const RETRY_NONCE: [u8; 12] = [
    0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
];

/// The cryptography of an endpoint, the same after a restart of the node.
pub struct QuicEndpoint {
    reset: Arc<dyn HmacKey>,
    token: Arc<dyn HandshakeTokenKey>,
    connection_ids: u64,
    clock: Arc<dyn Clock>,
    initial: Suite,
}

impl QuicEndpoint {
    /// Derives the keys of a node from the fleet's secret.
    ///
    /// # Errors
    /// When the cryptography fails.
    pub fn new(context: &TlsContext, node: &str) -> Result<Self, BuildTlsError> {
        let derive = |purpose: &str, node: &str| {
            context
                .ticket_secret()
                .derive(&[b"quic ", purpose.as_bytes(), b" ", node.as_bytes()])
                .ok_or(BuildTlsError::Random)
        };
        let [a, b, c, d, e, f, g, h, ..] = derive("connection ids", node)?;
        // The fleet shares the key of tokens: a client may come back to another node.
        let token =
            Salt::new(HKDF_SHA256, b"countersign quic token v1").extract(&derive("token", "")?);
        Ok(Self {
            reset: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &derive("reset", node)?)),
            token: Arc::new(token),
            connection_ids: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            clock: Arc::clone(context.clock()),
            initial: TLS13_AES_128_GCM_SHA256
                .tls13()
                .and_then(|suite| suite.quic_suite())
                .ok_or(BuildTlsError::NothingToNegotiate)?,
        })
    }

    /// The configuration of the endpoint.
    ///
    /// A restarted node resets the connections that it lost (RFC 9000 §10.3), since it knows their ids and makes the same tokens. No other
    /// node of the fleet makes them: whoever could reach it would have it end the connections of this one (RFC 9000 §21.11).
    #[must_use]
    pub fn endpoint_config(&self) -> EndpointConfig {
        let ids = self.connection_ids;
        let mut config = EndpointConfig::new(Arc::clone(&self.reset));
        config
            .supported_versions(vec![QUIC_V1])
            .cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids)));
        config
    }

    /// The configuration of connections, which refuses each: one is accepted with the crypto configuration of its own
    /// [`begin`](Self::begin), or not at all.
    #[must_use]
    pub fn server_config(&self) -> quinn_proto::ServerConfig {
        let nobody = OneConnection {
            initial: self.initial,
            lookup: Mutex::new(None),
            progress: Progress::default(),
        };
        let mut config = quinn_proto::ServerConfig::new(Arc::new(nobody), Arc::clone(&self.token));
        config.time_source(Arc::new(NodeTime(Arc::clone(&self.clock))));
        config
    }

    /// Begins a handshake: the crypto configuration to accept one connection with, and what becomes of it.
    ///
    /// `lookup` is asked once, as by [`accept`](crate::accept): without a name, or with one that it refuses, the connection is closed with
    /// the alert `unrecognized_name`.
    #[must_use]
    pub fn begin(
        &self,
        lookup: impl FnOnce(Option<ServerName>) -> Lookup + Send + Sync + 'static,
    ) -> (Arc<dyn ServerConfig>, QuicHandshake) {
        let progress = Progress::default();
        let config = OneConnection {
            initial: self.initial,
            lookup: Mutex::new(Some(Box::new(lookup))),
            progress: progress.clone(),
        };
        (Arc::new(config), QuicHandshake { progress })
    }
}

/// The node's clock, for the ages of tokens.
struct NodeTime(Arc<dyn Clock>);

impl TimeSource for NodeTime {
    fn now(&self) -> SystemTime {
        // quinn asks while it holds its locks, which a panic would poison. Tokens of that moment are worth nothing later.
        let now = catch_unwind(AssertUnwindSafe(|| self.0.now().as_micros())).unwrap_or_default();
        let micros = u64::try_from(now).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
    }
}

impl fmt::Debug for QuicEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QuicEndpoint([redacted])")
    }
}

/// The crypto configuration of one connection.
struct OneConnection {
    initial: Suite,
    lookup: Mutex<Option<LookUp>>,
    progress: Progress,
}

impl ServerConfig for OneConnection {
    fn initial_keys(&self, version: u32, id: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        match version {
            QUIC_V1 => Ok(initial_keys(&self.initial, id, Side::Server)),
            _ => Err(UnsupportedVersion),
        }
    }

    fn retry_tag(&self, _: u32, original: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        // A tag that is not the right one makes the client drop the packet, which is the best that can be done then.
        retry_tag(original, packet).unwrap_or_default()
    }

    fn start_session(
        self: Arc<Self>,
        _: u32,
        parameters: &TransportParameters,
    ) -> Box<dyn Session> {
        let lookup = self
            .lookup
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        Box::new(QuicSession::new(
            self.initial,
            lookup,
            parameters,
            self.progress.clone(),
        ))
    }
}

/// RFC 9001 §5.8: the tag over the Retry Pseudo-Packet.
fn retry_tag(original: &[u8], packet: &[u8]) -> Option<[u8; 16]> {
    let length = u8::try_from(original.len()).ok()?;
    let pseudo_packet = [&[length], original, packet].concat();
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &RETRY_KEY).ok()?);
    let nonce = Nonce::assume_unique_for_key(RETRY_NONCE);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(pseudo_packet), &mut [])
        .ok()?;
    tag.as_ref().try_into().ok()
}

/// RFC 9001 §5.2: the keys of Initial packets depend on the client's first connection id alone.
pub(super) fn initial_keys(suite: &Suite, id: &ConnectionId, side: Side) -> Keys {
    let side = match side {
        Side::Client => rustls::Side::Client,
        Side::Server => rustls::Side::Server,
    };
    boxed(suite.keys(id, side, Version::V1))
}

pub(super) fn boxed(keys: rustls::quic::Keys) -> Keys {
    Keys {
        header: KeyPair {
            local: Box::new(keys.local.header),
            remote: Box::new(keys.remote.header),
        },
        packet: KeyPair {
            local: Box::new(keys.local.packet),
            remote: Box::new(keys.remote.packet),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9001 appendix A.4.
    #[test]
    fn the_retry_tag_is_that_of_the_standard() {
        let original = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
        let packet = [
            0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x08, 0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62,
            0xb5, 0x74, 0x6f, 0x6b, 0x65, 0x6e,
        ];
        let tag = [
            0x04, 0xa2, 0x65, 0xba, 0x2e, 0xff, 0x4d, 0x82, 0x90, 0x58, 0xfb, 0x3f, 0x0f, 0x24,
            0x96, 0xba,
        ];
        assert_eq!(retry_tag(&original, &packet), Some(tag));
    }

    /// A restarted node can still reset the connections that it lost, and no other node can reset them.
    #[test]
    fn endpoint_keys_are_those_of_the_node() {
        #[derive(Debug)]
        struct Still;
        impl Clock for Still {
            fn now(&self) -> countersign_trust::UnixTime {
                countersign_trust::UnixTime::from_secs(0)
            }
        }
        let keys = |secret: u8, node: &str| {
            let tickets = crate::TicketSecret::from_bytes(&[secret; 32]).unwrap();
            let context = TlsContext::new(Arc::new(Still), tickets, crate::MemoryLimits::default());
            let endpoint = QuicEndpoint::new(&context, node).unwrap();
            let mut token = [0; 32];
            endpoint.reset.sign(b"connection id", &mut token);
            (token, endpoint.connection_ids)
        };
        let here = keys(7, "node-1");
        assert_eq!(here, keys(7, "node-1"));
        for other in [keys(7, "node-2"), keys(8, "node-1")] {
            assert_ne!(here.0, other.0);
            assert_ne!(here.1, other.1);
        }
    }
}
