//! Input that is DER.

use super::{Bundle, BundleEntry, ParseBundleError, WrongContent, pkcs7};
use crate::Certificate;
use crate::der::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE};

pub(super) fn parse(input: &[u8]) -> Result<Bundle, ParseBundleError> {
    let cause = match Certificate::from_der(input) {
        Ok(certificate) => {
            let entry = BundleEntry {
                certificate,
                line: 1,
            };
            return Ok(Bundle {
                certificates: vec![entry],
            });
        }
        Err(cause) => cause,
    };
    match recognise(input) {
        Some(WrongContent::Pkcs7) => from_pkcs7(input, 1).and_then(Bundle::bounded),
        Some(what) => Err(ParseBundleError::WrongContent { line: 1, what }),
        None => Err(ParseBundleError::Certificate { line: 1, cause }),
    }
}

/// The certificates of a PKCS#7 file that begins at this line.
pub(super) fn from_pkcs7(input: &[u8], line: usize) -> Result<Vec<BundleEntry>, ParseBundleError> {
    let what = WrongContent::Pkcs7;
    pkcs7::certificates(input)
        .map_err(|_| ParseBundleError::WrongContent { line, what })?
        .into_iter()
        .map(|der| {
            Certificate::from_der(der)
                .map(|certificate| BundleEntry { certificate, line })
                .map_err(|cause| ParseBundleError::Certificate { line, cause })
        })
        .collect()
}

/// What the DER is, going by the tags of its first fields.
fn recognise(input: &[u8]) -> Option<WrongContent> {
    let mut fields = Reader::new(input).sequence().ok()?;
    let first = fields.next().ok()?;
    let second = fields.peek();
    match (first.tag, second) {
        // ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER, content [0] }
        (OBJECT_IDENTIFIER, _) => Some(WrongContent::Pkcs7),
        // PFX ::= SEQUENCE { version 3, authSafe ContentInfo, … }
        (INTEGER, Some(SEQUENCE)) if first.contents == [3] => Some(WrongContent::Pkcs12),
        // PrivateKeyInfo (SEQUENCE), ECPrivateKey (OCTET STRING), RSAPrivateKey (INTEGER)
        (INTEGER, Some(SEQUENCE | OCTET_STRING | INTEGER)) => Some(WrongContent::PrivateKey),
        // EncryptedPrivateKeyInfo ::= SEQUENCE { AlgorithmIdentifier, OCTET STRING }
        (SEQUENCE, Some(OCTET_STRING)) => Some(WrongContent::EncryptedPrivateKey),
        // SubjectPublicKeyInfo ::= SEQUENCE { AlgorithmIdentifier, BIT STRING }
        (SEQUENCE, Some(crate::der::BIT_STRING)) => Some(WrongContent::PublicKey),
        (SEQUENCE, Some(SEQUENCE)) => {
            let mut inner = first.reader();
            let start = inner.next().ok()?;
            match (start.tag, inner.next().ok()?.tag, inner.peek()) {
                // CertificationRequestInfo ::= SEQUENCE { version 0, subject, subjectPKInfo, … }
                (INTEGER, SEQUENCE, Some(SEQUENCE)) if start.contents == [0] => {
                    Some(WrongContent::CertificateRequest)
                }
                // TBSCertList ::= SEQUENCE { version 1, signature, issuer, thisUpdate, … }
                (INTEGER, SEQUENCE, Some(SEQUENCE)) if start.contents == [1] => {
                    Some(WrongContent::Crl)
                }
                _ => None,
            }
        }
        _ => None,
    }
}
