//! The control API's client verifier: proof of possession and nothing else.

use countersign_trust::{Certificate, PeerChain, PublicKey};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::verifier::{verify_schemes, verify_tls12, verify_tls13};

/// Asks for a certificate and takes any that can be read: who it is, and whether that still holds, is decided for each request, so that
/// a revocation counts at once and the answer has words instead of an alert.
#[derive(Debug)]
pub(super) struct ProofOfPossession {
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for ProofOfPossession {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None, so that clients send whatever they have: which CAs operators have is no matter of strangers.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let certificates: Vec<_> = std::iter::once(end_entity).chain(intermediates).collect();
        // Threat C5.5: the limits of a chain hold before anything is done with it.
        PeerChain::from_der(&certificates)
            .map(|_| ClientCertVerified::assertion())
            .map_err(|_| CertificateError::BadEncoding.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12(message, &key(certificate)?, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13(message, &key(certificate)?, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        verify_schemes(&self.algorithms)
    }
}

fn key(certificate: &CertificateDer<'_>) -> Result<PublicKey, Error> {
    Certificate::from_der(certificate)
        .map(|certificate| certificate.public_key().clone())
        .map_err(|_| CertificateError::BadEncoding.into())
}
