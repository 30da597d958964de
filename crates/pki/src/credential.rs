//! What an authority hands out.

use std::fmt;

use zeroize::Zeroizing;

/// A certificate with its private key and the authorities above it, as PEM.
#[derive(Clone)]
pub struct Credential {
    pub(crate) certificate_pem: String,
    pub(crate) above_pem: String,
    pub(crate) key_pem: Zeroizing<String>,
}

impl Credential {
    /// The certificate alone.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// What its holder presents: the certificate and its intermediates, without the root.
    pub fn chain_pem(&self) -> String {
        format!("{}{}", self.certificate_pem, self.above_pem)
    }

    /// The private key as unencrypted PKCS#8. Wiped from memory with this value; what is copied from it is up to the caller.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credential")
            .field("certificate_pem", &self.certificate_pem)
            .field("key_pem", &"[redacted]")
            .finish_non_exhaustive()
    }
}
