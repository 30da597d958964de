//! OCSP (RFC 6960): requests to send and responses to believe. Fetching is somebody else's work.
//!
//! ```
//! use countersign_trust::{Certificate, Sha1Signatures, UnixTime, ocsp};
//!
//! fn judge(response: &[u8], certificate: &Certificate, issuer: &Certificate, now: UnixTime) -> Option<ocsp::OcspAnswer> {
//!     let question = ocsp::Question { certificate, issuer, nonce: None };
//!     // `question.to_der(CertIdHash::Sha1)` was sent to one of `certificate.ocsp_uris()`.
//!     ocsp::verify(response, &question, ocsp::NoncePolicy::Ignore, Sha1Signatures::Refuse, now).ok()
//! }
//! ```

use aws_lc_rs::digest::{self, digest};
use thiserror::Error;

mod answer;
mod request;
mod response;

pub use answer::{CertificateState, OcspAnswer, verify};

use crate::oid::known;
use crate::signature::SignatureError;
use crate::{Certificate, ObjectIdentifier};

/// Which certificate is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// The certificate of the CA that issued it.
    pub issuer: &'a Certificate,
    /// What the responder is asked to repeat, 32 octets (RFC 8954); most public responders do not.
    pub nonce: Option<&'a [u8]>,
}

/// The hash by which a request names the certificate.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum CertIdHash {
    /// What every responder understands (RFC 5019 §2.1.1); it is a name here, not a proof.
    #[default]
    Sha1,
    /// What responders understand that RFC 6960 is enough for.
    Sha256,
}

/// What is done about the nonce.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum NoncePolicy {
    /// It is not looked at.
    Ignore,
    /// A wrong one is refused, a missing one is not.
    #[default]
    Prefer,
    /// The response must repeat it, so that it cannot be an old one.
    Require,
}

/// The response is not an answer to the question.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum VerifyOcspError {
    /// It does not say anything about the certificate.
    #[error("the response is about other certificates")]
    AnotherCertificate,
    /// It is from a time that has not come.
    #[error("the response is from the future")]
    Future,
    /// It is not DER where this part should be.
    #[error("not an OCSP response: cannot read its {part}")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// The nonce is missing.
    #[error("the response does not repeat the nonce")]
    NonceMissing,
    /// The nonce is another one: the response is an answer to another request, perhaps an old one.
    #[error("the response repeats another nonce")]
    NonceMismatch,
    /// Its time is over.
    #[error("the response is too old")]
    Old,
    /// Its signature does not fit the responder's key.
    #[error("the signature of the response cannot be verified")]
    Signature(#[source] SignatureError),
    /// It is larger than is accepted.
    #[error("the response of {octets} octets is too large")]
    TooLarge {
        /// Its size.
        octets: usize,
    },
    /// Who signed it may not speak for the CA: it is neither the CA itself nor a certificate that the same key issued for OCSP signing.
    #[error("the responder may not speak for this CA: {why}")]
    Unauthorized {
        /// Why not.
        why: &'static str,
    },
    /// It has a critical extension that is not understood.
    #[error("the critical extension {extension} is not understood")]
    UnknownCriticalExtension {
        /// Which.
        extension: ObjectIdentifier,
    },
    /// The responder says that it has no answer.
    #[error("the responder answers `{status}`")]
    Unsuccessful {
        /// The name that RFC 6960 §4.2.1 gives it.
        status: &'static str,
    },
    /// It is signed with SHA-1, which is not allowed.
    #[error("the response is signed with SHA-1")]
    WeakSignature,
}

/// The name hash and the key hash that requests and responses name an issuer by (RFC 6960 §4.1.1).
fn issuer_hashes(hash: CertIdHash, name: &[u8], key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let algorithm = match hash {
        CertIdHash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        CertIdHash::Sha256 => &digest::SHA256,
    };
    (
        digest(algorithm, name).as_ref().to_vec(),
        digest(algorithm, key).as_ref().to_vec(),
    )
}

impl CertIdHash {
    fn identifier(self) -> &'static [u8] {
        match self {
            Self::Sha1 => known::SHA1,
            Self::Sha256 => known::SHA256,
        }
    }

    fn of_identifier(oid: &[u8]) -> Option<Self> {
        match oid {
            known::SHA1 => Some(Self::Sha1),
            known::SHA256 => Some(Self::Sha256),
            _ => None,
        }
    }
}
