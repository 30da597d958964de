//! Authorities.

mod load;

use std::fmt;

use aws_lc_rs::rand;
use rcgen::{
    Certificate, CertificateParams, CertificateRevocationListParams, Issuer, KeyPair,
    PublicKeyData, SerialNumber,
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};
use zeroize::Zeroizing;

use crate::{
    Credential, IssueError, KeyAlgorithm, LoadAuthorityError, Profile, SigningRequest, Subject,
    Validity, profile::apply_authority,
};

/// A certificate authority that can issue: its certificate, its key, and the authorities above it.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_der: Vec<u8>,
    key_pem: Zeroizing<String>,
    /// The chain that goes with what it issues, without the root; empty for a root.
    chain_pem: String,
    not_after: i64,
    path_length: Option<u32>,
}

impl Authority {
    /// Makes a self-signed root without a path length constraint.
    ///
    /// # Errors
    ///
    /// When the subject does not fit into a certificate or the key cannot be made.
    pub fn root(
        subject: &Subject,
        validity: Validity,
        key: KeyAlgorithm,
    ) -> Result<Self, IssueError> {
        let key = key.generate()?;
        let mut params = parameters(subject, validity)?;
        apply_authority(&mut params, None);
        let certificate = params.self_signed(&key).map_err(signing)?;
        Ok(Self {
            certificate_der: certificate.der().to_vec(),
            key_pem: Zeroizing::new(key.serialize_pem()),
            issuer: Issuer::new(params, key),
            chain_pem: String::new(),
            not_after: validity.not_after(),
            path_length: None,
        })
    }

    /// Loads an authority from its PEM certificate, the authorities above it after it if it has any, and its unencrypted PEM key.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read, they do not belong together, or the certificate may not issue others.
    pub fn from_pem(certificates_pem: &str, key_pem: &str) -> Result<Self, LoadAuthorityError> {
        load::authority(certificates_pem, key_pem)
    }

    /// Makes an authority under this one that may only issue to end entities (path length 0).
    ///
    /// # Errors
    ///
    /// When this authority may not have others under it, or the certificate would outlive this authority's.
    pub fn intermediate(
        &self,
        subject: &Subject,
        validity: Validity,
        key: KeyAlgorithm,
    ) -> Result<Self, IssueError> {
        if self.path_length == Some(0) {
            return Err(IssueError::PathLength);
        }
        let key = key.generate()?;
        let mut params = parameters(subject, validity)?;
        apply_authority(&mut params, Some(0));
        let certificate = self.sign(&params, validity, &key)?;
        Ok(Self {
            certificate_der: certificate.der().to_vec(),
            key_pem: Zeroizing::new(key.serialize_pem()),
            chain_pem: format!("{}{}", certificate.pem(), self.chain_pem),
            issuer: Issuer::new(params, key),
            not_after: validity.not_after(),
            path_length: Some(0),
        })
    }

    /// Makes a key and certifies it.
    ///
    /// # Errors
    ///
    /// When subject, profile and validity do not fit together, or it would outlive this authority's.
    pub fn issue(
        &self,
        profile: &Profile,
        subject: &Subject,
        validity: Validity,
        key: KeyAlgorithm,
    ) -> Result<Credential, IssueError> {
        profile.check(validity)?;
        let rsa = matches!(key, KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa4096);
        let key = key.generate()?;
        let mut params = parameters(subject, validity)?;
        profile.apply(&mut params, rsa);
        Ok(Credential {
            certificate_pem: self.sign(&params, validity, &key)?.pem(),
            above_pem: self.chain_pem.clone(),
            key_pem: Zeroizing::new(key.serialize_pem()),
        })
    }

    /// Certifies the key of a request; everything else comes from the arguments. Returns the chain: the certificate and its intermediates.
    ///
    /// # Errors
    ///
    /// As for [`issue`](Self::issue).
    ///
    /// # Security
    ///
    /// [`SigningRequest::names`] are wishes. Pass on what its sender was found to be entitled to.
    pub fn sign_request(
        &self,
        request: &SigningRequest,
        profile: &Profile,
        subject: &Subject,
        validity: Validity,
    ) -> Result<String, IssueError> {
        profile.check(validity)?;
        let mut params = parameters(subject, validity)?;
        profile.apply(&mut params, request.rsa);
        let certificate = self.sign(&params, validity, &request.key)?;
        Ok(format!("{}{}", certificate.pem(), self.chain_pem))
    }

    /// Its certificate, what others are to trust.
    pub fn certificate_pem(&self) -> String {
        to_pem(&self.certificate_der)
    }

    /// Its certificate and the authorities above it without the root; for a root, its certificate alone.
    pub fn chain_pem(&self) -> String {
        if self.chain_pem.is_empty() {
            self.certificate_pem()
        } else {
            self.chain_pem.clone()
        }
    }

    /// Its private key, unencrypted: PKCS#8, or for a loaded authority the form it was loaded in.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    pub(crate) fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    pub(crate) fn sign_revocation_list(
        &self,
        params: &CertificateRevocationListParams,
    ) -> Result<String, IssueError> {
        let list = params.signed_by(&self.issuer).map_err(signing)?;
        Ok(encoded(&pem::Pem::new("X509 CRL", list.der().to_vec())))
    }

    fn sign(
        &self,
        params: &CertificateParams,
        validity: Validity,
        key: &impl PublicKeyData,
    ) -> Result<Certificate, IssueError> {
        if validity.not_after() > self.not_after {
            return Err(IssueError::OutlivesAuthority {
                not_after: validity.not_after(),
                authority_not_after: self.not_after,
            });
        }
        let made = params.signed_by(key, &self.issuer).map_err(signing)?;
        // RFC 5280 §6.1.3(a)(4) compares names. A loaded authority's name was taken apart and is written anew, which loses
        // multi-valued and repeated attributes: rather no certificate than one that does not chain.
        let subject = X509Certificate::from_der(&self.certificate_der);
        let issuer = X509Certificate::from_der(made.der());
        match (subject, issuer) {
            (Ok((_, above)), Ok((_, below))) if above.subject.as_raw() == below.issuer.as_raw() => {
                Ok(made)
            }
            _ => Err(IssueError::IssuerName),
        }
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Authority")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

fn parameters(subject: &Subject, validity: Validity) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = validity.bounds();
    params.distinguished_name = subject.to_distinguished_name()?;
    params.serial_number = Some(serial_number()?);
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// 128 random bits: nobody can foretell or repeat one (CA/B BR §7.1 asks for 64).
fn serial_number() -> Result<SerialNumber, IssueError> {
    let mut octets = [0; 16];
    let filled = rand::fill(&mut octets);
    filled.map_err(|_| signing(rcgen::Error::RingUnspecified))?;
    Ok(SerialNumber::from_slice(&octets))
}

fn to_pem(certificate_der: &[u8]) -> String {
    encoded(&pem::Pem::new("CERTIFICATE", certificate_der))
}

fn encoded(block: &pem::Pem) -> String {
    let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(block, lines)
}

fn signing(source: rcgen::Error) -> IssueError {
    IssueError::Signing { source }
}
