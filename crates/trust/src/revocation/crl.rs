//! Certificate revocation lists (RFC 5280 §5), read and verified once.

use std::fmt;

use thiserror::Error;

mod parse;
mod serial_table;

use self::parse::ParsedCrl;
use self::serial_table::SerialTable;
use crate::certificate::{DistributionPointName, RevocationReasons};
use crate::signature::{self, SignatureError};
use crate::{
    Certificate, DistinguishedName, ObjectIdentifier, SerialNumber, Sha1Signatures, UnixTime,
};

/// A CRL whose signature was verified when it was loaded. Its serial numbers take 17 octets each, whatever their length.
pub struct Crl {
    issuer: DistinguishedName,
    signer: Certificate,
    is_signed_with_sha1: bool,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
    number: Option<CrlNumber>,
    base: Option<CrlNumber>,
    distribution: Option<IssuingDistributionPoint>,
    /// The scope as it is in the CRL, DER, to tell whether two CRLs have the same one.
    distribution_der: Box<[u8]>,
    entries: SerialTable,
}

/// The number of a CRL (RFC 5280 §5.2.3): big-endian octets without leading zeros.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CrlNumber(SerialNumber);

impl PartialOrd for CrlNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CrlNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (ours, theirs) = (self.0.as_bytes(), other.0.as_bytes());
        ours.len().cmp(&theirs.len()).then_with(|| ours.cmp(theirs))
    }
}

/// What a CRL covers (RFC 5280 §5.2.5).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct IssuingDistributionPoint {
    pub(crate) name: Option<DistributionPointName>,
    pub(crate) only_user_certificates: bool,
    pub(crate) only_ca_certificates: bool,
    pub(crate) only_attribute_certificates: bool,
    pub(crate) only_some_reasons: Option<RevocationReasons>,
    pub(crate) indirect: bool,
}

/// Why a certificate was revoked (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(missing_docs, reason = "the names of the standard say it")]
pub enum RevocationReason {
    Unspecified,
    KeyCompromise,
    CaCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    CertificateHold,
    RemoveFromCrl,
    PrivilegeWithdrawn,
    AaCompromise,
}

impl RevocationReason {
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            8 => Self::RemoveFromCrl,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            _ => return None,
        })
    }

    fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// The name that RFC 5280 gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a CRL tells about a certificate that it lists.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CrlEntry {
    /// Since when it is revoked.
    pub revoked_at: UnixTime,
    /// Why.
    pub reason: RevocationReason,
}

/// The CRL cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum LoadCrlError {
    /// It is not DER where this part of a CRL should be.
    #[error("not a CRL: cannot read its {part}")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// None of the certificates has the name of its issuer.
    #[error("no certificate of the issuer `{issuer}` is known; it has to be in the CA set")]
    NoSigner {
        /// Its issuer.
        issuer: String,
    },
    /// Its issuer's certificate does not allow it to sign CRLs.
    #[error("the key usage of `{issuer}` lacks cRLSign")]
    NotAllowed {
        /// Its issuer.
        issuer: String,
    },
    /// Its signature does not fit the key of any certificate of its issuer.
    #[error("the signature cannot be verified with a certificate of `{issuer}`")]
    Signature {
        /// Its issuer.
        issuer: String,
        /// Why, for the last certificate that was tried.
        #[source]
        cause: SignatureError,
    },
    /// It is larger than is accepted.
    #[error(
        "a CRL of {octets} octets is too large; at most {} are read",
        Crl::MAX_OCTETS
    )]
    TooLarge {
        /// Its size.
        octets: usize,
    },
    /// It has a critical extension that is not understood.
    #[error("the critical extension {extension} is not understood")]
    UnknownCriticalExtension {
        /// Which.
        extension: ObjectIdentifier,
    },
    /// It is signed with SHA-1, which is not allowed.
    #[error("it is signed with SHA-1")]
    WeakSignature,
}

impl Crl {
    /// Larger ones are refused; 10 million entries have about 400 MB.
    pub const MAX_OCTETS: usize = 1 << 30;

    /// Reads a CRL, DER or PEM, and verifies its signature with one of the certificates: one that has the name of its issuer.
    ///
    /// The certificates may come from anywhere: whether the signer may speak for a CA is decided when a certificate is looked up.
    ///
    /// # Errors
    ///
    /// When it is malformed, has critical extensions that are not understood, or its signature cannot be verified.
    pub fn load(
        input: &[u8],
        signers: &[Certificate],
        sha1: Sha1Signatures,
    ) -> Result<Self, LoadCrlError> {
        if input.len() > Self::MAX_OCTETS {
            return Err(LoadCrlError::TooLarge {
                octets: input.len(),
            });
        }
        let decoded;
        let der = if input.first() == Some(&0x30) {
            input
        } else {
            decoded = crate::bundle::decode_block(input, b"X509 CRL")
                .ok_or(LoadCrlError::Malformed { part: "PEM" })?;
            &decoded
        };
        let parsed = parse::parse(der)?;
        if !sha1.admits(&parsed.signature_algorithm) {
            return Err(LoadCrlError::WeakSignature);
        }
        let signer = find_signer(&parsed, signers)?.clone();
        let entries = parse::entries(&parsed)?;
        Ok(Self {
            signer,
            is_signed_with_sha1: !Sha1Signatures::Refuse.admits(&parsed.signature_algorithm),
            entries,
            issuer: parsed.issuer,
            this_update: parsed.this_update,
            next_update: parsed.next_update,
            number: parsed.extensions.number,
            base: parsed.extensions.base,
            distribution: parsed.extensions.distribution,
            distribution_der: parsed.extensions.distribution_der,
        })
    }

