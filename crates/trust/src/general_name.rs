//! General names: what subject alternative names, constraints and pointers are made of.

use std::fmt;
use std::net::IpAddr;

use crate::der::{self, DerError, Reader, SEQUENCE, Value};
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

pub(crate) const TAG_OTHER: u8 = 0;
pub(crate) const TAG_EMAIL: u8 = 1;
pub(crate) const TAG_DNS: u8 = 2;
pub(crate) const TAG_X400: u8 = 3;
pub(crate) const TAG_DIRECTORY: u8 = 4;
pub(crate) const TAG_EDI_PARTY: u8 = 5;
pub(crate) const TAG_URI: u8 = 6;
pub(crate) const TAG_IP: u8 = 7;
pub(crate) const TAG_REGISTERED_ID: u8 = 8;

impl GeneralName {
    /// The number of its kind (RFC 5280 §4.2.1.6).
    pub(crate) fn tag(&self) -> u8 {
        match self {
            Self::DirectoryName(_) => TAG_DIRECTORY,
            Self::Dns(_) => TAG_DNS,
            Self::EdiParty(_) => TAG_EDI_PARTY,
            Self::Email(_) => TAG_EMAIL,
            Self::Ip(_) => TAG_IP,
            Self::Other { .. } => TAG_OTHER,
            Self::RegisteredId(_) => TAG_REGISTERED_ID,
            Self::Unreadable { tag, .. } => *tag,
            Self::Uri(_) => TAG_URI,
            Self::X400(_) => TAG_X400,
        }
    }

    /// Reads one name. Fails when it is none of the nine kinds; a value that breaks the rules of its kind is
    /// [`GeneralName::Unreadable`].
    pub(crate) fn read(value: Value<'_>) -> Result<Self, DerError> {
        let (tag, constructed) = (value.tag & 0x1f, value.tag & 0x20 != 0);
        let expects_constructed =
            matches!(tag, TAG_OTHER | TAG_X400 | TAG_DIRECTORY | TAG_EDI_PARTY);
        if value.tag & 0xc0 != 0x80 || tag > TAG_REGISTERED_ID || constructed != expects_constructed
        {
            return Err(DerError);
        }
        let contents = value.contents;
        let name = match tag {
            TAG_OTHER => other(contents),
            TAG_EMAIL => text(contents).map(Self::Email),
            TAG_DNS => text(contents).map(Self::Dns),
            TAG_X400 => Some(Self::X400(contents.into())),
            TAG_DIRECTORY => DistinguishedName::read(contents)
                .ok()
                .map(Self::DirectoryName),
            TAG_EDI_PARTY => Some(Self::EdiParty(contents.into())),
            TAG_URI => text(contents).map(Self::Uri),
            TAG_IP => ip(contents).map(Self::Ip),
            _ => ObjectIdentifier::from_der_contents(contents).map(Self::RegisteredId),
        };
        Ok(name.unwrap_or_else(|| Self::Unreadable {
            tag,
            contents: contents.into(),
        }))
    }

    /// Reads all names that are left.
    pub(crate) fn read_all(reader: Reader<'_>) -> Result<Vec<Self>, DerError> {
        reader.each(|names| Self::read(names.next()?))
    }

    /// Reads a `GeneralNames`.
    pub(crate) fn read_sequence(der: &[u8]) -> Result<Vec<Self>, DerError> {
        Self::read_all(der::single(der, SEQUENCE)?.reader())
    }
}

/// Printable ASCII only: with NUL, line ends or other alphabets in it, a name could be taken for another one downstream (threats C3.3).
pub(crate) fn text(contents: &[u8]) -> Option<String> {
    contents
        .iter()
        .all(|octet| matches!(octet, b' '..=b'~'))
        .then(|| String::from_utf8_lossy(contents).into_owned())
}

fn ip(contents: &[u8]) -> Option<IpAddr> {
    match contents.len() {
        4 => <[u8; 4]>::try_from(contents).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(contents).ok().map(IpAddr::from),
        _ => None,
    }
}

fn other(contents: &[u8]) -> Option<GeneralName> {
    let mut reader = Reader::new(contents);
    let kind = reader.object_identifier().ok()?;
    let value = reader.expect(der::context_constructed(0)).ok()?;
    reader.end().ok()?;
    Some(GeneralName::Other {
        kind,
        value: value.contents.into(),
    })
}
