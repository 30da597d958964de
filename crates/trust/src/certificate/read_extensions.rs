//! Reading extensions.

use super::DistributionPoint;
use super::extensions::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, Extensions,
    GeneralSubtree, KeyUsage, NameConstraints,
};
use crate::der::{
    self, BIT_STRING, DerError, INTEGER, NamedBits, OCTET_STRING, Reader, SEQUENCE, Value, context,
    context_constructed,
};
use crate::general_name::{TAG_DIRECTORY, TAG_DNS, TAG_EMAIL, TAG_IP, TAG_URI, text};
use crate::oid::known;
use crate::{DistinguishedName, GeneralName, ObjectIdentifier, SerialNumber};

/// Reads all extensions. Fails when the list itself is malformed; a malformed extension that matters is a defect.
pub(super) fn read_extensions(
    wrapper: Value<'_>,
    defects: &mut Vec<&'static str>,
) -> Result<Extensions, DerError> {
    let mut inner = wrapper.reader();
    let list = inner.sequence()?;
    inner.end()?;
    let mut extensions = Extensions::default();
    let mut seen: Vec<ObjectIdentifier> = Vec::new();
    for extension in list.each(Extension::read)? {
        // RFC 5280 §4.2: "A certificate MUST NOT include more than one instance of a particular extension."
        if seen.contains(&extension.kind) {
            defects.push("an extension that is there twice");
            continue;
        }
        read_extension(&extension, &mut extensions, defects);
        seen.push(extension.kind);
        // A list of thousands would make the search above quadratic.
        if seen.len() > MAX_EXTENSIONS {
            return Err(DerError);
        }
    }
    Ok(extensions)
}

const MAX_EXTENSIONS: usize = 64;

/// One `Extension`, not yet understood.
pub(crate) struct Extension<'a> {
    pub(crate) kind: ObjectIdentifier,
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

impl<'a> Extension<'a> {
    pub(crate) fn read(list: &mut Reader<'a>) -> Result<Self, DerError> {
        let mut extension = list.sequence()?;
        let kind = extension.object_identifier()?;
        let critical = extension.boolean_default_false()?;
        let value = extension.expect(OCTET_STRING)?.contents;
        extension.end()?;
        Ok(Self {
            kind,
            critical,
            value,
        })
    }
}

fn read_extension(
    extension: &Extension<'_>,
    extensions: &mut Extensions,
    defects: &mut Vec<&'static str>,
) {
    let value = extension.value;
    let mut or_defect = |done: Result<(), DerError>, defect| {
        if done.is_err() {
            defects.push(defect);
        }
    };
    match extension.kind.as_der_contents() {
        known::KEY_USAGE => or_defect(
            der::single(value, BIT_STRING)
                .and_then(|bits| NamedBits::read(bits.contents))
                .map(|bits| extensions.key_usage = Some(KeyUsage(bits))),
            "a malformed keyUsage extension",
        ),
        known::EXTENDED_KEY_USAGE => or_defect(
            extended_key_usage(value).map(|usage| extensions.extended_key_usage = Some(usage)),
            "a malformed extendedKeyUsage extension",
        ),
        known::BASIC_CONSTRAINTS => or_defect(
            basic_constraints(value).map(|found| extensions.basic_constraints = Some(found)),
            "a malformed basicConstraints extension",
        ),
        known::NAME_CONSTRAINTS => or_defect(
            name_constraints(value).map(|found| extensions.name_constraints = Some(found)),
            "a malformed nameConstraints extension",
        ),
        known::SUBJECT_ALTERNATIVE_NAME => or_defect(
            GeneralName::read_sequence(value)
                .map(|names| extensions.subject_alternative_names = names),
            "a malformed subjectAltName extension",
        ),
        known::SUBJECT_KEY_IDENTIFIER => or_defect(
            der::single(value, OCTET_STRING).map(|identifier| {
                extensions.subject_key_identifier = Some(identifier.contents.into());
            }),
            "a malformed subjectKeyIdentifier extension",
        ),
        known::AUTHORITY_KEY_IDENTIFIER => or_defect(
            authority_key_identifier(value)
                .map(|identifier| extensions.authority_key_identifier = Some(identifier)),
            "a malformed authorityKeyIdentifier extension",
        ),
        known::CRL_DISTRIBUTION_POINTS => or_defect(
            sequence_of(value, DistributionPoint::read)
                .map(|points| extensions.crl_distribution_points = points),
            "a malformed cRLDistributionPoints extension",
        ),
        // A pointer that cannot be read points nowhere; nothing else depends on it.
        known::AUTHORITY_INFORMATION_ACCESS => {
            extensions.authority_information_access =
                sequence_of(value, access_description).unwrap_or_default();
        }
        known::OCSP_NO_CHECK => extensions.ocsp_no_check = true,
        known::CERTIFICATE_POLICIES => or_defect(
            sequence_of(value, |list| list.sequence()?.object_identifier())
                .map(|policies| extensions.certificate_policies = policies),
            "a malformed certificatePolicies extension",
        ),
        known::POLICY_MAPPINGS => or_defect(
            sequence_of(value, policy_mapping)
                .map(|mappings| extensions.policy_mappings = mappings),
            "a malformed policyMappings extension",
        ),
        known::POLICY_CONSTRAINTS => or_defect(
            policy_constraints(value).map(|(explicit, mapping)| {
                extensions.policy_constraints.require_explicit = explicit;
                extensions.policy_constraints.inhibit_mapping = mapping;
            }),
            "a malformed policyConstraints extension",
        ),
        known::INHIBIT_ANY_POLICY => or_defect(
            der::single(value, INTEGER)
                .and_then(certificates_to_go)
                .map(|number| extensions.policy_constraints.inhibit_any = Some(number)),
            "a malformed inhibitAnyPolicy extension",
        ),
        known::FRESHEST_CRL
        | known::ISSUER_ALTERNATIVE_NAME
        | known::SUBJECT_INFORMATION_ACCESS => {}
        _ if extension.critical && extensions.unknown_critical.is_none() => {
            extensions.unknown_critical = Some(extension.kind.clone());
        }
        _ => {}
    }
}

