//! Requests (RFC 6960 §4.1).

use super::{CertIdHash, Question, issuer_hashes};
use crate::der::{
    INTEGER, NULL, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, context_constructed, encode,
};
use crate::oid::known;

impl Question<'_> {
    /// The request, DER: the body of a POST as `application/ocsp-request`, or base64 in the path of a GET.
    #[must_use]
    pub fn to_der(&self, hash: CertIdHash) -> Vec<u8> {
        let (name_hash, key_hash) = issuer_hashes(
            hash,
            self.certificate.issuer().der(),
            &self.issuer.public_key().key,
        );
        let algorithm = sequence(&[
            encode(OBJECT_IDENTIFIER, hash.identifier()),
            encode(NULL, &[]),
        ]);
        let certificate_id = sequence(&[
            algorithm,
            encode(OCTET_STRING, &name_hash),
            encode(OCTET_STRING, &key_hash),
            encode(INTEGER, self.certificate.serial().as_der_contents()),
        ]);
        let requests = sequence(&[sequence(&[certificate_id])]);
        let extensions = self.nonce.map(|nonce| {
            let extension = sequence(&[
                encode(OBJECT_IDENTIFIER, known::OCSP_NONCE),
                encode(OCTET_STRING, &encode(OCTET_STRING, nonce)),
            ]);
            encode(context_constructed(2), &sequence(&[extension]))
        });
        sequence(&[sequence(&[requests, extensions.unwrap_or_default()])])
    }
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    encode(SEQUENCE, &parts.concat())
}
