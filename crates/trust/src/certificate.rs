//! A certificate, read once and described.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

mod distribution_point;
mod extensions;
mod parse;
mod read_extensions;

pub(crate) use distribution_point::read_distribution_point_name;
pub use distribution_point::{DistributionPoint, DistributionPointName, RevocationReasons};
pub(crate) use read_extensions::Extension;

pub use extensions::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, GeneralSubtree,
    KeyUsage, NameConstraints,
};

use crate::oid::known;
use crate::signature::{self, SignatureError};
use crate::{
    DistinguishedName, Fingerprint, GeneralName, ObjectIdentifier, PublicKey, SerialNumber,
    SignatureAlgorithm, UnixTime,
};

/// An X.509 certificate; cheap to clone.
///
/// Reading is lenient, so that what a client really sent can be described: version 1, odd extensions and unknown algorithms are read, and
/// [`Certificate::defects`] says what is wrong. Whether it can be believed is for [`evaluate`](crate::evaluate) to say.
#[derive(Clone)]
pub struct Certificate(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    der: Box<[u8]>,
    tbs: Range<usize>,
    signature: Box<[u8]>,
    version: Version,
    serial: SerialNumber,
    signature_algorithm: SignatureAlgorithm,
    issuer: DistinguishedName,
    validity: Validity,
    subject: DistinguishedName,
    public_key: PublicKey,
    extensions: extensions::Extensions,
    defects: Vec<&'static str>,
    fingerprint: Fingerprint,
    spki_fingerprint: Fingerprint,
    self_signed: OnceLock<bool>,
}

/// The version of a certificate's format.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// Without extensions.
    V1,
    /// Without extensions, with unique identifiers.
    V2,
    /// With extensions.
    V3,
}

/// From when to when a certificate is valid, both ends included.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Validity {
    /// The first second.
    pub not_before: UnixTime,
    /// The last second.
    pub not_after: UnixTime,
}

impl Validity {
    /// Whether less than 30 % of the lifetime is left: time to renew.
    #[must_use]
    pub fn ends_soon(&self, now: UnixTime) -> bool {
        let lifetime = self.not_after.saturating_since(self.not_before);
        let left = self.not_after.saturating_since(now);
        left.as_micros() * 10 < lifetime.as_micros() * 3
    }
}

/// The bytes are no certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseCertificateError {
    /// They are longer than any certificate that is accepted.
    #[error(
        "a certificate of {octets} octets is too large; at most {MAX_CERTIFICATE_OCTETS} are accepted"
    )]
    TooLarge {
        /// How long they are.
        octets: usize,
    },
    /// They are not DER where this part of a certificate should be.
    #[error("not a DER certificate: cannot read its {part}")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// There is something after the certificate.
    #[error("{octets} octets follow the certificate")]
    TrailingData {
        /// How much.
        octets: usize,
    },
}

/// No honest certificate comes near it; post-quantum ones have about 10 KiB.
pub(crate) const MAX_CERTIFICATE_OCTETS: usize = 65_536;

impl Certificate {
    /// Reads a DER certificate.
    ///
    /// # Errors
    ///
    /// When the bytes are not one DER certificate, as far as its outer parts go; problems inside of extensions are
    /// [defects](Self::defects).
    pub fn from_der(der: &[u8]) -> Result<Self, ParseCertificateError> {
        parse::parse(der).map(|parts| Self(Arc::new(parts)))
    }

    /// The certificate itself, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Verifies that `issuer`'s key signed this certificate. Nothing else is looked at.
    ///
    /// # Errors
    ///
    /// When the signature does not fit or cannot be checked. SHA-1 is no error here.
    pub fn verify_signed_by(&self, issuer: &PublicKey) -> Result<(), SignatureError> {
        signature::verify(
            self.signature_algorithm(),
            issuer,
            self.0.der.get(self.0.tbs.clone()).unwrap_or_default(),
            &self.0.signature,
        )
    }

    /// Whom it is about.
    #[must_use]
    pub fn subject(&self) -> &DistinguishedName {
        &self.0.subject
    }

    /// Who issued it, by its own account.
    #[must_use]
    pub fn issuer(&self) -> &DistinguishedName {
        &self.0.issuer
    }

    /// Its number among the certificates of its issuer.
    #[must_use]
    pub fn serial(&self) -> &SerialNumber {
        &self.0.serial
    }

