//! What is known about revoked certificates, on its way from the controller to edge nodes.
//!
//! It changes at other times than the configuration and can be much larger, so it is no part of a [`Snapshot`](crate::Snapshot): a small
//! signed [`RevocationManifest`] names *bodies* (CRLs, OCSP responses) by their SHA-256, and a node fetches only those that it does not
//! have. Revocations by hand are in the manifest itself.

use std::fmt;
use std::io;

use aws_lc_rs::digest::{SHA256, digest};
use countersign_trust::{ManualRevocation, Owner, Sha1Signatures, UnixTime};

mod load;
mod signed;
mod status;
mod wire;

pub use load::{LoadRevocationsError, LoadedRevocations};
pub use signed::{RevocationDigest, SignedRevocations, VerifyRevocationsError};
pub use status::{AskedStatus, OcspResponse, StatusAnswer, StatusQuestion, StatusSource};
pub use wire::DecodeRevocationsError;

use crate::{AcknowledgementOutcome, Network, NodeId, RevocationSequence};

/// Everything that is known about revoked certificates, for every network: a certificate is not revoked on one of them only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RevocationManifest {
    /// Its place in the order of manifests; a node never goes back.
    pub sequence: RevocationSequence,
    /// When it was put together.
    pub created: UnixTime,
    /// Revocations by hand.
    pub manual: Vec<OwnedRevocation>,
    /// CRLs.
    pub crls: Vec<CrlReference>,
    /// Answers of OCSP responders.
    pub answers: Vec<OcspReference>,
    /// Certificates, DER, that may lead from a CRL's signer to a trust anchor.
    pub certificates: Vec<Vec<u8>>,
}

/// A revocation by hand, with whose it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OwnedRevocation {
    /// The owner of the CA sets for whose clients it counts; everybody's when that is not known, as in manifests of earlier releases.
    pub owner: Option<Owner>,
    /// Which certificates.
    pub what: ManualRevocation,
}

/// A CRL that was loaded with success, by the address of its bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CrlReference {
    /// Which bytes.
    pub body: BodyDigest,
    /// The certificate, DER, whose key signed it.
    pub signer: Vec<u8>,
    /// Whether it may be signed with SHA-1.
    pub sha1: Sha1Signatures,
}

/// An answer of an OCSP responder, by the address of the response's bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OcspReference {
    /// Which bytes.
    pub body: BodyDigest,
    /// The certificate that it is about, DER.
    pub certificate: Vec<u8>,
    /// The certificate of the CA that issued it, DER.
    pub issuer: Vec<u8>,
    /// When it was fetched and believed.
    pub received: UnixTime,
    /// Whether it may be signed with SHA-1.
    pub sha1: Sha1Signatures,
}

/// SHA-256 of a body: its address.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    /// The address of these bytes.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, body).as_ref());
        Self(bytes)
    }

    /// Takes up a stored digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyDigest({self})")
    }
}

/// Where the bodies of a manifest can be read. Called on threads that may block, and only for bodies that a node lacks.
pub trait RevocationBodies: fmt::Debug + Send + Sync {
    /// Reads one body. Whoever asks compares its digest.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn read(&self, body: &BodyDigest) -> io::Result<Vec<u8>>;
}

/// An edge node's answer to one manifest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RevocationAcknowledgement {
    /// Who answers.
    pub node: NodeId,
    /// The network that it enforces.
    pub network: Network,
    /// The digest that was offered.
    pub digest: RevocationDigest,
    /// What came of it.
    pub outcome: AcknowledgementOutcome,
}
