//! What a program may ask about a request and its client.

use std::fmt;
use std::net::IpAddr;

/// What is known about the client's certificate on this connection, over all CA sets of the binding.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CertificateState {
    /// A certificate came and satisfies none of the binding's CA sets.
    Invalid,
    /// No certificate came.
    Missing,
    /// A certificate came and satisfies at least one of the binding's CA sets.
    Valid,
}

/// How the request reached the edge.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Protocol {
    /// Without TLS.
    Http,
    /// With TLS, whatever the version of HTTP. HTTP/1.1, 2 and 3 are one: a rule that told them apart would let a
    /// client choose its policy by choosing a protocol (Invariant I2).
    Https,
}

/// An attribute of a distinguished name that a rule may compare.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NameAttribute {
    /// `CN`, 2.5.4.3.
    CommonName,
    /// `C`, 2.5.4.6.
    Country,
    /// `DC`, 0.9.2342.19200300.100.1.25.
    DomainComponent,
    /// `E`, 1.2.840.113549.1.9.1.
    EmailAddress,
    /// `L`, 2.5.4.7.
    Locality,
    /// `O`, 2.5.4.10.
    Organization,
    /// `OU`, 2.5.4.11.
    OrganizationalUnit,
    /// `serialNumber`, 2.5.4.5: a device or person number within the name, not the certificate's serial.
    SerialNumber,
    /// `ST`, 2.5.4.8.
    StateOrProvince,
    /// `UID`, 0.9.2342.19200300.100.1.1.
    UserId,
}

impl NameAttribute {
    /// Every attribute, in the order of the rule format's documentation.
    pub const ALL: [NameAttribute; 10] = [
        NameAttribute::CommonName,
        NameAttribute::Organization,
        NameAttribute::OrganizationalUnit,
        NameAttribute::Country,
        NameAttribute::StateOrProvince,
        NameAttribute::Locality,
        NameAttribute::SerialNumber,
        NameAttribute::EmailAddress,
        NameAttribute::UserId,
        NameAttribute::DomainComponent,
    ];

    /// Object identifier in dotted form.
    pub const fn oid(self) -> &'static str {
        match self {
            NameAttribute::CommonName => "2.5.4.3",
            NameAttribute::Country => "2.5.4.6",
            NameAttribute::DomainComponent => "0.9.2342.19200300.100.1.25",
            NameAttribute::EmailAddress => "1.2.840.113549.1.9.1",
            NameAttribute::Locality => "2.5.4.7",
            NameAttribute::Organization => "2.5.4.10",
            NameAttribute::OrganizationalUnit => "2.5.4.11",
            NameAttribute::SerialNumber => "2.5.4.5",
            NameAttribute::StateOrProvince => "2.5.4.8",
            NameAttribute::UserId => "0.9.2342.19200300.100.1.1",
        }
    }

    /// Its name in the rule format, for example `COMMON_NAME`.
    pub const fn name(self) -> &'static str {
        match self {
            NameAttribute::CommonName => "COMMON_NAME",
            NameAttribute::Country => "COUNTRY",
            NameAttribute::DomainComponent => "DOMAIN_COMPONENT",
            NameAttribute::EmailAddress => "EMAIL_ADDRESS",
            NameAttribute::Locality => "LOCALITY",
            NameAttribute::Organization => "ORGANIZATION",
            NameAttribute::OrganizationalUnit => "ORGANIZATIONAL_UNIT",
            NameAttribute::SerialNumber => "SERIAL_NUMBER",
            NameAttribute::StateOrProvince => "STATE_OR_PROVINCE",
            NameAttribute::UserId => "USER_ID",
        }
    }
}

/// A type of subject alternative name. A name of one type never equals a name of another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SanKind {
    /// dNSName.
    Dns,
    /// rfc822Name.
    Email,
    /// iPAddress: 4 or 16 octets.
    Ip,
    /// otherName with the user principal name type, 1.3.6.1.4.1.311.20.2.3, decoded from its UTF8String.
    Upn,
    /// uniformResourceIdentifier.
    Uri,
}

/// The facts about one request and its client. Every answer is borrowed; nothing here should allocate or block.
///
/// The identity methods describe the certificate that the client presented, verified or not. The program uses them
/// only when [`certificate_state`](Facts::certificate_state) is [`Valid`](CertificateState::Valid), so that no rule
/// can trust the name in a certificate that nobody vouched for.
pub trait Facts {
    /// Host of the request in canonical form: lower case, A-labels, no port, no trailing dot.
    fn hostname(&self) -> &str;
    /// Path exactly as it will be forwarded to the origin, percent-encoding included, without the query.
    fn path(&self) -> &str;
    /// Query string without the question mark, exactly as it will be forwarded.
    fn query(&self) -> Option<&str>;
    /// Method, case-sensitive.
    fn method(&self) -> &str;
    /// With or without TLS.
    fn protocol(&self) -> Protocol;
    /// Address of the client (of the peer of the connection).
    fn client_ip(&self) -> IpAddr;

    /// Whether `matches` holds for any value of the header `name` (lower case).
    fn any_header(&self, name: &str, matches: &mut dyn FnMut(&[u8]) -> bool) -> bool;
    /// Whether `matches` holds for any header, given its name in lower case and its value.
    fn any_header_at_all(&self, matches: &mut dyn FnMut(&str, &[u8]) -> bool) -> bool;

    /// State of the client's certificate over all CA sets of the binding.
    fn certificate_state(&self) -> CertificateState;
    /// Whether the certificate is valid against the CA set with this id. False for a set that the binding does not have.
    fn satisfies_ca_set(&self, ca_set: &str) -> bool;
    /// Whether the revocation status of the certificate was established as good. False when it is unknown.
    fn revocation_status_is_good(&self) -> bool;
    /// Code of the reason why the certificate is missing or was refused; `None` when it is valid.
    fn refusal_code(&self) -> Option<&str>;

    /// Whether `matches` holds for any value of this attribute of the subject.
    fn any_subject_attribute(
        &self,
        attribute: NameAttribute,
        matches: &mut dyn FnMut(&str) -> bool,
    ) -> bool;
    /// Whether `matches` holds for any value of this attribute of the issuer.
    fn any_issuer_attribute(
        &self,
        attribute: NameAttribute,
        matches: &mut dyn FnMut(&str) -> bool,
    ) -> bool;
    /// Whether `matches` holds for any subject alternative name of this type; its octets as in the certificate.
    fn any_subject_alternative_name(
        &self,
        kind: SanKind,
        matches: &mut dyn FnMut(&[u8]) -> bool,
    ) -> bool;
    /// SHA-256 of the certificate.
    fn certificate_fingerprint(&self) -> Option<&[u8; 32]>;
    /// SHA-256 of the certificate's SubjectPublicKeyInfo.
    fn spki_fingerprint(&self) -> Option<&[u8; 32]>;
    /// Serial number of the certificate as big-endian octets.
    fn serial_number(&self) -> Option<&[u8]>;
    /// Whole days until the certificate expires, rounded down; negative once it has expired.
    fn days_left(&self) -> Option<i64>;
    /// Writes the whole subject as text, for logs and headers only.
    ///
    /// # Errors
    /// Only those of `out`.
    fn write_subject(&self, out: &mut dyn fmt::Write) -> fmt::Result;
    /// Writes the whole issuer as text, for logs and headers only.
    ///
    /// # Errors
    /// Only those of `out`.
    fn write_issuer(&self, out: &mut dyn fmt::Write) -> fmt::Result;
}