    /// When it is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.0.validity
    }

    /// Its subject alternative names, in their order; empty when there are none.
    #[must_use]
    pub fn subject_alternative_names(&self) -> &[GeneralName] {
        &self.0.extensions.subject_alternative_names
    }

    /// Its public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// How it is signed.
    #[must_use]
    pub fn signature_algorithm(&self) -> &SignatureAlgorithm {
        &self.0.signature_algorithm
    }

    /// The SHA-256 of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// The SHA-256 of its `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki_fingerprint(&self) -> Fingerprint {
        self.0.spki_fingerprint
    }

    /// What the key may be used for; `None` when the certificate does not say.
    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.extensions.key_usage
    }

    /// What the certificate may be used for; `None` when it does not say.
    #[must_use]
    pub fn extended_key_usage(&self) -> Option<&ExtendedKeyUsage> {
        self.0.extensions.extended_key_usage.as_ref()
    }

    /// Whether it is a CA; `None` when the extension is absent.
    #[must_use]
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.0.extensions.basic_constraints
    }

    /// For which names the CA may issue; `None` when for all.
    #[must_use]
    pub fn name_constraints(&self) -> Option<&NameConstraints> {
        self.0.extensions.name_constraints.as_ref()
    }

    /// The identifier of its key.
    #[must_use]
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.0.extensions.subject_key_identifier.as_deref()
    }

    /// The hint at its issuer's key.
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<&AuthorityKeyIdentifier> {
        self.0.extensions.authority_key_identifier.as_ref()
    }

    /// Where to find its issuer's certificate and OCSP responder; empty when it does not say.
    #[must_use]
    pub fn authority_information_access(&self) -> &[AccessDescription] {
        &self.0.extensions.authority_information_access
    }

    /// The URIs of the OCSP responders that it names.
    #[must_use]
    pub fn ocsp_uris(&self) -> Vec<&str> {
        self.access_uris(known::ACCESS_OCSP)
    }

    /// The URIs at which it says that its issuer's certificate is.
    #[must_use]
    pub fn ca_issuers_uris(&self) -> Vec<&str> {
        self.access_uris(known::ACCESS_CA_ISSUERS)
    }

    fn access_uris(&self, method: &[u8]) -> Vec<&str> {
        self.authority_information_access()
            .iter()
            .filter(|description| description.method == *method)
            .filter_map(|description| match &description.location {
                GeneralName::Uri(uri) => Some(uri.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Where the CRLs are that would list it; empty when it does not say.
    #[must_use]
    pub fn crl_distribution_points(&self) -> &[DistributionPoint] {
        &self.0.extensions.crl_distribution_points
    }

    /// The URIs of its CRL distribution points.
    #[must_use]
    pub fn crl_uris(&self) -> Vec<&str> {
        self.crl_distribution_points()
            .iter()
            .flat_map(DistributionPoint::uris)
            .collect()
    }

    /// Its policies (RFC 5280 §4.2.1.4), in their order; empty when it does not say.
    #[must_use]
    pub fn certificate_policies(&self) -> &[ObjectIdentifier] {
        &self.0.extensions.certificate_policies
    }

    /// Which policies of its issuer's it calls how (RFC 5280 §4.2.1.5).
    pub(crate) fn policy_mappings(&self) -> &[(ObjectIdentifier, ObjectIdentifier)] {
        &self.0.extensions.policy_mappings
    }

    pub(crate) fn policy_constraints(&self) -> extensions::PolicyConstraints {
        self.0.extensions.policy_constraints
    }

    /// The first critical extension that is not understood.
    #[must_use]
    pub fn unknown_critical_extension(&self) -> Option<&ObjectIdentifier> {
        self.0.extensions.unknown_critical.as_ref()
    }

    /// Whether it has `id-pkix-ocsp-nocheck` (RFC 6960 §4.2.2.2.1).
    pub(crate) fn has_ocsp_no_check(&self) -> bool {
        self.0.extensions.ocsp_no_check
    }

    /// The version of its format.
    #[must_use]
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// Whether subject and issuer are the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        !self.0.subject.is_empty() && self.0.subject == self.0.issuer
    }

    /// Whether it is self-issued and its own key verifies its signature. Costs a signature check, once.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        *self.0.self_signed.get_or_init(|| {
            self.is_self_issued() && self.verify_signed_by(self.public_key()).is_ok()
        })
    }

    /// What is wrong with its encoding, as phrases such as `duplicate extension`; empty when all is well.
    #[must_use]
    pub fn defects(&self) -> &[&'static str] {
        &self.0.defects
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for Certificate {}

impl std::hash::Hash for Certificate {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.fingerprint.hash(state);
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", self.subject())
            .field("issuer", self.issuer())
            .field("serial", &self.serial().to_string())
            .finish_non_exhaustive()
    }
}
