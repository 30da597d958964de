//! The client verifiers: proof of possession always, and the trust decision where a binding requires a valid certificate.

use std::sync::Arc;

use countersign_snapshot::{ClientAuthMode, Peer};
use countersign_trust::{
    Certificate, Clock, KeyAlgorithm, PeerChain, PssRestriction, PublicKey, Reason, Refusal,
    Verdict,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved,
    SignatureScheme,
};

use crate::alert::certificate_error;
use crate::handshake::{Refused, with_record};
use crate::{TrustContext, evaluate_peer, pss_keys};

/// Asks for a certificate, and in [`ClientAuthMode::Require`] judges it.
///
/// In [`ClientAuthMode::Request`] any chain is accepted whose key signed the handshake, also X.509 v1, signed with SHA-1, or expired:
/// what it is worth is decided after the handshake, with words instead of an alert.
#[derive(Debug)]
pub(crate) struct ClientVerifier {
    pub(crate) trust: TrustContext,
    pub(crate) hints: Vec<DistinguishedName>,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
    pub(crate) clock: Arc<dyn Clock>,
}

impl ClientVerifier {
    fn judge(&self, chain: PeerChain) -> Result<(), Refused> {
        let verdicts = evaluate_peer(&self.trust, &Peer::Chain(chain), self.clock.now());
        if !verdicts.any_valid() && self.trust.is_to_be_asked(&verdicts) {
            // Nobody waits inside the handshake. It proves possession, and the client is judged again when its CAs were asked.
            return Ok(());
        }
        match verdicts.overall() {
            Verdict::Valid(_) => Ok(()),
            Verdict::Invalid(refusal) => Err(Refused::with(refusal.clone())),
            Verdict::Missing => Err(Refused::because(Reason::Missing)),
        }
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.trust.mode() == ClientAuthMode::Require
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let certificates: Vec<&[u8]> = std::iter::once(end_entity)
            .chain(intermediates)
            .map(|certificate| certificate.as_ref())
            .collect();
        let now = self.clock.now();
        // Threat C5.5: the limits of a chain hold in every mode, before anything is done with it.
        let chain = self
            .trust
            .chains()
            .read(&certificates)
            .map_err(|refusal| refuse(Refused::with(refusal)))?;
        with_record(|record| {
            record.lineage.authenticated_at = now;
            record.lineage.chain = Some(chain.digest());
            record.lineage.expires_at = record
                .lineage
                .expires_at
                .min(chain.leaf().validity().not_after);
            record.peer = Some(chain.clone());
        })
        .ok_or_else(outside_of_a_handshake)?;
        if self.trust.mode() == ClientAuthMode::Require {
            self.judge(chain).map_err(refuse)?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = leaf_key(certificate)?;
        verify_tls12(message, &key, signed, &self.algorithms)
            .map_err(|error| record_possession_failure(&key, error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = leaf_key(certificate)?;
        verify_tls13(message, &key, signed, &self.algorithms)
            .map_err(|error| record_possession_failure(&key, error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        verify_schemes(&self.algorithms)
    }
}

impl Refused {
    pub(crate) fn with(evidence: Refusal) -> Self {
        Self {
            reason: evidence.reason(),
            evidence: Some(evidence),
        }
    }

    pub(crate) fn because(reason: Reason) -> Self {
        Self {
            reason,
            evidence: None,
        }
    }
}

/// Notes the refusal for the log and turns it into the alert for the client.
fn refuse(refused: Refused) -> Error {
    let error = Error::InvalidCertificate(certificate_error(refused.reason));
    with_record(|record| record.refused = Some(refused));
    error
}

/// Only [`accept`](crate::accept) and its like run handshakes, each with its record. Without one nothing may be concluded.
fn outside_of_a_handshake() -> Error {
    Error::General("client verification outside of a recorded handshake".to_owned())
}

/// The leaf's key by our own lenient parser: webpki does not read X.509 v1 and odd extensions, and possession does not depend on them.
fn leaf_key(certificate: &CertificateDer<'_>) -> Result<PublicKey, Error> {
    // The chain of this handshake was read a moment ago.
    let read = with_record(|record| record.peer.as_ref().map(|chain| chain.leaf().clone()))
        .flatten()
        .filter(|leaf| leaf.der() == certificate.as_ref());
    read.map_or_else(|| Certificate::from_der(certificate), Ok)
        .map(|certificate| certificate.public_key().clone())
        .map_err(|_| refuse(Refused::because(Reason::Malformed)))
}

/// What clients may sign with.
pub(crate) fn verify_schemes(algorithms: &WebPkiSupportedAlgorithms) -> Vec<SignatureScheme> {
    let mut schemes = algorithms.supported_schemes();
    schemes.extend(pss_keys::SCHEMES);
    schemes
}

/// RFC 8446 §4.4.3.
pub(crate) fn verify_tls13(
    message: &[u8],
    key: &PublicKey,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    match pss_keys::verify(message, key, signed.scheme, signed.signature()) {
        Some(true) => return Ok(HandshakeSignatureValid::assertion()),
        Some(false) => return Err(CertificateError::BadSignature.into()),
        None => {}
    }
    let spki = SubjectPublicKeyInfoDer::from(&*key.spki_der);
    verify_tls13_signature_with_raw_key(message, &spki, signed, algorithms)
}

/// RFC 5246 §7.4.8. A TLS 1.2 scheme does not fix the curve, so that every algorithm of the scheme is tried.
pub(crate) fn verify_tls12(
    message: &[u8],
    key: &PublicKey,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let spki = SubjectPublicKeyInfoDer::from(&*key.spki_der);
    let entity = webpki::RawPublicKeyEntity::try_from(&spki)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let (_, candidates) = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signed.scheme)
        .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    if candidates.iter().any(|algorithm| {
        entity
            .verify_signature(*algorithm, message, signed.signature())
            .is_ok()
    }) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(Error::InvalidCertificate(CertificateError::BadSignature))
    }
}

/// A key that we cannot verify with looks like a bad signature; the log should say which of the two it is.
fn record_possession_failure(key: &PublicKey, error: Error) -> Error {
    let reason = match &key.algorithm {
        KeyAlgorithm::RsaPss(PssRestriction::Unsupported) => Reason::UnsupportedAlgorithm,
        KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss(_) if key.bits < 2048 => Reason::WeakKey,
        KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss(_) if key.bits <= 8192 => Reason::BadSignature,
        KeyAlgorithm::EcP256
        | KeyAlgorithm::EcP384
        | KeyAlgorithm::EcP521
        | KeyAlgorithm::Ed25519
        | KeyAlgorithm::MlDsa44
        | KeyAlgorithm::MlDsa65
        | KeyAlgorithm::MlDsa87 => Reason::BadSignature,
        _ => Reason::UnsupportedAlgorithm,
    };
    with_record(|record| record.refused = Some(Refused::because(reason)));
    error
}
