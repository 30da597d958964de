//! Distinguished names.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::ObjectIdentifier;
use crate::der::{self, DerError, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET};
use crate::oid::known;

mod canonical;
mod parse;
mod text;

pub use text::is_unprintable;

pub(crate) use canonical::prepare;

/// A distinguished name. Two are equal when RFC 5280 §7.1 says so: case, inner white space and string types do not matter, order does.
#[derive(Clone)]
pub struct DistinguishedName {
    der: Box<[u8]>,
    canonical: Box<[u8]>,
    relative_names: Vec<Vec<Attribute>>,
}

/// One `AttributeTypeAndValue` of a name.
#[derive(Clone, Debug)]
pub struct Attribute {
    pub(crate) kind: ObjectIdentifier,
    pub(crate) value_der: Box<[u8]>,
    pub(crate) text: Option<String>,
}

impl Attribute {
    /// Reads what is inside of a `RelativeDistinguishedName`.
    pub(crate) fn read_set(set: Reader<'_>) -> Result<Vec<Self>, DerError> {
        parse::relative_name(set)
    }

    /// What kind of attribute it is.
    #[must_use]
    pub fn kind(&self) -> &ObjectIdentifier {
        &self.kind
    }

    /// The value as text; `None` when it is not of a string type or not well-formed.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The value, DER with tag and length.
    #[must_use]
    pub fn value_der(&self) -> &[u8] {
        &self.value_der
    }
}

impl DistinguishedName {
    /// Reads a DER `Name`; `None` when the bytes are none.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        Self::read(der).ok()
    }

    pub(crate) fn read(der: &[u8]) -> Result<Self, DerError> {
        let relative_names = parse::relative_names(der)?;
        Ok(Self {
            der: der.into(),
            canonical: canonical::canonical(&relative_names),
            relative_names,
        })
    }

    /// The name as it is in the certificate, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether the name has no attributes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.relative_names.is_empty()
    }

    /// The relative names in the order of the encoding (most general first), each with its attributes.
    pub fn relative_names(&self) -> impl Iterator<Item = &[Attribute]> {
        self.relative_names.iter().map(Vec::as_slice)
    }

    /// The texts of all attributes of a kind, in the order of the encoding.
    pub fn attributes<'a>(
        &'a self,
        kind: &'a ObjectIdentifier,
    ) -> impl Iterator<Item = &'a str> + 'a {
        self.relative_names
            .iter()
            .flatten()
            .filter(move |attribute| attribute.kind == *kind)
            .filter_map(Attribute::text)
    }
}

impl DistinguishedName {
    /// The text form of RFC 2253 (and 4514): most specific first, `CN=client 1,O=Example,C=US`.
    #[must_use]
    pub fn to_rfc2253(&self) -> String {
        text::rfc2253(&self.relative_names)
    }

    /// The text form of Java's `X500Principal.toString()`: `EMAILADDRESS=a@b, CN=x, OU=y, O=z, C=US`.
    #[must_use]
    pub fn to_java_string(&self) -> String {
        text::java(&self.relative_names)
    }

    /// The most specific common name.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.texts(known::COMMON_NAME).last()
    }

    /// The most specific organisation.
    #[must_use]
    pub fn organization(&self) -> Option<&str> {
        self.texts(known::ORGANIZATION).last()
    }

    /// All organisations.
    pub(crate) fn organizations(&self) -> impl Iterator<Item = &str> {
        self.texts(known::ORGANIZATION)
    }

    /// The organisational units, in the order of the encoding.
    #[must_use]
    pub fn organizational_units(&self) -> Vec<&str> {
        self.texts(known::ORGANIZATIONAL_UNIT).collect()
    }

    /// The domain components, in the order of the encoding (most general first).
    #[must_use]
    pub fn domain_components(&self) -> Vec<&str> {
        self.texts(known::DOMAIN_COMPONENT).collect()
    }

    /// The e-mail addresses, in the order of the encoding.
    #[must_use]
    pub fn email_addresses(&self) -> Vec<&str> {
        self.texts(known::EMAIL_ADDRESS).collect()
    }

    /// The name below this one that has the attributes (DER, without the SET around them) as its last relative name.
    pub(crate) fn child(&self, attributes: &[u8]) -> Option<Self> {
        let mut relative_names = self.relative_names.clone();
        relative_names.push(Attribute::read_set(Reader::new(attributes)).ok()?);
        let names: Vec<u8> = relative_names
            .iter()
            .flat_map(|name| encode_set(name))
            .collect();
        Self::read(&der::encode(SEQUENCE, &names)).ok()
    }

    /// What two names have in common that are equal: the key of indexes.
    pub(crate) fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// Whether this name is `base` or below it: its first relative names are those of `base` (RFC 5280 §4.2.1.10).
    pub(crate) fn is_within(&self, base: &Self) -> bool {
        // Each relative name is delimited in the canonical form, so that a prefix of octets is a prefix of relative names.
        self.canonical.starts_with(&base.canonical)
    }

    fn texts(&self, kind: &'static [u8]) -> impl Iterator<Item = &str> {
        self.relative_names
            .iter()
            .flatten()
            .filter(move |attribute| attribute.kind == *kind)
            .filter_map(Attribute::text)
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for DistinguishedName {}

impl Hash for DistinguishedName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical.hash(state);
    }
}

/// The text form of RFC 2253.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc2253())
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

fn encode_set(attributes: &[Attribute]) -> Vec<u8> {
    let parts: Vec<u8> = attributes
        .iter()
        .flat_map(|attribute| {
            let kind = der::encode(OBJECT_IDENTIFIER, attribute.kind.as_der_contents());
            der::encode(SEQUENCE, &[&kind[..], &attribute.value_der].concat())
        })
        .collect();
    der::encode(SET, &parts)
}

#[cfg(test)]
mod tests;
