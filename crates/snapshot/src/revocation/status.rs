//! Asking for the status of a certificate that a node has never seen before.

use std::fmt;
use std::pin::Pin;

use countersign_trust::{Certificate, Sha1Signatures, UnixTime};

use crate::CaSetId;

/// Somebody who can find out about certificates: for an edge node, the controller. A node without one goes on with what it has.
pub trait StatusSource: fmt::Debug + Send + Sync {
    /// Finds out. It may take as long as the slowest responder; whoever cannot wait drops the future, and what is under way goes on, for the
    /// next one who asks.
    fn ask(&self, question: StatusQuestion) -> AskedStatus<'_>;
}

/// A status that was asked for.
pub type AskedStatus<'a> = Pin<Box<dyn Future<Output = StatusAnswer> + Send + 'a>>;

/// Which certificate is asked about. Asked only when its path was verified: what it says about where to ask is then its CA's word (threats C3.5).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusQuestion {
    /// The CA set whose client it is: its settings say who may be asked.
    pub ca_set: CaSetId,
    /// The certificate.
    pub certificate: Certificate,
    /// The certificate of the CA that issued it.
    pub issuer: Certificate,
}

/// What was found out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusAnswer {
    /// The answer of an OCSP responder, for whoever asks to verify for himself. What came as a CRL instead is in the revocation manifest by now.
    pub ocsp: Option<OcspResponse>,
    /// From when it makes sense to ask again.
    pub again_at: UnixTime,
}

/// An OCSP response that was fetched and believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OcspResponse {
    /// DER.
    pub body: Vec<u8>,
    /// When that was.
    pub received: UnixTime,
    /// Whether it may be signed with SHA-1.
    pub sha1: Sha1Signatures,
}
