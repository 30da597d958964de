//! What the rules may ask about a request and its client.

use std::fmt;
use std::net::IpAddr;

use countersign_rules::{CertificateState, Facts, NameAttribute, Protocol, SanKind};
use countersign_trust::{
    Certificate, DistinguishedName, Fingerprint, GeneralName, RevocationState, UnixTime, Verdict,
};
use http::HeaderMap;

use super::{Peer, Verdicts};
use crate::{CheckedBinding, PlainHttp, ServerName};

/// Answers out of a request whose identity and hop-by-hop headers are gone, so that rules see what the origin gets.
#[derive(Debug)]
pub struct RequestFacts<'a> {
    /// The binding of the request's name.
    pub binding: &'a CheckedBinding,
    /// What its CA sets say about the client.
    pub verdicts: &'a Verdicts,
    /// What the client showed.
    pub peer: &'a Peer,
    /// The two digests of the client's certificate.
    pub fingerprints: Option<(Fingerprint, Fingerprint)>,
    /// The name that the request is for.
    pub host: &'a ServerName,
    /// Its method.
    pub method: &'a str,
    /// Its path, unambiguous.
    pub path: &'a str,
    /// Its query.
    pub query: Option<&'a str>,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Where the client is.
    pub client: IpAddr,
    /// When it came.
    pub now: UnixTime,
}

impl RequestFacts<'_> {
    /// The method that rules see of a connection whose bytes are passed on.
    pub const METHOD_OF_BYTES: &'static str = "CONNECT";
    /// The path that they see of it: the strictest that there is, so that a rule about all paths is about it too.
    pub const PATH_OF_BYTES: &'static str = "/";

    /// SHA-256 of the certificate and of its public key.
    #[must_use]
    pub fn fingerprints_of(peer: &Peer) -> Option<(Fingerprint, Fingerprint)> {
        peer.leaf()
            .map(|leaf| (leaf.fingerprint(), leaf.spki_fingerprint()))
    }

    fn leaf(&self) -> Option<&Certificate> {
        self.peer.leaf()
    }
}

impl Facts for RequestFacts<'_> {
    fn hostname(&self) -> &str {
        self.host.as_str()
    }

    fn path(&self) -> &str {
        self.path
    }

    fn query(&self) -> Option<&str> {
        self.query
    }

    fn method(&self) -> &str {
        self.method
    }

    fn protocol(&self) -> Protocol {
        match self.binding.binding.plain_http {
            PlainHttp::Serve => Protocol::Http,
            PlainHttp::Redirect | PlainHttp::Refuse => Protocol::Https,
        }
    }

    fn client_ip(&self) -> IpAddr {
        self.client.to_canonical()
    }

    fn any_header(&self, name: &str, matches: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.headers
            .get_all(name)
            .iter()
            .any(|value| matches(value.as_bytes()))
    }

    fn any_header_at_all(&self, matches: &mut dyn FnMut(&str, &[u8]) -> bool) -> bool {
        self.headers
            .iter()
            .any(|(name, value)| matches(name.as_str(), value.as_bytes()))
    }

    fn certificate_state(&self) -> CertificateState {
        match self.verdicts.overall() {
            Verdict::Missing => CertificateState::Missing,
            Verdict::Valid(_) => CertificateState::Valid,
            Verdict::Invalid(_) => CertificateState::Invalid,
        }
    }

    fn satisfies_ca_set(&self, ca_set: &str) -> bool {
        let ca_sets = self.binding.ca_sets.iter();
        ca_sets
            .filter(|set| set.id_text == ca_set)
            .any(|set| self.verdicts.of(set.id).is_some_and(Verdict::is_valid))
    }

    fn revocation_status_is_good(&self) -> bool {
        self.verdicts
            .valid()
            .is_some_and(|chain| chain.revocation() == RevocationState::Good)
    }

    fn refusal_code(&self) -> Option<&str> {
        self.verdicts
            .overall()
            .reason()
            .map(countersign_trust::Reason::code)
    }

    fn any_subject_attribute(
        &self,
        attribute: NameAttribute,
        matches: &mut dyn FnMut(&str) -> bool,
    ) -> bool {
        self.leaf()
            .is_some_and(|leaf| any_attribute(leaf.subject(), attribute, matches))
    }

    fn any_issuer_attribute(
        &self,
        attribute: NameAttribute,
        matches: &mut dyn FnMut(&str) -> bool,
    ) -> bool {
        self.leaf()
            .is_some_and(|leaf| any_attribute(leaf.issuer(), attribute, matches))
    }

    fn any_subject_alternative_name(
        &self,
        kind: SanKind,
        matches: &mut dyn FnMut(&[u8]) -> bool,
    ) -> bool {
        let names = self
            .leaf()
            .map(Certificate::subject_alternative_names)
            .unwrap_or_default();
        names.iter().any(|name| match (kind, name) {
            (SanKind::Dns, GeneralName::Dns(text))
            | (SanKind::Email, GeneralName::Email(text))
            | (SanKind::Uri, GeneralName::Uri(text)) => matches(text.as_bytes()),
            (SanKind::Ip, GeneralName::Ip(IpAddr::V4(address))) => matches(&address.octets()),
            (SanKind::Ip, GeneralName::Ip(IpAddr::V6(address))) => matches(&address.octets()),
            (SanKind::Upn, GeneralName::Other { kind, value }) if kind.as_der_contents() == UPN => {
                utf8_string(value).is_some_and(&mut *matches)
            }
            _ => false,
        })
    }

    fn certificate_fingerprint(&self) -> Option<&[u8; 32]> {
        self.fingerprints
            .as_ref()
            .map(|(certificate, _)| certificate.as_bytes())
    }

    fn spki_fingerprint(&self) -> Option<&[u8; 32]> {
        self.fingerprints.as_ref().map(|(_, spki)| spki.as_bytes())
    }

    fn serial_number(&self) -> Option<&[u8]> {
        self.leaf().map(|leaf| leaf.serial().as_bytes())
    }

    fn days_left(&self) -> Option<i64> {
        const DAY: i64 = 86_400;
        self.leaf().map(|leaf| {
            (leaf
                .validity()
                .not_after
                .as_secs()
                .saturating_sub(self.now.as_secs()))
            .div_euclid(DAY)
        })
    }

    fn write_subject(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.leaf()
            .map_or(Ok(()), |leaf| out.write_str(&leaf.subject().to_rfc2253()))
    }

    fn write_issuer(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.leaf()
            .map_or(Ok(()), |leaf| out.write_str(&leaf.issuer().to_rfc2253()))
    }
}

