//! Whether an origin's certificate is believed.

use std::sync::Arc;

use countersign_trust::{Certificate, UnixTime as OurTime};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// Believes a certificate that one of the CAs vouches for, and one that is itself in the bundle: origins often have a self-signed
/// certificate, which is no CA. Name and time are checked in both cases.
#[derive(Debug)]
pub(super) struct OriginVerifier {
    chain: Arc<WebPkiServerVerifier>,
    pinned: Vec<Vec<u8>>,
}

impl OriginVerifier {
    pub(super) fn new(chain: Arc<WebPkiServerVerifier>, bundle: &[Vec<u8>]) -> Self {
        Self {
            chain,
            pinned: bundle.to_vec(),
        }
    }

    fn verify_pinned(
        end_entity: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let bad = |error: CertificateError| Error::InvalidCertificate(error);
        let validity = Certificate::from_der(end_entity)
            .map_err(|_| bad(CertificateError::BadEncoding))?
            .validity();
        let now = OurTime::from_secs(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        if now > validity.not_after {
            return Err(bad(CertificateError::Expired));
        }
        if now < validity.not_before {
            return Err(bad(CertificateError::NotValidYet));
        }
        webpki::EndEntityCert::try_from(end_entity)
            .map_err(|_| bad(CertificateError::BadEncoding))?
            .verify_is_valid_for_subject_name(name)
            .map_err(|_| bad(CertificateError::NotValidForName))?;
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for OriginVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self
            .pinned
            .iter()
            .any(|pinned| pinned == end_entity.as_ref())
        {
            return Self::verify_pinned(end_entity, server_name, now);
        }
        self.chain
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
