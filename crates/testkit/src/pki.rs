//! The test PKI: authorities, certificates and revocation lists with any property a test wants.

mod ca;
mod credential;
mod crl;
mod key;
mod request;
mod tbs;

pub use ca::Ca;
pub use credential::Credential;
pub use crl::{CrlRequest, RevocationReason};
pub use key::{Key, KeyKind};
pub use request::{KeyUsage, Request};
pub use tbs::Tbs;

use crate::der;

/// Extended key usages (RFC 5280 §4.2.1.12) in dotted form.
pub mod eku {
    /// `anyExtendedKeyUsage`
    pub const ANY: &str = "2.5.29.37.0";
    /// `id-kp-serverAuth`
    pub const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
    /// `id-kp-clientAuth`
    pub const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
    /// `id-kp-codeSigning`
    pub const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
    /// `id-kp-emailProtection`
    pub const EMAIL_PROTECTION: &str = "1.3.6.1.5.5.7.3.4";
    /// `id-kp-OCSPSigning`
    pub const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
}

/// Where a PKI begins: makes root authorities, with a key kind and a validity that everything under them inherits.
#[derive(Clone, Copy, Debug)]
pub struct Pki {
    keys: KeyKind,
    not_before: i64,
    not_after: i64,
}

impl Pki {
    /// P-256 keys, valid from 2020-01-01 to 2049-12-31.
    pub fn new() -> Self {
        Self {
            keys: KeyKind::P256,
            not_before: 1_577_836_800,
            not_after: 2_524_521_600,
        }
    }

    /// Another kind of key for what is made after this.
    pub fn keys(self, keys: KeyKind) -> Self {
        Self { keys, ..self }
    }

    /// Another validity, in seconds since the epoch, for what is made after this.
    pub fn valid(self, not_before: i64, not_after: i64) -> Self {
        Self {
            not_before,
            not_after,
            ..self
        }
    }

    /// A root authority with the subject `CN=common_name`.
    pub fn root(self, common_name: &str) -> Ca {
        self.request_root(common_name).issue_ca()
    }

    /// A root authority that is still to be described: end with [`Request::issue_ca`].
    pub fn request_root(self, common_name: &str) -> Request {
        Request::new(self, None, der::name(&[("CN", common_name)])).authority()
    }

    /// A self-signed end-entity certificate that is still to be described: end with [`Request::issue`].
    pub fn self_signed(self, common_name: &str) -> Request {
        Request::new(self, None, der::name(&[("CN", common_name)])).client()
    }
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
