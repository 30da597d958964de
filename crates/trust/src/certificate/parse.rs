//! Reading the certificate itself (RFC 5280 §4.1).

use std::sync::OnceLock;

use super::extensions::Extensions;
use super::read_extensions::read_extensions;
use super::{MAX_CERTIFICATE_OCTETS, ParseCertificateError, Parts, Validity, Version};
use crate::der::{self, BIT_STRING, DerError, INTEGER, Reader, SEQUENCE, bit_string};
use crate::{DistinguishedName, Fingerprint, PublicKey, SerialNumber, SignatureAlgorithm};

/// RFC 5280 §4.1.2.2 allows 20 octets; what is a little longer can still be described.
const MAX_SERIAL_OCTETS: usize = 64;

pub(super) fn parse(der: &[u8]) -> Result<Parts, ParseCertificateError> {
    if der.len() > MAX_CERTIFICATE_OCTETS {
        return Err(ParseCertificateError::TooLarge { octets: der.len() });
    }
    let mut outside = Reader::new(der);
    let outer = outside.expect(SEQUENCE).part("outer sequence")?;
    if !outside.is_empty() {
        return Err(ParseCertificateError::TrailingData {
            octets: outside.rest().len(),
        });
    }

    let mut certificate = outer.reader();
    let tbs = certificate.expect(SEQUENCE).part("tbsCertificate")?;
    let outer_algorithm = certificate.expect(SEQUENCE).part("signatureAlgorithm")?;
    let signature = certificate.expect(BIT_STRING).part("signature value")?;
    certificate.end().part("signature value")?;
    let tbs_start = der.len() - outer.contents.len();

    let mut fields = tbs.reader();
    let version = version(&mut fields).part("version")?;
    let serial = serial(&mut fields).part("serial number")?;
    let inner_algorithm = fields.expect(SEQUENCE).part("signature")?;
    let issuer = name(&mut fields).part("issuer")?;
    let validity = validity(&mut fields).part("validity")?;
    let subject = name(&mut fields).part("subject")?;
    let spki = fields.expect(SEQUENCE).part("subjectPublicKeyInfo")?;
    let public_key = PublicKey::read(spki).part("subjectPublicKeyInfo")?;
    fields.optional(der::context(1)).part("issuerUniqueID")?;
    fields.optional(der::context(2)).part("subjectUniqueID")?;

    let mut defects = Vec::new();
    let mut extensions = Extensions::default();
    if let Some(wrapper) = fields
        .optional(der::context_constructed(3))
        .part("extensions")?
    {
        if version != Version::V3 {
            defects.push("extensions in a certificate that is not of version 3");
        }
        extensions = read_extensions(wrapper, &mut defects).part("extensions")?;
    }
    fields.end().part("end of tbsCertificate")?;

    // RFC 5280 §4.1.1.2: "This field MUST contain the same algorithm identifier as the signature field in the sequence tbsCertificate".
    if inner_algorithm.whole != outer_algorithm.whole {
        defects.push("two different signature algorithms");
    }
    if issuer.is_empty() {
        // RFC 5280 §4.1.2.4: "The issuer field MUST contain a non-empty distinguished name (DN)."
        defects.push("an empty issuer name");
    }

    Ok(Parts {
        der: der.into(),
        tbs: tbs_start..tbs_start + tbs.whole.len(),
        // One that is no whole number of octets is none of any key: nothing verifies the empty one.
        signature: bit_string(signature).unwrap_or_default().into(),
        version,
        serial,
        signature_algorithm: SignatureAlgorithm::read(outer_algorithm)
            .part("signatureAlgorithm")?,
        issuer,
        validity,
        subject,
        fingerprint: Fingerprint::of(der),
        spki_fingerprint: Fingerprint::of(&public_key.spki_der),
        public_key,
        extensions,
        defects,
        self_signed: OnceLock::new(),
    })
}

fn version(fields: &mut Reader<'_>) -> Result<Version, DerError> {
    let Some(wrapper) = fields.optional(der::context_constructed(0))? else {
        return Ok(Version::V1);
    };
    let mut inner = wrapper.reader();
    let number = inner.small_integer()?;
    inner.end()?;
    match number {
        0 => Ok(Version::V1),
        1 => Ok(Version::V2),
        2 => Ok(Version::V3),
        _ => Err(DerError),
    }
}

fn serial(fields: &mut Reader<'_>) -> Result<SerialNumber, DerError> {
    let octets = fields.expect(INTEGER)?.contents;
    if octets.is_empty() || octets.len() > MAX_SERIAL_OCTETS {
        return Err(DerError);
    }
    Ok(SerialNumber::from_der_contents(octets))
}

fn name(fields: &mut Reader<'_>) -> Result<DistinguishedName, DerError> {
    DistinguishedName::read(fields.expect(SEQUENCE)?.whole)
}

fn validity(fields: &mut Reader<'_>) -> Result<Validity, DerError> {
    let mut times = fields.sequence()?;
    let not_before = der::read_time(times.next()?)?;
    let not_after = der::read_time(times.next()?)?;
    times.end()?;
    Ok(Validity {
        not_before,
        not_after,
    })
}

trait Part<T> {
    fn part(self, part: &'static str) -> Result<T, ParseCertificateError>;
}

impl<T> Part<T> for Result<T, DerError> {
    fn part(self, part: &'static str) -> Result<T, ParseCertificateError> {
        self.map_err(|DerError| ParseCertificateError::Malformed { part })
    }
}