    /// Who issued it.
    #[must_use]
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The certificate whose key signed it.
    #[must_use]
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// Whether it says anything to a CA set, as far as SHA-1 goes.
    pub(crate) fn is_admitted(&self, sha1: Sha1Signatures) -> bool {
        sha1 == Sha1Signatures::Allow || !self.is_signed_with_sha1
    }

    /// When it was issued.
    #[must_use]
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// By when its issuer promises a newer one; `None` when it does not.
    #[must_use]
    pub fn next_update(&self) -> Option<UnixTime> {
        self.next_update
    }

    /// Its number, hexadecimal.
    #[must_use]
    pub fn number(&self) -> Option<String> {
        self.number.as_ref().map(|number| number.0.to_string())
    }

    /// Whether it only tells what changed since another one (RFC 5280 §5.2.4).
    #[must_use]
    pub fn is_delta(&self) -> bool {
        self.base.is_some()
    }

    /// How many certificates it lists. None is as good a number as any.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it lists no certificate.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The octets that its entries take in memory.
    #[must_use]
    pub fn entries_octets(&self) -> usize {
        self.entries.octets()
    }

    /// What it tells about the certificate of `issuer` with this serial number; `None` when it does not list it, which says nothing by itself.
    #[must_use]
    pub fn entry(&self, issuer: &DistinguishedName, serial: &SerialNumber) -> Option<CrlEntry> {
        self.entries.find(self.entry_issuer(issuer), serial)
    }

    pub(crate) fn distribution(&self) -> Option<&IssuingDistributionPoint> {
        self.distribution.as_ref()
    }

    /// Entries of indirect CRLs are kept by issuer and serial number, others by serial number.
    fn entry_issuer<'a>(&self, issuer: &'a DistinguishedName) -> Option<&'a DistinguishedName> {
        self.distribution
            .as_ref()
            .is_some_and(|distribution| distribution.indirect)
            .then_some(issuer)
    }

    /// Whether both tell the same CA sets about the same certificates: the newer one replaces the older.
    pub(crate) fn same_scope(&self, other: &Self) -> bool {
        self.is_signed_with_sha1 == other.is_signed_with_sha1
            && self.issuer == other.issuer
            && self.signer.spki_fingerprint() == other.signer.spki_fingerprint()
            && self.distribution_der == other.distribution_der
            && self.is_delta() == other.is_delta()
    }

    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        self.order() > other.order()
    }

    /// Of CRLs with the same scope the greatest is the newest.
    pub(crate) fn order(&self) -> impl Ord {
        (&self.number, self.this_update)
    }

    /// RFC 5280 §5.2.4: whether this delta can be combined with the complete CRL.
    pub(crate) fn updates(&self, complete: &Self) -> bool {
        let (Some(base), Some(number), Some(complete_number)) =
            (&self.base, &self.number, &complete.number)
        else {
            return false;
        };
        self.issuer == complete.issuer
            && self.signer.spki_fingerprint() == complete.signer.spki_fingerprint()
            && self.distribution_der == complete.distribution_der
            // "(b) the CRL number of the complete CRL is equal to or greater than the BaseCRLNumber specified in the delta CRL"
            && complete_number >= base
            // "(c) the CRL number of the complete CRL is less than the CRL number of the delta CRL"
            && complete_number < number
    }
}

fn find_signer<'a>(
    parsed: &ParsedCrl<'_>,
    signers: &'a [Certificate],
) -> Result<&'a Certificate, LoadCrlError> {
    let issuer = || parsed.issuer.to_rfc2253();
    let mut error = LoadCrlError::NoSigner { issuer: issuer() };
    for signer in signers
        .iter()
        .filter(|signer| *signer.subject() == parsed.issuer)
    {
        let verified = signature::verify(
            &parsed.signature_algorithm,
            signer.public_key(),
            parsed.tbs,
            parsed.signature,
        );
        match verified {
            // RFC 5280 §6.3.3(f): "If a key usage extension is present in the CRL issuer's certificate, verify that the cRLSign bit is set."
            Ok(()) if signer.key_usage().is_some_and(|usage| !usage.crl_sign()) => {
                error = LoadCrlError::NotAllowed { issuer: issuer() };
            }
            Ok(()) => return Ok(signer),
            Err(_) if matches!(error, LoadCrlError::NotAllowed { .. }) => {}
            Err(cause) => {
                error = LoadCrlError::Signature {
                    issuer: issuer(),
                    cause,
                };
            }
        }
    }
    Err(error)
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crl")
            .field("issuer", &self.issuer)
            .field("this_update", &self.this_update)
            .field("next_update", &self.next_update)
            .field("number", &self.number())
            .field("delta", &self.is_delta())
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}
