//! Believing responses (RFC 6960 §3.2).

use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::response::{self, Responder, Response, SingleAnswer};
use super::{NoncePolicy, Question, VerifyOcspError, issuer_hashes};
use crate::revocation::{CLOCK_SKEW, RevocationReason};
use crate::signature;
use crate::{Certificate, Fingerprint, SerialNumber, Sha1Signatures, UnixTime};

/// What a responder that may say so says about a certificate. Made only by [`verify`].
#[derive(Clone, Debug)]
pub struct OcspAnswer {
    issuer_key: Fingerprint,
    serial: SerialNumber,
    state: CertificateState,
    this_update: UnixTime,
    next_update: UnixTime,
    delegate: Option<Certificate>,
    is_signed_with_sha1: bool,
}

/// The state of a certificate (RFC 6960 §2.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertificateState {
    /// It is not revoked.
    Good,
    /// It is revoked.
    Revoked {
        /// Since when.
        at: UnixTime,
        /// Why.
        reason: RevocationReason,
    },
    /// The responder does not know it.
    Unknown,
}

impl OcspAnswer {
    /// The key of the certificate's issuer.
    #[must_use]
    pub fn issuer_key(&self) -> Fingerprint {
        self.issuer_key
    }

    /// The certificate's serial number.
    #[must_use]
    pub fn serial(&self) -> &SerialNumber {
        &self.serial
    }

    /// The certificate's state.
    #[must_use]
    pub fn state(&self) -> CertificateState {
        self.state
    }

    /// As of when that is so.
    #[must_use]
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// By when something newer is there.
    #[must_use]
    pub fn next_update(&self) -> UnixTime {
        self.next_update
    }

    /// Whether SHA-1 is between it and the CA's key: in its own signature or in that of the responder's certificate.
    pub(crate) fn is_signed_with_sha1(&self) -> bool {
        self.is_signed_with_sha1
    }

    /// Whether it says anything to a CA set, as far as SHA-1 goes.
    pub(crate) fn is_admitted(&self, sha1: Sha1Signatures) -> bool {
        sha1 == Sha1Signatures::Allow || !self.is_signed_with_sha1
    }

    /// The responder's certificate, when it is not the CA itself.
    #[must_use]
    pub fn delegate(&self) -> Option<&Certificate> {
        self.delegate.as_ref()
    }
}

const MAX_OCTETS: usize = 128 << 10;

/// How long an answer holds that does not say when it will be replaced.
///
/// Deviation: RFC 6960 §4.2.2.1 says then that "newer revocation information is available all the time", which would make every answer old at once.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3_600);

/// Verifies a response: that it is about the certificate, of this time, and from somebody who may speak for the CA.
///
/// # Errors
///
/// When one of these is not so, or the responder has no answer. Nothing follows from an error about the certificate.
pub fn verify(
    der: &[u8],
    question: &Question<'_>,
    nonce: NoncePolicy,
    sha1: Sha1Signatures,
    now: UnixTime,
) -> Result<OcspAnswer, VerifyOcspError> {
    if der.len() > MAX_OCTETS {
        return Err(VerifyOcspError::TooLarge { octets: der.len() });
    }
    let response = response::parse(der)?;
    let delegate = authorize(&response, question, now)?;
    let is_signed_with_sha1 = delegate
        .iter()
        .map(Certificate::signature_algorithm)
        .chain([&response.signature_algorithm])
        .any(|algorithm| !Sha1Signatures::Refuse.admits(algorithm));
    if is_signed_with_sha1 && sha1 == Sha1Signatures::Refuse {
        return Err(VerifyOcspError::WeakSignature);
    }
    check_nonce(response.nonce.as_deref(), question.nonce, nonce)?;
    let answer = response
        .answers
        .iter()
        .filter(|answer| is_about(answer, question))
        .max_by_key(|answer| answer.this_update)
        .ok_or(VerifyOcspError::AnotherCertificate)?;
    let next_update = answer
        .next_update
        .unwrap_or_else(|| answer.this_update.saturating_add(DEFAULT_LIFETIME));
    // RFC 6960 §4.2.2.1: "Responses whose thisUpdate time is later than the local system time SHOULD be considered unreliable."
    if answer.this_update > now.saturating_add(CLOCK_SKEW) {
        return Err(VerifyOcspError::Future);
    }
    // "Responses whose nextUpdate value is earlier than the local system time value SHOULD be considered unreliable."
    if next_update < now.saturating_sub(CLOCK_SKEW) || next_update < answer.this_update {
        return Err(VerifyOcspError::Old);
    }
    Ok(OcspAnswer {
        issuer_key: question.issuer.spki_fingerprint(),
        serial: answer.serial.clone(),
        state: answer.state,
        this_update: answer.this_update,
        next_update,
        delegate,
        is_signed_with_sha1,
    })
}

