//! What about a client has values that rules compare.

use std::net::IpAddr;

use crate::facts::{Facts, NameAttribute, SanKind};
use crate::template::write_hex;

/// A part of what is known about a client. Its values are octets, and one equals another only if all octets are equal.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum IdentityPart {
    Fingerprint,
    Issuer(NameAttribute),
    Reason,
    San(SanKind),
    Serial,
    Spki,
    Subject(NameAttribute),
}

pub(super) const SAN_KINDS: [(&str, SanKind); 5] = [
    ("DNS", SanKind::Dns),
    ("EMAIL", SanKind::Email),
    ("IP", SanKind::Ip),
    ("UPN", SanKind::Upn),
    ("URI", SanKind::Uri),
];

impl IdentityPart {
    /// Whether it counts only for a certificate that passed the check in force.
    pub(crate) fn needs_verified(self) -> bool {
        // A reason exists only where there is no valid certificate.
        self != IdentityPart::Reason
    }

    /// Whether `matches` holds for any value that the client has, in the form in which values are compared.
    pub(crate) fn any_value(
        self,
        facts: &impl Facts,
        matches: &mut dyn FnMut(&[u8]) -> bool,
    ) -> bool {
        match self {
            IdentityPart::Fingerprint => facts
                .certificate_fingerprint()
                .is_some_and(|octets| matches(octets)),
            IdentityPart::Issuer(attribute) => {
                facts.any_issuer_attribute(attribute, &mut |value| matches(value.as_bytes()))
            }
            IdentityPart::Reason => facts
                .refusal_code()
                .is_some_and(|code| matches(code.as_bytes())),
            IdentityPart::San(kind) => facts.any_subject_alternative_name(kind, matches),
            IdentityPart::Serial => facts
                .serial_number()
                .is_some_and(|octets| matches(without_leading_zeros(octets))),
            IdentityPart::Spki => facts
                .spki_fingerprint()
                .is_some_and(|octets| matches(octets)),
            IdentityPart::Subject(attribute) => {
                facts.any_subject_attribute(attribute, &mut |value| matches(value.as_bytes()))
            }
        }
    }

    /// What stands before the values where people read them; empty where the criterion's name says it.
    pub(super) fn label(self) -> &'static str {
        match self {
            IdentityPart::Issuer(attribute) | IdentityPart::Subject(attribute) => attribute.name(),
            IdentityPart::San(kind) => SAN_KINDS
                .iter()
                .find(|(_, known)| *known == kind)
                .map_or("", |(name, _)| name),
            _ => "",
        }
    }

    /// A value, for people.
    pub(super) fn show(self, octets: &[u8]) -> String {
        match self {
            IdentityPart::Fingerprint | IdentityPart::Serial | IdentityPart::Spki => {
                let mut text = String::new();
                // Writing into a string does not fail.
                let _ = write_hex(octets, &mut text);
                text
            }
            IdentityPart::San(SanKind::Ip) => show_address(octets),
            _ => String::from_utf8_lossy(octets).into_owned(),
        }
    }
}

fn show_address(octets: &[u8]) -> String {
    let address = <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
    address.map_or_else(
        |_| String::from_utf8_lossy(octets).into_owned(),
        |address| address.to_string(),
    )
}

/// A serial number as it is compared: DER puts a zero before a number that would otherwise be negative.
pub(super) fn without_leading_zeros(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}
