//! CRL distribution points (RFC 5280 §4.2.1.13).

use crate::der::{self, DerError, NamedBits, Reader, Value};
use crate::name::Attribute;
use crate::{DistinguishedName, GeneralName};

/// Where a CRL is, and for which reasons it lists certificates.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct DistributionPoint {
    /// What it is called; `None` when only its issuer is named.
    pub name: Option<DistributionPointName>,
    /// The reasons that the CRL covers; `None` when all.
    pub reasons: Option<RevocationReasons>,
    /// Who issues the CRL; empty when it is the issuer of the certificate.
    pub crl_issuer: Vec<GeneralName>,
}

/// What a distribution point is called.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum DistributionPointName {
    /// Names of the same CRL.
    Full(Vec<GeneralName>),
    /// A relative name below the name of the CRL's issuer: its attributes, DER.
    Relative(Box<[u8]>),
}

/// A set of reasons for revocation: bit 1 is `keyCompromise`, bit 8 `aACompromise` (RFC 5280 §4.2.1.13).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct RevocationReasons(pub(crate) u16);

impl RevocationReasons {
    /// All reasons.
    pub const ALL: Self = Self(0b1_1111_1110);

    /// The reasons in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The reasons in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self((self.0 | other.0) & Self::ALL.0)
    }

    pub(crate) fn read(contents: &[u8]) -> Result<Self, DerError> {
        NamedBits::read(contents).map(|bits| Self(bits.0 & Self::ALL.0))
    }
}

impl DistributionPoint {
    /// The URIs among its names.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        let names = match &self.name {
            Some(DistributionPointName::Full(names)) => names.as_slice(),
            _ => &[],
        };
        names.iter().filter_map(|name| match name {
            GeneralName::Uri(uri) => Some(uri.as_str()),
            _ => None,
        })
    }

    pub(crate) fn read(points: &mut Reader<'_>) -> Result<Self, DerError> {
        let mut point = points.sequence()?;
        let name = point
            .optional(der::context_constructed(0))?
            .map(read_distribution_point_name)
            .transpose()?;
        let reasons = point
            .optional(der::context(1))?
            .map(|value| RevocationReasons::read(value.contents))
            .transpose()?;
        let crl_issuer = point
            .optional(der::context_constructed(2))?
            .map(|value| GeneralName::read_all(value.reader()))
            .transpose()?
            .unwrap_or_default();
        point.end()?;
        Ok(Self {
            name,
            reasons,
            crl_issuer,
        })
    }
}

impl DistributionPointName {
    /// All names that it stands for, the relative one below the name of the CRL's issuer.
    pub(crate) fn names(&self, crl_issuer: &DistinguishedName) -> Vec<GeneralName> {
        match self {
            Self::Full(names) => names.clone(),
            Self::Relative(attributes) => crl_issuer
                .child(attributes)
                .map(GeneralName::DirectoryName)
                .into_iter()
                .collect(),
        }
    }
}

/// Reads what is inside of the explicit tag of a `DistributionPointName`.
pub(crate) fn read_distribution_point_name(
    wrapper: Value<'_>,
) -> Result<DistributionPointName, DerError> {
    let mut inner = wrapper.reader();
    let choice = inner.next()?;
    inner.end()?;
    if choice.tag == der::context_constructed(0) {
        return GeneralName::read_all(choice.reader()).map(DistributionPointName::Full);
    }
    if choice.tag == der::context_constructed(1) {
        Attribute::read_set(choice.reader())?;
        return Ok(DistributionPointName::Relative(choice.contents.into()));
    }
    Err(DerError)
}
