//! Subjects.

use rcgen::{DistinguishedName, DnType, DnValue, string::PrintableString};

use crate::IssueError;

/// Whom a certificate is for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Subject {
    common_name: Option<String>,
    organization: Option<String>,
    organizational_unit: Option<String>,
    country: Option<String>,
}

impl Subject {
    /// The subject `CN=name`.
    pub fn common_name(name: impl Into<String>) -> Self {
        Self {
            common_name: Some(name.into()),
            ..Self::default()
        }
    }

    /// Adds the organization.
    pub fn organization(mut self, name: impl Into<String>) -> Self {
        self.organization = Some(name.into());
        self
    }

    /// Adds the organizational unit.
    pub fn organizational_unit(mut self, name: impl Into<String>) -> Self {
        self.organizational_unit = Some(name.into());
        self
    }

    /// Adds the country, two letters.
    pub fn country(mut self, code: impl Into<String>) -> Self {
        self.country = Some(code.into());
        self
    }

    pub(crate) fn to_distinguished_name(&self) -> Result<DistinguishedName, IssueError> {
        let mut name = DistinguishedName::new();
        if let Some(country) = &self.country {
            let letters = country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphabetic());
            let code = PrintableString::try_from(country.as_str()).ok();
            let code = code.filter(|_| letters).ok_or(IssueError::Country)?;
            name.push(DnType::CountryName, DnValue::PrintableString(code));
        }
        let attributes = [
            (DnType::OrganizationName, &self.organization),
            (DnType::OrganizationalUnitName, &self.organizational_unit),
            (DnType::CommonName, &self.common_name),
        ];
        for (kind, value) in attributes {
            let Some(value) = value else { continue };
            // RFC 5280 appendix A.1: ub-common-name, ub-organization-name and ub-organizational-unit-name are 64.
            let characters = value.chars().count();
            if !(1..=64).contains(&characters) {
                return Err(IssueError::SubjectLength { characters });
            }
            name.push(kind, value.as_str());
        }
        Ok(name)
    }
}
