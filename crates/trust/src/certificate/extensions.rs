//! The extensions that we understand.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::DistributionPoint;
use crate::der::NamedBits;
use crate::oid::known;
use crate::{GeneralName, ObjectIdentifier, SerialNumber};

/// Everything that the extensions say.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    pub(crate) subject_alternative_names: Vec<GeneralName>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usage: Option<ExtendedKeyUsage>,
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) name_constraints: Option<NameConstraints>,
    pub(crate) subject_key_identifier: Option<Box<[u8]>>,
    pub(crate) authority_key_identifier: Option<AuthorityKeyIdentifier>,
    pub(crate) authority_information_access: Vec<AccessDescription>,
    pub(crate) crl_distribution_points: Vec<DistributionPoint>,
    pub(crate) ocsp_no_check: bool,
    pub(crate) certificate_policies: Vec<ObjectIdentifier>,
    pub(crate) policy_mappings: Vec<(ObjectIdentifier, ObjectIdentifier)>,
    pub(crate) policy_constraints: PolicyConstraints,
    pub(crate) unknown_critical: Option<ObjectIdentifier>,
}

/// What a CA asks of the policies below it (RFC 5280 §4.2.1.11, §4.2.1.14): after how many certificates each holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct PolicyConstraints {
    pub(crate) require_explicit: Option<u32>,
    pub(crate) inhibit_mapping: Option<u32>,
    pub(crate) inhibit_any: Option<u32>,
}

/// What a key may be used for (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct KeyUsage(pub(crate) NamedBits);

impl KeyUsage {
    /// Signing handshakes and the like.
    #[must_use]
    pub fn digital_signature(self) -> bool {
        self.has(0)
    }

    /// Signing statements (`nonRepudiation`).
    #[must_use]
    pub fn content_commitment(self) -> bool {
        self.has(1)
    }

    /// Encrypting keys.
    #[must_use]
    pub fn key_encipherment(self) -> bool {
        self.has(2)
    }

    /// Encrypting data.
    #[must_use]
    pub fn data_encipherment(self) -> bool {
        self.has(3)
    }

    /// Agreeing on keys.
    #[must_use]
    pub fn key_agreement(self) -> bool {
        self.has(4)
    }

    /// Signing certificates.
    #[must_use]
    pub fn key_cert_sign(self) -> bool {
        self.has(5)
    }

    /// Signing CRLs.
    #[must_use]
    pub fn crl_sign(self) -> bool {
        self.has(6)
    }

    fn has(self, bit: u32) -> bool {
        self.0.has(bit)
    }
}

/// The names that RFC 5280 gives the uses, separated by a comma and a space.
impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 9] = [
            "digitalSignature",
            "nonRepudiation",
            "keyEncipherment",
            "dataEncipherment",
            "keyAgreement",
            "keyCertSign",
            "cRLSign",
            "encipherOnly",
            "decipherOnly",
        ];
        let names: Vec<_> = (0..)
            .zip(NAMES)
            .filter(|(bit, _)| self.has(*bit))
            .map(|(_, name)| name)
            .collect();
        f.write_str(&names.join(", "))
    }
}

/// What a certificate may be used for (RFC 5280 §4.2.1.12).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ExtendedKeyUsage {
    pub(crate) purposes: Vec<ObjectIdentifier>,
}

impl ExtendedKeyUsage {
    /// The purposes in their order.
    #[must_use]
    pub fn purposes(&self) -> &[ObjectIdentifier] {
        &self.purposes
    }

    /// Proving a client's identity in TLS.
    #[must_use]
    pub fn client_auth(&self) -> bool {
        self.has(known::CLIENT_AUTH)
    }

    /// Proving a server's identity in TLS.
    #[must_use]
    pub fn server_auth(&self) -> bool {
        self.has(known::SERVER_AUTH)
    }

    /// Any purpose.
    #[must_use]
    pub fn any(&self) -> bool {
        self.has(known::ANY_EXTENDED_KEY_USAGE)
    }

