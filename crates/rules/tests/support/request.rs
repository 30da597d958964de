//! A request and a client, written down as plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use countersign_rules::{CertificateState, Facts, NameAttribute, Protocol, SanKind};

/// Plain data behind [`Facts`]. The default is a GET of `/` from a client without a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) hostname: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) method: String,
    pub(crate) protocol: Protocol,
    pub(crate) client_ip: IpAddr,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) state: CertificateState,
    pub(crate) satisfied: Vec<String>,
    pub(crate) revocation_good: bool,
    pub(crate) refusal: Option<String>,
    pub(crate) subject: Vec<(NameAttribute, String)>,
    pub(crate) issuer: Vec<(NameAttribute, String)>,
    pub(crate) sans: Vec<(SanKind, Vec<u8>)>,
    pub(crate) fingerprint: Option<[u8; 32]>,
    pub(crate) spki: Option<[u8; 32]>,
    pub(crate) serial: Option<Vec<u8>>,
    pub(crate) days_left: Option<i64>,
}

impl Default for Request {
    fn default() -> Request {
        Request {
            hostname: "www.example.com".to_owned(),
            path: "/".to_owned(),
            query: None,
            method: "GET".to_owned(),
            protocol: Protocol::Https,
            client_ip: IpAddr::from([192, 0, 2, 1]),
            headers: Vec::new(),
            state: CertificateState::Missing,
            satisfied: Vec::new(),
            revocation_good: false,
            refusal: Some("missing".to_owned()),
            subject: Vec::new(),
            issuer: Vec::new(),
            sans: Vec::new(),
            fingerprint: None,
            spki: None,
            serial: None,
            days_left: None,
        }
    }
}

impl Request {
    pub(crate) fn to(path: &str) -> Request {
        Request {
            path: path.to_owned(),
            ..Request::default()
        }
    }

    /// With a certificate of Alice that satisfies these CA sets of the binding.
    pub(crate) fn with_certificate(self, ca_sets: &[&str]) -> Request {
        let valid = !ca_sets.is_empty();
        Request {
            state: if valid {
                CertificateState::Valid
            } else {
                CertificateState::Invalid
            },
            satisfied: ca_sets.iter().map(|ca_set| (*ca_set).to_owned()).collect(),
            refusal: (!valid).then(|| "unknown_issuer".to_owned()),
            subject: vec![
                (NameAttribute::CommonName, "alice".to_owned()),
                (NameAttribute::OrganizationalUnit, "payments".to_owned()),
                (NameAttribute::OrganizationalUnit, "operations".to_owned()),
            ],
            issuer: vec![(NameAttribute::CommonName, "Example CA".to_owned())],
            sans: vec![
                (SanKind::Dns, b"alice.example.com".to_vec()),
                (SanKind::Uri, b"spiffe://example/alice".to_vec()),
                (SanKind::Ip, vec![192, 0, 2, 7]),
            ],
            fingerprint: Some([0xab; 32]),
            spki: Some([0xcd; 32]),
            serial: Some(vec![0x00, 0x0a, 0x1b]),
            days_left: Some(12),
            ..self
        }
    }
}

impl Facts for Request {
    fn hostname(&self) -> &str {
        &self.hostname
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn client_ip(&self) -> IpAddr {
        self.client_ip
    }

    fn any_header(&self, name: &str, matches: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.headers
            .iter()
            .any(|(header, value)| header == name && matches(value.as_bytes()))
    }

    fn any_header_at_all(&self, matches: &mut dyn FnMut(&str, &[u8]) -> bool) -> bool {
        self.headers
            .iter()
            .any(|(header, value)| matches(header, value.as_bytes()))
    }

    fn certificate_state(&self) -> CertificateState {
        self.state
    }

    fn satisfies_ca_set(&self, ca_set: &str) -> bool {
        self.satisfied.iter().any(|satisfied| satisfied == ca_set)
    }

    fn revocation_status_is_good(&self) -> bool {
        self.revocation_good
    }

    fn refusal_code(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    fn any_subject_attribute(
        &self,
        attribute: NameAttribute,
        matches: &mut dyn FnMut(&str) -> bool,
    ) -> bool {
        self.subject
            .iter()
            .any(|(known, value)| *known == attribute && matches(value))
    }

    fn any_issuer_attribute(
        &self,
        attribute: NameAttribute,
        matches: &mut dyn FnMut(&str) -> bool,
    ) -> bool {
        self.issuer
            .iter()
            .any(|(known, value)| *known == attribute && matches(value))
    }

    fn any_subject_alternative_name(
        &self,
        kind: SanKind,
        matches: &mut dyn FnMut(&[u8]) -> bool,
    ) -> bool {
        self.sans
            .iter()
            .any(|(known, octets)| *known == kind && matches(octets))
    }

    fn certificate_fingerprint(&self) -> Option<&[u8; 32]> {
        self.fingerprint.as_ref()
    }

    fn spki_fingerprint(&self) -> Option<&[u8; 32]> {
        self.spki.as_ref()
    }

    fn serial_number(&self) -> Option<&[u8]> {
        self.serial.as_deref()
    }

    fn days_left(&self) -> Option<i64> {
        self.days_left
    }

    fn write_subject(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        write_name(&self.subject, out)
    }

    fn write_issuer(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        write_name(&self.issuer, out)
    }
}

fn write_name(name: &[(NameAttribute, String)], out: &mut dyn fmt::Write) -> fmt::Result {
    let grouped: BTreeMap<&str, &str> = name
        .iter()
        .rev()
        .map(|(attribute, value)| (attribute.name(), value.as_str()))
        .collect();
    grouped
        .iter()
        .try_for_each(|(attribute, value)| write!(out, "{attribute}={value};"))
}