/// RFC 6960 §4.2.2.2: the response is signed by the CA itself or by a certificate that "MUST be issued directly by the CA" and includes
/// `id-kp-OCSPSigning`. The third way, a responder that is configured by hand, is not offered.
fn authorize(
    response: &Response<'_>,
    question: &Question<'_>,
    now: UnixTime,
) -> Result<Option<Certificate>, VerifyOcspError> {
    let issuer = question.issuer;
    if is_responder(&response.responder, issuer) {
        return check_signature(response, issuer).map(|()| None);
    }
    let delegate = response
        .certificates
        .iter()
        .find(|certificate| is_responder(&response.responder, certificate))
        .ok_or(VerifyOcspError::Unauthorized {
            why: "its certificate is not in the response",
        })?;
    let unauthorized = |why| Err(VerifyOcspError::Unauthorized { why });
    // "issued directly by the CA": by the key that issued the certificate, not by another CA of the same name.
    if delegate.issuer() != issuer.subject()
        || delegate.verify_signed_by(issuer.public_key()).is_err()
    {
        return unauthorized("its certificate is not from the CA itself");
    }
    if !delegate
        .extended_key_usage()
        .is_some_and(crate::ExtendedKeyUsage::ocsp_signing)
    {
        return unauthorized("its certificate is not for OCSP signing");
    }
    if delegate
        .key_usage()
        .is_some_and(|usage| !usage.digital_signature())
    {
        return unauthorized("its key usage lacks digitalSignature");
    }
    if !delegate.defects().is_empty() || delegate.unknown_critical_extension().is_some() {
        return unauthorized("its certificate is malformed or has an unknown critical extension");
    }
    let validity = delegate.validity();
    if now < validity.not_before || now > validity.not_after {
        return unauthorized("its certificate is out of time");
    }
    check_signature(response, delegate).map(|()| Some(delegate.clone()))
}

fn is_responder(responder: &Responder, certificate: &Certificate) -> bool {
    match responder {
        Responder::Name(name) => name == certificate.subject(),
        // RFC 6960 §4.2.1: "SHA-1 hash of responder's public key (excluding the tag and length fields)"; a name, not a proof.
        Responder::Key(hash) => {
            digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate.public_key().key).as_ref()
                == hash.as_slice()
        }
    }
}

fn check_signature(response: &Response<'_>, signer: &Certificate) -> Result<(), VerifyOcspError> {
    signature::verify(
        &response.signature_algorithm,
        signer.public_key(),
        response.signed,
        response.signature,
    )
    .map_err(VerifyOcspError::Signature)
}

fn check_nonce(
    found: Option<&[u8]>,
    sent: Option<&[u8]>,
    policy: NoncePolicy,
) -> Result<(), VerifyOcspError> {
    match (policy, sent, found) {
        (NoncePolicy::Ignore, ..) | (NoncePolicy::Prefer, None, _) => Ok(()),
        (_, Some(sent), Some(found)) if sent == found => Ok(()),
        (NoncePolicy::Prefer, Some(_), None) => Ok(()),
        (NoncePolicy::Require, _, None) | (NoncePolicy::Require, None, _) => {
            Err(VerifyOcspError::NonceMissing)
        }
        (_, Some(_), Some(_)) => Err(VerifyOcspError::NonceMismatch),
    }
}

/// Whether the `CertID` names the certificate: issuer's name, issuer's key and serial number.
fn is_about(answer: &SingleAnswer, question: &Question<'_>) -> bool {
    let Some(hash) = answer.hash else {
        return false;
    };
    // The same name may be encoded in two ways, in the certificate and in that of its issuer.
    let names = [
        question.certificate.issuer().der(),
        question.issuer.subject().der(),
    ];
    answer.serial == *question.certificate.serial()
        && names.iter().any(|name| {
            issuer_hashes(hash, name, &question.issuer.public_key().key)
                == (answer.name_hash.clone(), answer.key_hash.clone())
        })
}
