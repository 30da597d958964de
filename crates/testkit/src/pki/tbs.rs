//! The to-be-signed part of a certificate as raw elements.

use super::Key;
use crate::der;

/// What an authority signs (RFC 5280 §4.1.2), each field a whole DER element to be replaced at will.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tbs {
    /// `[0] EXPLICIT INTEGER`; `None` means X.509 v1.
    pub version: Option<Vec<u8>>,
    /// INTEGER.
    pub serial: Vec<u8>,
    /// The AlgorithmIdentifier inside the signed part.
    pub signature: Vec<u8>,
    /// Name.
    pub issuer: Vec<u8>,
    /// SEQUENCE of two times.
    pub validity: Vec<u8>,
    /// Name.
    pub subject: Vec<u8>,
    /// SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// Unique identifiers, or anything else that stands before the extensions.
    pub unique_ids: Vec<Vec<u8>>,
    /// Extensions in their order; none means no extensions field.
    pub extensions: Vec<Vec<u8>>,
    /// The AlgorithmIdentifier outside the signed part; `None` means the same as inside.
    pub outer_signature: Option<Vec<u8>>,
}

impl Tbs {
    /// The parts of an existing certificate.
    pub fn of(certificate: &[u8]) -> Self {
        let outer = der::elements(der::content(certificate));
        let mut fields = der::elements(der::content(outer[0])).into_iter().peekable();
        let mut next = || fields.next().map(<[u8]>::to_vec);
        let first = next().unwrap();
        let (version, serial) = if first[0] == 0xa0 {
            (Some(first), next().unwrap())
        } else {
            (None, first)
        };
        let (signature, issuer) = (next().unwrap(), next().unwrap());
        let (validity, subject, spki) = (next().unwrap(), next().unwrap(), next().unwrap());
        let (mut unique_ids, mut extensions) = (Vec::new(), Vec::new());
        while let Some(field) = next() {
            if field[0] == 0xa3 {
                extensions = der::elements(der::content(der::content(&field)))
                    .into_iter()
                    .map(<[u8]>::to_vec)
                    .collect();
            } else {
                unique_ids.push(field);
            }
        }
        Self {
            version,
            serial,
            signature,
            issuer,
            validity,
            subject,
            spki,
            unique_ids,
            extensions,
            outer_signature: None,
        }
    }

    /// Makes it an X.509 v1 certificate: no version and no extensions.
    pub fn make_version_1(&mut self) {
        self.version = None;
        self.extensions.clear();
    }

    /// Removes every extension with this identifier.
    pub fn remove_extension(&mut self, dotted: &str) {
        let identifier = der::oid(dotted);
        self.extensions
            .retain(|extension| !der::content(extension).starts_with(&identifier));
    }

    /// The value of the first extension with this identifier.
    pub fn extension(&self, dotted: &str) -> Option<Vec<u8>> {
        let identifier = der::oid(dotted);
        self.extensions.iter().find_map(|extension| {
            let fields = der::elements(der::content(extension));
            let value = fields.last()?;
            (fields[0] == identifier).then(|| der::content(value).to_vec())
        })
    }

    /// The content octets of the serial number.
    pub fn serial_octets(&self) -> &[u8] {
        der::content(&self.serial)
    }

    /// The whole element that gets signed.
    pub fn to_der(&self) -> Vec<u8> {
        let mut fields: Vec<Vec<u8>> = self.version.iter().cloned().collect();
        fields.extend([
            self.serial.clone(),
            self.signature.clone(),
            self.issuer.clone(),
            self.validity.clone(),
            self.subject.clone(),
            self.spki.clone(),
        ]);
        fields.extend(self.unique_ids.iter().cloned());
        if !self.extensions.is_empty() {
            fields.push(der::explicit(3, der::sequence(&self.extensions)));
        }
        der::sequence(fields)
    }

    /// The certificate, signed with `key`.
    pub fn sign(&self, key: &Key) -> Vec<u8> {
        let signed = self.to_der();
        let signature = der::bit_string(key.sign(&signed));
        let algorithm = self.outer_signature.as_ref().unwrap_or(&self.signature);
        der::sequence([&signed, algorithm, &signature])
    }
}
