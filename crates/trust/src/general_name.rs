//! General names: what subject alternative names, constraints and pointers are made of.

use std::fmt;
use std::net::IpAddr;

use crate::{DistinguishedName, ObjectIdentifier};

/// One general name (RFC 5280 §4.2.1.6). A name is only ever compared with names of its own kind.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum GeneralName {
    /// A distinguished name.
    DirectoryName(DistinguishedName),
    /// A DNS name, printable ASCII as it is in the certificate.
    Dns(String),
    /// An `ediPartyName`, DER contents.
    EdiParty(Box<[u8]>),
    /// An e-mail address, printable ASCII as it is in the certificate.
    Email(String),
    /// An IP address.
    Ip(IpAddr),
    /// A name of another kind: its type and its value, DER.
    Other {
        /// What kind of name.
        kind: ObjectIdentifier,
        /// The value, DER.
        value: Box<[u8]>,
    },
    /// A registered object identifier.
    RegisteredId(ObjectIdentifier),
    /// A name whose value breaks the rules of its kind (characters outside printable ASCII in a DNS name, an address of five octets, …).
    /// It equals no name that anybody could configure.
    Unreadable {
        /// The number of its kind (RFC 5280 §4.2.1.6).
        tag: u8,
        /// The contents.
        contents: Box<[u8]>,
    },
    /// A URI, printable ASCII as it is in the certificate.
    Uri(String),
    /// An `x400Address`, DER contents.
    X400(Box<[u8]>),
}

/// In the way of OpenSSL: `DNS:a.example`, `email:a@b.example`, `URI:spiffe://…`, `IP:192.0.2.1`, `dirName:CN=…`.
impl fmt::Display for GeneralName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DirectoryName(name) => write!(f, "dirName:{name}"),
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::EdiParty(_) => f.write_str("ediPartyName:<unsupported>"),
            Self::Email(address) => write!(f, "email:{address}"),
            Self::Ip(address) => write!(f, "IP:{address}"),
            Self::Other { kind, .. } => write!(f, "othername:{kind}"),
            Self::RegisteredId(oid) => write!(f, "RID:{oid}"),
            Self::Unreadable { tag, contents } => {
                write!(f, "unreadable[{tag}]:{}", contents.escape_ascii())
            }
            Self::Uri(uri) => write!(f, "URI:{uri}"),
            Self::X400(_) => f.write_str("X400Name:<unsupported>"),
        }
    }
}
