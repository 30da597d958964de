//! Name constraints (RFC 5280 §4.2.1.10, §6.1.3(b) and (c)).
//!
//! A name is only compared with constraints of its own kind (threats C3.3), and whatever cannot be compared is outside what is permitted and
//! inside what is excluded.

use super::budget::{Budget, Exhausted};
use super::failure::Failure;
use crate::general_name::{TAG_DIRECTORY, TAG_DNS, TAG_EMAIL, TAG_IP, TAG_URI};
use crate::text;
use crate::{Certificate, GeneralName, GeneralSubtree, NameConstraints, Reason};

mod host;

/// The constraints that a CA of the path laid down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constraints<'a> {
    pub(super) constraints: &'a NameConstraints,
    pub(super) of: &'a Certificate,
}

/// The first name of the certificate that is outside the constraints.
pub(super) fn check(
    certificate: &Certificate,
    constraints: &[Constraints<'_>],
    budget: &mut Budget,
) -> Result<Option<Failure>, Exhausted> {
    if constraints.is_empty() {
        return Ok(None);
    }
    for name in names(certificate) {
        for constraint in constraints {
            if let Some(wrong) = outside(&name, constraint.constraints, budget)? {
                let explanation = format!(
                    "The name {} of {} is {wrong} of the CA {}.",
                    text::quote(&name.to_string()),
                    text::subject(certificate),
                    text::subject(constraint.of)
                );
                return Ok(Some(Failure::new(
                    Reason::NameConstraint,
                    certificate,
                    explanation,
                )));
            }
        }
    }
    Ok(None)
}

/// All names: the subject, the alternative names, and the e-mail addresses in the subject.
///
/// Deviation: RFC 5280 §4.2.1.10 wants the latter only "when … the certificate does not include a subject alternative name"; we always look at them, as
/// OpenSSL does, since they are forwarded as identity like any other name.
fn names(certificate: &Certificate) -> Vec<GeneralName> {
    let subject = certificate.subject();
    let whole = (!subject.is_empty()).then(|| GeneralName::DirectoryName(subject.clone()));
    let addresses = subject
        .email_addresses()
        .into_iter()
        .map(|address| GeneralName::Email(address.to_owned()));
    whole
        .into_iter()
        .chain(addresses)
        .chain(certificate.subject_alternative_names().iter().cloned())
        .collect()
}

/// In which way the name breaks the constraints.
fn outside(
    name: &GeneralName,
    constraints: &NameConstraints,
    budget: &mut Budget,
) -> Result<Option<&'static str>, Exhausted> {
    // Also for those of other kinds, which are only passed over: there may be thousands of them.
    budget.spend_name_comparisons(constraints.excluded.len() + constraints.permitted.len())?;
    for subtree in constraints
        .excluded
        .iter()
        .filter(|subtree| subtree.tag() == name.tag())
    {
        if is_inside(name, subtree, Subtrees::Excluded).unwrap_or(true) {
            return Ok(Some("inside the excluded subtrees"));
        }
    }
    let mut limited = false;
    for subtree in constraints
        .permitted
        .iter()
        .filter(|subtree| subtree.tag() == name.tag())
    {
        limited = true;
        if is_inside(name, subtree, Subtrees::Permitted).unwrap_or(false) {
            return Ok(None);
        }
    }
    Ok(limited.then_some("outside the permitted subtrees"))
}

/// Which list a subtree is from: a wildcard name must be wholly inside what is permitted and wholly outside what is excluded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Subtrees {
    Excluded,
    Permitted,
}

/// Whether the name is inside the subtree of its kind; `None` when that cannot be said.
fn is_inside(name: &GeneralName, subtree: &GeneralSubtree, list: Subtrees) -> Option<bool> {
    match (name, subtree) {
        (GeneralName::DirectoryName(name), GeneralSubtree::DirectoryName(base)) => {
            Some(name.is_within(base))
        }
        (GeneralName::Dns(name), GeneralSubtree::Dns(base)) => host::dns(name, base, list),
        (GeneralName::Email(address), GeneralSubtree::Email(base)) => host::email(address, base),
        (GeneralName::Uri(uri), GeneralSubtree::Uri(base)) => host::uri(uri, base),
        (GeneralName::Ip(address), GeneralSubtree::Ip(base)) => Some(match address {
            std::net::IpAddr::V4(address) => masked(&address.octets(), base),
            std::net::IpAddr::V6(address) => masked(&address.octets(), base),
        }),
        _ => None,
    }
}

/// RFC 5280 §4.2.1.10: address and mask "in the style of RFC 4632 (CIDR)". An address of the other family is outside.
fn masked(address: &[u8], base: &[u8]) -> bool {
    let (network, mask) = base.split_at(base.len() / 2);
    network.len() == address.len()
        && address
            .iter()
            .zip(network)
            .zip(mask)
            .all(|((octet, network), mask)| octet & mask == network & mask)
}

impl GeneralSubtree {
    fn tag(&self) -> u8 {
        match self {
            Self::DirectoryName(_) => TAG_DIRECTORY,
            Self::Dns(_) => TAG_DNS,
            Self::Email(_) => TAG_EMAIL,
            Self::Ip(_) => TAG_IP,
            Self::Unsupported { tag } => *tag,
            Self::Uri(_) => TAG_URI,
        }
    }
}

#[cfg(test)]
mod tests;
