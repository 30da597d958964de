//! Session tickets that every node of a fleet can read, each only for the policy it was made under.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use countersign_snapshot::{PolicyIdentity, SealingKey};
use countersign_trust::UnixTime;
use rustls::server::ProducesTickets;

use crate::BuildTlsError;
use crate::handshake::{Lineage, with_record};
use crate::session_scope::SessionScope;

mod lineage;

const FORMAT: u8 = 1;
const SALT_BYTES: usize = 16;
const EPOCH_BYTES: usize = 8;
const HEADER_BYTES: usize = 1 + EPOCH_BYTES + SALT_BYTES;
/// A ticket holds the client's whole chain. It comes back in a ClientHello, which must stay readable; a client with a chain that large does
/// full handshakes. (RFC 8446 §4.6.1 allows 2^16-1 bytes, and rustls does not check that.)
const TICKET_MAX_BYTES: usize = 16 * 1024;

/// The secret from which the ticket keys of a fleet are derived, and the salt of this process.
///
/// Nodes with the same secret resume each other's sessions. Keys change with every epoch of the ticket lifetime and with the policy
/// identity; the salt keeps the number of random nonces under one key far below the limit of AES-GCM (NIST SP 800-38D §8.3), however
/// many nodes there are.
///
/// # Security
/// Whoever has the secret can read the tickets of every epoch, and with them recorded TLS 1.2 sessions; TLS 1.3 resumption adds a fresh
/// key exchange. A fleet secret should change when a node is lost.
pub struct TicketSecret {
    keys: Prk,
    salt: [u8; SALT_BYTES],
}

impl TicketSecret {
    /// Derives the secret from the key that the fleet already shares.
    ///
    /// # Errors
    /// When the system's random number generator fails.
    pub fn from_sealing_key(key: &SealingKey) -> Result<Self, BuildTlsError> {
        Self::from_bytes(key.to_secret().expose())
    }

    /// Takes up a secret of 32 random bytes or more.
    ///
    /// # Errors
    /// When it is shorter, or the system's random number generator fails.
    pub fn from_bytes(secret: &[u8]) -> Result<Self, BuildTlsError> {
        if secret.len() < 32 {
            return Err(BuildTlsError::TicketSecretTooShort);
        }
        let mut salt = [0; SALT_BYTES];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| BuildTlsError::Random)?;
        let keys = Salt::new(HKDF_SHA256, b"countersign session tickets v1").extract(secret);
        Ok(Self { keys, salt })
    }

    /// Makes a random secret: sessions are resumed by this process only.
    ///
    /// # Errors
    /// When the system's random number generator fails.
    pub fn generate() -> Result<Self, BuildTlsError> {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| BuildTlsError::Random)?;
        Self::from_bytes(&secret)
    }

    /// Derives a secret for another purpose, the same in every process of the fleet. `info` must name the purpose.
    pub(crate) fn derive(&self, info: &[&[u8]]) -> Option<[u8; 32]> {
        let mut secret = [0; 32];
        self.keys
            .expand(info, HKDF_SHA256)
            .and_then(|material| material.fill(&mut secret))
            .ok()?;
        Some(secret)
    }

    fn key(&self, header: &[u8], scope: PolicyIdentity) -> Option<RandomizedNonceKey> {
        let info = [header, scope.as_bytes().as_slice()];
        let mut key = [0; 32];
        self.keys
            .expand(&info, HKDF_SHA256)
            .and_then(|material| material.fill(&mut key))
            .ok()?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).ok()
    }
}

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret([redacted])")
    }
}

/// Makes and reads the tickets of one policy identity.
///
/// A ticket of another identity has another key and does not open: a changed CA set, version, mode or revocation policy means a full
/// handshake (threats C1.1–C1.5).
#[derive(Debug)]
pub(crate) struct Ticketer {
    pub(crate) secret: Arc<TicketSecret>,
    pub(crate) scope: SessionScope,
    pub(crate) lifetime: Duration,
}

impl Ticketer {
    fn epoch(&self, now: UnixTime) -> i64 {
        let lifetime = i64::try_from(self.lifetime.as_secs())
            .unwrap_or(i64::MAX)
            .max(1);
        now.as_secs().div_euclid(lifetime)
    }

    fn header(&self, epoch: i64) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        let parts = [FORMAT]
            .into_iter()
            .chain(epoch.to_be_bytes())
            .chain(self.secret.salt);
        for (to, from) in header.iter_mut().zip(parts) {
            *to = from;
        }
        header
    }

    fn seal(&self, lineage: &Lineage, session: &[u8], now: UnixTime) -> Option<Vec<u8>> {
        let header = self.header(self.epoch(now));
        let mut body = lineage::encode(lineage);
        body.extend_from_slice(session);
        let nonce = self
            .secret
            .key(&header, self.scope.policy)?
            .seal_in_place_append_tag(Aad::from(header), &mut body)
            .ok()?;
        Some([&header, nonce.as_ref().as_slice(), &body].concat())
    }

    fn open(&self, ticket: &[u8], now: UnixTime) -> Option<(Lineage, Vec<u8>)> {
        if ticket.len() > TICKET_MAX_BYTES {
            return None;
        }
        let (header, rest) = ticket.split_first_chunk::<HEADER_BYTES>()?;
        let (format, rest_of_header) = header.split_first()?;
        let (epoch, _) = rest_of_header.split_first_chunk::<EPOCH_BYTES>()?;
        let epoch = i64::from_be_bytes(*epoch);
        // The neighbours too: a ticket may cross an epoch's end, and the nodes' clocks may differ.
        if *format != FORMAT || epoch.abs_diff(self.epoch(now)) > 1 {
            return None;
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut body = sealed.to_vec();
        let length = self
            .secret
            .key(header, self.scope.policy)?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(*header),
                &mut body,
            )
            .ok()?
            .len();
        body.truncate(length);
        lineage::decode(&body).map(|(lineage, session)| (lineage, session.to_vec()))
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        let now = self.scope.clock.now();
        with_record(|record| record.lineage.expires_at.saturating_since(now))
            .and_then(|left| u32::try_from(left.as_secs()).ok())
            .unwrap_or(0)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let now = self.scope.clock.now();
        let lineage = self.scope.lineage_to_store(now)?;
        self.seal(&lineage, plain, now)
            .filter(|ticket| ticket.len() <= TICKET_MAX_BYTES)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let now = self.scope.clock.now();
        let (lineage, session) = self.open(cipher, now)?;
        self.scope.admit(lineage, now)?;
        Some(session)
    }
}

#[cfg(test)]
mod tests;
