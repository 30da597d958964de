//! Revocation lists.

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason as Code, RevokedCertParams,
    SerialNumber,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use crate::{Authority, IssueError, Validity};

/// A certificate that was revoked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revoked {
    /// Its serial number, as the certificate has it.
    pub serial: Vec<u8>,
    /// When, in seconds since the epoch.
    pub at: i64,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a certificate was revoked: what makes sense for certificates of clients and servers, of RFC 5280 §5.3.1.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RevocationReason {
    /// Nobody says.
    #[default]
    Unspecified,
    /// Somebody else has the key, or may have.
    KeyCompromise,
    /// What it says about its holder is not so any more.
    AffiliationChanged,
    /// Another one took its place.
    Superseded,
    /// It is not needed any more.
    CessationOfOperation,
    /// Its holder may not have it any more.
    PrivilegeWithdrawn,
}

impl RevocationReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
    ];

    /// The name that RFC 5280 gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
        }
    }

    /// RFC 5280 §5.3.1: "the reason code CRL entry extension SHOULD be absent instead of using the unspecified (0) reasonCode value."
    const fn code(self) -> Option<Code> {
        match self {
            Self::Unspecified => None,
            Self::KeyCompromise => Some(Code::KeyCompromise),
            Self::AffiliationChanged => Some(Code::AffiliationChanged),
            Self::Superseded => Some(Code::Superseded),
            Self::CessationOfOperation => Some(Code::CessationOfOperation),
            Self::PrivilegeWithdrawn => Some(Code::PrivilegeWithdrawn),
        }
    }
}

impl Authority {
    /// Says which certificates of this authority are revoked, in PEM. A newer list needs a larger number; the validity says from when to by when
    /// a newer one will be there.
    ///
    /// # Errors
    ///
    /// When a time cannot be written or the authority may not sign revocation lists.
    pub fn revocation_list(
        &self,
        revoked: &[Revoked],
        number: u64,
        validity: Validity,
    ) -> Result<String, IssueError> {
        let (this_update, next_update) = validity.bounds();
        let revoked_certs = revoked
            .iter()
            .map(|entry| {
                let moment = Validity::new(entry.at, entry.at).map_err(|_| IssueError::Time)?;
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&entry.serial),
                    revocation_time: moment.bounds().0,
                    reason_code: entry.reason.code(),
                    invalidity_date: None,
                })
            })
            .collect::<Result<_, IssueError>>()?;
        let params = CertificateRevocationListParams {
            this_update,
            next_update,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: self.key_identifier(),
        };
        self.sign_revocation_list(&params)
    }

    /// RFC 5280 §5.2.1: by the identifier that the authority's own certificate has.
    fn key_identifier(&self) -> KeyIdMethod {
        let own = X509Certificate::from_der(self.certificate_der());
        let Ok((_, certificate)) = own else {
            return KeyIdMethod::Sha256;
        };
        certificate
            .extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(identifier) => {
                    Some(KeyIdMethod::PreSpecified(identifier.0.to_vec()))
                }
                _ => None,
            })
            .unwrap_or(KeyIdMethod::Sha256)
    }
}
