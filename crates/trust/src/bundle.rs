//! Reading certificates as people paste them, and writing PEM.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

mod der_input;
mod pem;
mod pkcs7;

pub(crate) use pem::decode_block;

use crate::{Certificate, Fingerprint, ParseCertificateError};

/// The certificates of an input, in their order.
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
    /// The line of its `BEGIN`, or of that of the PKCS#7 block that it is in, from 1; 1 for DER.
    pub line: usize,
}

impl Bundle {
    /// How many octets an input may have: 300 certificates of the largest kinds.
    pub const MAX_OCTETS: usize = 4 << 20;
    /// How many certificates an input may have.
    pub const MAX_CERTIFICATES: usize = 2_000;

    /// Refuses more certificates than anybody needs.
    fn bounded(certificates: Vec<BundleEntry>) -> Result<Self, ParseBundleError> {
        if certificates.len() > Self::MAX_CERTIFICATES {
            return Err(ParseBundleError::TooManyCertificates);
        }
        Ok(Self { certificates })
    }

    /// The certificates that were there before: each with the first entry that is the same.
    #[must_use]
    pub fn duplicates(&self) -> Vec<(&BundleEntry, &BundleEntry)> {
        let mut first: HashMap<Fingerprint, &BundleEntry> = HashMap::new();
        let mut duplicates = Vec::new();
        for entry in &self.certificates {
            let earlier = *first
                .entry(entry.certificate.fingerprint())
                .or_insert(entry);
            if !std::ptr::eq(earlier, entry) {
                duplicates.push((entry, earlier));
            }
        }
        duplicates
    }
}

/// The input is not a bundle of certificates.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ParseBundleError {
    /// A certificate in it cannot be read.
    #[error("line {line}: the certificate cannot be read")]
    Certificate {
        /// The line of its `BEGIN`, from 1.
        line: usize,
        /// Why.
        #[source]
        cause: ParseCertificateError,
    },
    /// Nothing is in it.
    #[error(
        "there is nothing here: send PEM certificates, each with its BEGIN CERTIFICATE and END CERTIFICATE lines"
    )]
    Empty,
    /// What is between `BEGIN` and `END` is not base64.
    #[error(
        "line {line}: this is not base64; copy the certificate again, from its BEGIN line to its END line"
    )]
    NotBase64 {
        /// Where.
        line: usize,
    },
    /// There is no `BEGIN CERTIFICATE` in it, nor is it DER.
    #[error(
        "no BEGIN CERTIFICATE line was found; a certificate starts with the line `-----BEGIN CERTIFICATE-----`"
    )]
    NoCertificate,
    /// There are too many certificates in it.
    #[error("there are more than {} certificates", Bundle::MAX_CERTIFICATES)]
    TooManyCertificates,
    /// It is too large.
    #[error(
        "{octets} octets are too many; at most {} are read",
        Bundle::MAX_OCTETS
    )]
    TooLarge {
        /// Its size.
        octets: usize,
    },
    /// The text is UTF-16, as Windows editors save it.
    #[error("the text is in UTF-16; save it as UTF-8 or ASCII")]
    Utf16,
    /// A certificate has a `BEGIN` without its `END`.
    #[error("line {line}: there is no END line for this BEGIN line; the last lines may be missing")]
    Unterminated {
        /// Where it begins.
        line: usize,
    },
    /// Something else than a certificate is in it.
    #[error("line {line}: this is {what}, not a certificate; {}", what.remedy())]
    WrongContent {
        /// Where; 1 for DER.
        line: usize,
        /// What it is.
        what: WrongContent,
    },
}

/// What people send by mistake.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum WrongContent {
    /// A certificate signing request.
    #[error("a certificate signing request")]
    CertificateRequest,
    /// A certificate revocation list.
    #[error("a certificate revocation list")]
    Crl,
    /// A private key that is protected by a passphrase.
    #[error("an encrypted private key")]
    EncryptedPrivateKey,
    /// Something in PEM that has no place here.
    #[error("something else")]
    Other,
    /// A PKCS#12 (PFX) file.
    #[error("a PKCS#12 (PFX) file")]
    Pkcs12,
    /// A PKCS#7 (CMS, P7B) file that holds something else than certificates, or is no DER.
    #[error("a PKCS#7 (P7B) file of another kind than one of certificates")]
    Pkcs7,
    /// A private key.
    #[error("a private key")]
    PrivateKey,
    /// A public key.
    #[error("a public key")]
    PublicKey,
    /// A certificate in OpenSSL's own format with trust settings.
    #[error("an OpenSSL trusted certificate")]
    TrustedCertificate,
}

impl WrongContent {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::CertificateRequest => "send the certificate that the CA made from it",
            Self::Crl => "send it as revocation information of its CA instead",
            Self::EncryptedPrivateKey => {
                "remove it: a CA set needs certificates only, and a key should never leave its owner"
            }
            Self::Other => "send only what is between BEGIN CERTIFICATE and END CERTIFICATE",
            Self::Pkcs12 => {
                "extract the certificates with `openssl pkcs12 -in file.p12 -nokeys -cacerts -out file.pem` (add `-legacy` for a file of an old program)"
            }
            Self::Pkcs7 => {
                "extract the certificates with `openssl pkcs7 -in file.p7b -print_certs -out file.pem` (add `-inform DER` for a binary file)"
            }
            Self::PrivateKey => {
                "remove it: a CA set needs certificates only; if others could see this input, replace the key"
            }
            Self::PublicKey => {
                "send the CA's certificate; a key alone says nothing about its owner"
            }
            Self::TrustedCertificate => {
                "convert it with `openssl x509 -in file.pem -out certificate.pem`"
            }
        }
    }
}

/// Reads PEM with one or more certificates, one DER certificate, or a PKCS#7 file of certificates, PEM or DER.
///
/// Text and comments around the certificates are skipped, line ends of all kinds are understood. Nothing of the input is in the errors.
///
/// # Errors
///
/// When there is no certificate in it, one cannot be read, or something is in it that is no certificate: a private key above all is refused,
/// wherever it is, rather than skipped.
pub fn parse_bundle(input: &[u8]) -> Result<Bundle, ParseBundleError> {
    if input.len() > Bundle::MAX_OCTETS {
        return Err(ParseBundleError::TooLarge {
            octets: input.len(),
        });
    }
    match input {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(ParseBundleError::Utf16),
        // A SEQUENCE of more than 127 octets, or exactly one shorter one; no text starts like this.
        [0x30, length, ..] if *length >= 0x80 || usize::from(*length) + 2 == input.len() => {
            der_input::parse(input)
        }
        _ if input.trim_ascii().is_empty() => Err(ParseBundleError::Empty),
        _ => pem::parse(input),
    }
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

#[cfg(test)]
mod tests;
