//! Keys made for certificates that somebody else signs.

use std::fmt;

use rcgen::CertificateParams;

use crate::{IssueError, KeyAlgorithm, Name, Subject};

/// A private key with the request (PKCS#10, RFC 2986) for a certificate of it.
#[derive(Clone)]
pub struct KeyWithRequest {
    key: Vec<u8>,
    request: String,
}

impl KeyWithRequest {
    /// Makes a key, and a request for a server's certificate with this subject and these names.
    ///
    /// # Errors
    ///
    /// When there is no name, the subject cannot be written, or the key cannot be made.
    pub fn server(
        subject: &Subject,
        names: &[Name],
        key: KeyAlgorithm,
    ) -> Result<Self, IssueError> {
        if names.is_empty() {
            return Err(IssueError::NoNames);
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = subject.to_distinguished_name()?;
        params.subject_alt_names = names.iter().map(Name::to_san).collect();
        let key = key.generate()?;
        let request = params
            .serialize_request(&key)
            .and_then(|request| request.pem())
            .map_err(|source| IssueError::Signing { source })?;
        Ok(Self {
            key: key.serialize_der(),
            request,
        })
    }

    /// The request, PEM.
    pub fn request_pem(&self) -> &str {
        &self.request
    }

    /// The private key, PKCS#8 DER. Whoever takes it seals or wipes it.
    pub fn into_key_der(self) -> Vec<u8> {
        self.key
    }
}

impl fmt::Debug for KeyWithRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyWithRequest")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
