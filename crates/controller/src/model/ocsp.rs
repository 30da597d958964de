//! What OCSP responders say about certificates.

use std::time::Duration;

use countersign_snapshot::{BodyDigest, CaSetId};
use countersign_trust::{Certificate, UnixTime};

use super::CrlState;

/// A certificate that somebody asked about, with the last good answer.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedCertificate {
    /// Its number, across CA sets.
    pub id: i64,
    /// The CA set whose client it is; none for a certificate that the edge presents itself.
    pub ca_set: Option<CaSetId>,
    /// The certificate.
    pub certificate: Certificate,
    /// The certificate of the CA that issued it.
    pub issuer: Certificate,
    /// When it was first asked about.
    pub created_at: UnixTime,
    /// When a node last wanted to know.
    pub wanted_at: UnixTime,
    /// The last good answer.
    pub answer: Option<HeldAnswer>,
    /// Who was asked last.
    pub responder: Option<String>,
    /// When that was.
    pub checked_at: Option<UnixTime>,
    /// When it is asked about next.
    pub check_at: UnixTime,
    /// How often there was no answer since there last was one.
    pub failures: u32,
    /// Why there was none.
    pub error: Option<String>,
}

/// An answer that was believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeldAnswer {
    /// The response, DER.
    pub response: Vec<u8>,
    /// Its address, when nodes are told of it in the revocation manifest.
    pub digest: Option<BodyDigest>,
    /// What it says.
    pub says: Says,
    /// As of when.
    pub this_update: UnixTime,
    /// By when newer is promised.
    pub next_update: UnixTime,
    /// When it came.
    pub received_at: UnixTime,
}

/// What a responder says about a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Says {
    /// It is not revoked.
    Good,
    /// It is revoked, since then.
    Revoked(UnixTime),
    /// The responder does not know it.
    Unknown,
}

impl Says {
    /// The text of the value, in the store and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked(_) => "revoked",
            Self::Unknown => "unknown",
        }
    }
}

impl AskedCertificate {
    /// How well the answer serves at a time, with this grace: as for a CRL.
    #[must_use]
    pub fn state(&self, now: UnixTime, grace: Duration) -> CrlState {
        self.answer.as_ref().map_or(CrlState::Missing, |answer| {
            CrlState::of(answer.this_update, Some(answer.next_update), now, grace)
        })
    }
}
