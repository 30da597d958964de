//! Input that is DER.

use super::{Bundle, BundleEntry, ParseBundleError, WrongContent};
use crate::Certificate;
use crate::der::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE};

pub(super) fn parse(input: &[u8]) -> Result<Bundle, ParseBundleError> {
    match Certificate::from_der(input) {
        Ok(certificate) => Ok(Bundle {
            certificates: vec![BundleEntry {
                certificate,
                line: 1,
            }],
        }),
        Err(cause) => Err(match recognise(input) {
            Some(what) => ParseBundleError::WrongContent { line: 1, what },
            None => ParseBundleError::Certificate { line: 1, cause },
        }),
    }
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
