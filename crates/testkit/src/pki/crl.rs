//! Certificate revocation lists (RFC 5280 §5).

use super::{Ca, Credential, Key};
use crate::{DAY, NOW, der};

/// Why a certificate was revoked (RFC 5280 §5.3.1), by its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum RevocationReason {
    Unspecified = 0,
    KeyCompromise = 1,
    CaCompromise = 2,
    AffiliationChanged = 3,
    Superseded = 4,
    CessationOfOperation = 5,
    CertificateHold = 6,
    RemoveFromCrl = 8,
    PrivilegeWithdrawn = 9,
    AaCompromise = 10,
}

/// A revocation list in the making. Ends with [`issue`](CrlRequest::issue).
#[derive(Clone, Debug)]
pub struct CrlRequest {
    ca: Ca,
    number: Option<Vec<u8>>,
    this_update: i64,
    next_update: Option<i64>,
    entries: Vec<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
}

impl CrlRequest {
    pub(super) fn new(ca: Ca) -> Self {
        Self {
            ca,
            number: Some(der::integer(1)),
            this_update: NOW - DAY,
            next_update: Some(NOW + DAY),
            entries: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// The CRL number as an unsigned big-endian magnitude.
    pub fn number(mut self, magnitude: &[u8]) -> Self {
        self.number = Some(der::unsigned(magnitude));
        self
    }

    /// No CRL number.
    pub fn no_number(mut self) -> Self {
        self.number = None;
        self
    }

    /// When it was made, and when the next one is due; the default is one day around [`NOW`].
    pub fn updates(mut self, this_update: i64, next_update: Option<i64>) -> Self {
        (self.this_update, self.next_update) = (this_update, next_update);
        self
    }

    /// Revokes a certificate at `thisUpdate` without a reason.
    pub fn revoke(self, credential: &Credential) -> Self {
        let at = self.this_update;
        self.revoke_serial(&credential.serial(), at, None)
    }

    /// Revokes a subordinate authority at `thisUpdate` without a reason.
    pub fn revoke_ca(self, ca: &Ca) -> Self {
        let serial = super::Tbs::of(ca.der()).serial_octets().to_vec();
        let at = self.this_update;
        self.revoke_serial(&serial, at, None)
    }

    /// Revokes by the content octets of a serial number.
    pub fn revoke_serial(
        mut self,
        serial: &[u8],
        at: i64,
        reason: Option<RevocationReason>,
    ) -> Self {
        let mut fields = vec![der::integer_octets(serial), der::time(at)];
        fields.extend(reason.map(|reason| {
            let value = der::enumerated(reason as u8);
            der::sequence([der::extension("2.5.29.21", false, value)])
        }));
        self.entries.push(der::sequence(fields));
        self
    }

    /// Adds an extension whose value is this DER.
    pub fn extension(mut self, dotted: &str, critical: bool, value: Vec<u8>) -> Self {
        self.extensions
            .push(der::extension(dotted, critical, value));
        self
    }

    /// The signed list.
    pub fn issue(&self) -> Vec<u8> {
        let key = self.ca.key();
        self.signed(&key.signature_algorithm(), |message| key.sign(message))
    }

    /// The list signed with SHA-1, by `openssl`: for authorities with a key on P-256.
    pub fn issue_with_sha1(&self) -> Vec<u8> {
        let key = self.ca.key();
        self.signed(&Key::ecdsa_with_sha1(), |message| {
            key.sign_with_sha1(message)
        })
    }

    fn signed(&self, algorithm: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let mut fields = vec![
            der::integer(1),
            algorithm.to_vec(),
            self.ca.subject_der(),
            der::time(self.this_update),
        ];
        fields.extend(self.next_update.map(der::time));
        if !self.entries.is_empty() {
            fields.push(der::sequence(&self.entries));
        }
        let mut extensions = Vec::new();
        if let Some(identifier) = self.ca.key_identifier() {
            let issuer = der::sequence([der::implicit(0, identifier)]);
            extensions.push(der::extension("2.5.29.35", false, issuer));
        }
        extensions.extend(
            self.number
                .iter()
                .map(|number| der::extension("2.5.29.20", false, number)),
        );
        extensions.extend(self.extensions.iter().cloned());
        fields.push(der::explicit(0, der::sequence(extensions)));
        let signed = der::sequence(fields);
        let signature = der::bit_string(sign(&signed));
        der::sequence([signed, algorithm.to_vec(), signature])
    }
}