    /// Signing OCSP responses for another CA.
    #[must_use]
    pub fn ocsp_signing(&self) -> bool {
        self.has(known::OCSP_SIGNING)
    }

    fn has(&self, purpose: &[u8]) -> bool {
        self.purposes.iter().any(|known| *known == *purpose)
    }
}

/// The names that RFC 5280 gives the purposes, or their numbers, separated by a comma and a space.
impl fmt::Display for ExtendedKeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .purposes
            .iter()
            .map(|purpose| match purpose.as_der_contents() {
                known::ANY_EXTENDED_KEY_USAGE => "anyExtendedKeyUsage".to_owned(),
                known::CLIENT_AUTH => "clientAuth".to_owned(),
                known::OCSP_SIGNING => "OCSPSigning".to_owned(),
                known::SERVER_AUTH => "serverAuth".to_owned(),
                _ => purpose.to_string(),
            })
            .collect();
        f.write_str(&names.join(", "))
    }
}

/// Whether a certificate is a CA (RFC 5280 §4.2.1.9).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct BasicConstraints {
    /// Whether it may issue certificates.
    pub ca: bool,
    /// How many intermediates may follow below it; `None` when it does not say.
    pub path_length: Option<u32>,
}

/// For which names a CA may issue (RFC 5280 §4.2.1.10).
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct NameConstraints {
    /// Names of the kinds that appear here must be inside one of the subtrees of their kind.
    pub permitted: Vec<GeneralSubtree>,
    /// Names must be outside all of these.
    pub excluded: Vec<GeneralSubtree>,
}

/// A part of a name space.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum GeneralSubtree {
    /// Distinguished names that start with this.
    DirectoryName(crate::DistinguishedName),
    /// This DNS name and those below it.
    Dns(String),
    /// A mailbox, the mailboxes of a host, or (with a leading dot) those of the hosts below a domain.
    Email(String),
    /// IP addresses: the address and mask octets, 8 or 32.
    Ip(Box<[u8]>),
    /// URIs whose host is this, or (with a leading dot) is below this domain.
    Uri(String),
    /// A kind of name that we cannot compare, a subtree with `minimum` or `maximum`, or a constraint that breaks the rules of its kind.
    Unsupported {
        /// The number of its kind (RFC 5280 §4.2.1.6).
        tag: u8,
    },
}

/// In the way of OpenSSL: `DNS:example.com`, `IP:192.0.2.0/255.255.255.0`.
impl fmt::Display for GeneralSubtree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DirectoryName(name) => write!(f, "dirName:{name}"),
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Email(address) => write!(f, "email:{address}"),
            Self::Ip(octets) => {
                let (network, mask) = octets.split_at(octets.len() / 2);
                match (<[u8; 4]>::try_from(network), <[u8; 4]>::try_from(mask)) {
                    (Ok(network), Ok(mask)) => {
                        write!(f, "IP:{}/{}", Ipv4Addr::from(network), Ipv4Addr::from(mask))
                    }
                    _ => match (<[u8; 16]>::try_from(network), <[u8; 16]>::try_from(mask)) {
                        (Ok(network), Ok(mask)) => {
                            write!(f, "IP:{}/{}", Ipv6Addr::from(network), Ipv6Addr::from(mask))
                        }
                        _ => f.write_str("IP:<unreadable>"),
                    },
                }
            }
            Self::Unsupported { tag } => write!(f, "unsupported[{tag}]"),
            Self::Uri(host) => write!(f, "URI:{host}"),
        }
    }
}

/// The hint at the issuer's key (RFC 5280 §4.2.1.1).
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct AuthorityKeyIdentifier {
    /// The subject key identifier of the issuer.
    pub key_identifier: Option<Box<[u8]>>,
    /// The name of the issuer's issuer; empty when it does not say.
    pub issuer: Vec<GeneralName>,
    /// The serial number of the issuer's certificate.
    pub serial: Option<SerialNumber>,
}

/// Where to find something about the issuer (RFC 5280 §4.2.2.1).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct AccessDescription {
    /// What is there.
    pub method: ObjectIdentifier,
    /// Where it is.
    pub location: GeneralName,
}
