//! Distinguished names.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::ObjectIdentifier;

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

impl DistinguishedName {
    /// The text form of RFC 2253 (and 4514): most specific first, `CN=client 1,O=Example,C=US`.
    #[must_use]
    pub fn to_rfc2253(&self) -> String {
        String::new()
    }

    /// The text form of Java's `X500Principal.toString()`: `EMAILADDRESS=a@b, CN=x, OU=y, O=z, C=US`.
    #[must_use]
    pub fn to_java_string(&self) -> String {
        String::new()
    }

    /// The most specific common name.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        None
    }

    /// The most specific organisation.
    #[must_use]
    pub fn organization(&self) -> Option<&str> {
        None
    }

    /// The organisational units, in the order of the encoding.
    #[must_use]
    pub fn organizational_units(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The domain components, in the order of the encoding (most general first).
    #[must_use]
    pub fn domain_components(&self) -> Vec<&str> {
        Vec::new()
    }
}