/// 1.3.6.1.4.1.311.20.2.3, DER contents.
const UPN: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];

/// The contents of a short UTF8String element (X.690 §8.23, tag 12).
fn utf8_string(element: &[u8]) -> Option<&[u8]> {
    const TAG: u8 = 0x0c;
    let (header, contents) = match element {
        [TAG, length, contents @ ..] if *length < 0x80 => (usize::from(*length), contents),
        [TAG, 0x81, length, contents @ ..] if *length >= 0x80 => (usize::from(*length), contents),
        _ => return None,
    };
    (header == contents.len() && std::str::from_utf8(contents).is_ok()).then_some(contents)
}

fn any_attribute(
    name: &DistinguishedName,
    attribute: NameAttribute,
    matches: &mut dyn FnMut(&str) -> bool,
) -> bool {
    let wanted = object_identifier(attribute);
    name.relative_names()
        .flatten()
        .filter(|found| found.kind().as_der_contents() == wanted)
        .filter_map(|found| found.text())
        .any(matches)
}

/// The DER contents of [`NameAttribute::oid`]; a test compares the two.
const fn object_identifier(attribute: NameAttribute) -> &'static [u8] {
    match attribute {
        NameAttribute::CommonName => &[0x55, 0x04, 0x03],
        NameAttribute::SerialNumber => &[0x55, 0x04, 0x05],
        NameAttribute::Country => &[0x55, 0x04, 0x06],
        NameAttribute::Locality => &[0x55, 0x04, 0x07],
        NameAttribute::StateOrProvince => &[0x55, 0x04, 0x08],
        NameAttribute::Organization => &[0x55, 0x04, 0x0a],
        NameAttribute::OrganizationalUnit => &[0x55, 0x04, 0x0b],
        NameAttribute::UserId => &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01],
        NameAttribute::DomainComponent => {
            &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19]
        }
        NameAttribute::EmailAddress => &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01],
    }
}

#[cfg(test)]
mod tests {
    use countersign_trust::ObjectIdentifier;

    use super::*;

    #[test]
    fn attributes_have_the_identifiers_that_the_rules_name() {
        for attribute in NameAttribute::ALL {
            let identifier =
                ObjectIdentifier::from_der_contents(object_identifier(attribute)).unwrap();
            assert_eq!(identifier.to_string(), attribute.oid());
        }
    }

    #[test]
    fn only_a_whole_utf8_string_is_a_principal_name() {
        assert_eq!(utf8_string(b"\x0c\x03a@b"), Some(b"a@b".as_slice()));
        assert_eq!(utf8_string(b"\x0c\x03a@bc"), None);
        assert_eq!(utf8_string(b"\x0c\x02\xff\xff"), None);
        assert_eq!(utf8_string(b"\x16\x03a@b"), None);
    }
}