fn sequence_of<T>(
    value: &[u8],
    read: impl FnMut(&mut Reader<'_>) -> Result<T, DerError>,
) -> Result<Vec<T>, DerError> {
    let elements = der::single(value, SEQUENCE)?.reader().each(read)?;
    // SEQUENCE SIZE (1..MAX)
    if elements.is_empty() {
        return Err(DerError);
    }
    Ok(elements)
}

fn extended_key_usage(value: &[u8]) -> Result<ExtendedKeyUsage, DerError> {
    sequence_of(value, |purposes| purposes.object_identifier())
        .map(|purposes| ExtendedKeyUsage { purposes })
}

fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, DerError> {
    let mut fields = der::single(value, SEQUENCE)?.reader();
    let ca = fields.boolean_default_false()?;
    let path_length = if fields.is_empty() {
        None
    } else {
        // Longer than any path that we would follow is as good as unlimited.
        Some(u32::try_from(fields.small_integer()?).unwrap_or(u32::MAX))
    };
    fields.end()?;
    Ok(BasicConstraints { ca, path_length })
}

fn policy_mapping(list: &mut Reader<'_>) -> Result<(ObjectIdentifier, ObjectIdentifier), DerError> {
    let mut mapping = list.sequence()?;
    let from = mapping.object_identifier()?;
    let to = mapping.object_identifier()?;
    mapping.end()?;
    Ok((from, to))
}

fn policy_constraints(value: &[u8]) -> Result<(Option<u32>, Option<u32>), DerError> {
    let mut fields = der::single(value, SEQUENCE)?.reader();
    let explicit = fields
        .optional(context(0))?
        .map(certificates_to_go)
        .transpose()?;
    let mapping = fields
        .optional(context(1))?
        .map(certificates_to_go)
        .transpose()?;
    fields.end()?;
    Ok((explicit, mapping))
}

/// A `SkipCerts`; more than fit are as good as never.
fn certificates_to_go(value: Value<'_>) -> Result<u32, DerError> {
    der::integer_u64(value.contents).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

fn authority_key_identifier(value: &[u8]) -> Result<AuthorityKeyIdentifier, DerError> {
    let mut fields = der::single(value, SEQUENCE)?.reader();
    let key_identifier = fields
        .optional(context(0))?
        .map(|identifier| identifier.contents.into());
    let issuer = fields
        .optional(context_constructed(1))?
        .map(|names| GeneralName::read_all(names.reader()))
        .transpose()?
        .unwrap_or_default();
    let serial = fields
        .optional(context(2))?
        .map(|serial| SerialNumber::from_der_contents(serial.contents));
    fields.end()?;
    Ok(AuthorityKeyIdentifier {
        key_identifier,
        issuer,
        serial,
    })
}

fn access_description(list: &mut Reader<'_>) -> Result<AccessDescription, DerError> {
    let mut description = list.sequence()?;
    let method = description.object_identifier()?;
    let location = GeneralName::read(description.next()?)?;
    description.end()?;
    Ok(AccessDescription { method, location })
}

fn name_constraints(value: &[u8]) -> Result<NameConstraints, DerError> {
    let mut fields = der::single(value, SEQUENCE)?.reader();
    let permitted = fields.optional(context_constructed(0))?;
    let excluded = fields.optional(context_constructed(1))?;
    fields.end()?;
    let subtrees = |value: Option<Value<'_>>| {
        value.map_or(Ok(Vec::new()), |value| value.reader().each(general_subtree))
    };
    Ok(NameConstraints {
        permitted: subtrees(permitted)?,
        excluded: subtrees(excluded)?,
    })
}

fn general_subtree(list: &mut Reader<'_>) -> Result<GeneralSubtree, DerError> {
    let mut subtree = list.sequence()?;
    let base = subtree.next()?;
    let tag = base.tag & 0x1f;
    // RFC 5280 §4.2.1.10: "the minimum MUST be zero, and maximum MUST be absent."
    let minimum = subtree.optional(context(0))?;
    if minimum.is_some_and(|value| value.contents != [0]) || !subtree.is_empty() {
        return Ok(GeneralSubtree::Unsupported { tag });
    }
    // What can be a constraint is what can be a name, save for addresses, which have a mask.
    let read = match (base.tag, tag) {
        (primitive, TAG_EMAIL) if primitive == context(TAG_EMAIL) => {
            text(base.contents).map(GeneralSubtree::Email)
        }
        (primitive, TAG_DNS) if primitive == context(TAG_DNS) => {
            text(base.contents).map(GeneralSubtree::Dns)
        }
        (primitive, TAG_URI) if primitive == context(TAG_URI) => {
            text(base.contents).map(GeneralSubtree::Uri)
        }
        (constructed, TAG_DIRECTORY) if constructed == context_constructed(TAG_DIRECTORY) => {
            DistinguishedName::read(base.contents)
                .ok()
                .map(GeneralSubtree::DirectoryName)
        }
        (primitive, TAG_IP)
            if primitive == context(TAG_IP) && matches!(base.contents.len(), 8 | 32) =>
        {
            Some(GeneralSubtree::Ip(base.contents.into()))
        }
        _ => None,
    };
    Ok(read.unwrap_or(GeneralSubtree::Unsupported { tag }))
}
