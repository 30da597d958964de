//! What an endpoint needs besides the bindings: keys that depend on no name.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use countersign_snapshot::ServerName;
use quinn_proto::crypto::{
    HandshakeTokenKey, HmacKey, KeyPair, Keys, ServerConfig, Session, UnsupportedVersion,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectionId, Side};
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
    /// Makes stateless reset tokens (RFC 9000 §10.3). Every node has its own, since whoever can reach a node with the same key could have
    /// it end the connections of another (RFC 9000 §21.11).
    pub reset: Arc<dyn HmacKey>,
    /// Seals the tokens that prove addresses (RFC 9000 §8.1). The fleet shares it: a client may come back to another node.
    pub token: Arc<dyn HandshakeTokenKey>,
    /// Marks connection ids as ours, so that a restarted node resets its lost connections and nobody else's.
    pub connection_ids: u64,
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
        let token =
            Salt::new(HKDF_SHA256, b"countersign quic token v1").extract(&derive("token", "")?);
        Ok(Self {
            reset: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &derive("reset", node)?)),
            token: Arc::new(token),
            connection_ids: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            initial: TLS13_AES_128_GCM_SHA256
                .tls13()
                .and_then(|suite| suite.quic_suite())
                .ok_or(BuildTlsError::NothingToNegotiate)?,
        })
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

    /// The crypto configuration of the endpoint itself. It refuses every connection: each is accepted with a configuration of its own, or
    /// not at all.
    #[must_use]
    pub fn refuse_every_connection(&self) -> Arc<dyn ServerConfig> {
        Arc::new(OneConnection {
            initial: self.initial,
            lookup: Mutex::new(None),
            progress: Progress::default(),
        })
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
}
