//! Reading CRLs (RFC 5280 §5.1 to §5.3).

use super::serial_table::{Builder, SerialTable};
use super::{CrlEntry, CrlNumber, IssuingDistributionPoint, LoadCrlError, RevocationReason};
use crate::certificate::{Extension, RevocationReasons, read_distribution_point_name};
use crate::der::{
    self, DerError, ENUMERATED, GENERALIZED_TIME, INTEGER, Reader, SEQUENCE, UTC_TIME, context,
    context_constructed,
};
use crate::oid::known;
use crate::{DistinguishedName, GeneralName, SerialNumber, SignatureAlgorithm, UnixTime};

/// RFC 5280 §5.2.3: "CRL verifiers MUST be able to handle CRLNumber values up to 20 octets."
const MAX_NUMBER_OCTETS: usize = 21;

/// A CRL without its entries.
pub(super) struct ParsedCrl<'a> {
    pub(super) tbs: &'a [u8],
    pub(super) signature_algorithm: SignatureAlgorithm,
    pub(super) signature: &'a [u8],
    pub(super) issuer: DistinguishedName,
    pub(super) this_update: UnixTime,
    pub(super) next_update: Option<UnixTime>,
    pub(super) extensions: CrlExtensions,
    entries: Reader<'a>,
}

#[derive(Default)]
pub(super) struct CrlExtensions {
    pub(super) number: Option<CrlNumber>,
    pub(super) base: Option<CrlNumber>,
    pub(super) distribution: Option<IssuingDistributionPoint>,
    pub(super) distribution_der: Box<[u8]>,
}

pub(super) fn parse(der: &[u8]) -> Result<ParsedCrl<'_>, LoadCrlError> {
    let mut outer = der::single(der, SEQUENCE).part("outer sequence")?.reader();
    let tbs = outer.expect(SEQUENCE).part("tbsCertList")?;
    let algorithm = outer.expect(SEQUENCE).part("signatureAlgorithm")?;
    let signature = outer.bit_string().part("signature value")?;
    outer.end().part("signature value")?;

    let mut fields = tbs.reader();
    if let Some(version) = fields.optional(INTEGER).part("version")?
        && version.contents != [1]
    {
        return Err(LoadCrlError::Malformed { part: "version" });
    }
    let inner_algorithm = fields.expect(SEQUENCE).part("signature")?;
    // RFC 5280 §5.1.1.2: "This field MUST contain the same algorithm identifier as the signature field in the sequence tbsCertList".
    if inner_algorithm.whole != algorithm.whole {
        return Err(LoadCrlError::Malformed {
            part: "signatureAlgorithm",
        });
    }
    let issuer = fields.expect(SEQUENCE).part("issuer")?;
    let this_update = fields.next().and_then(der::read_time).part("thisUpdate")?;
    let next_update = match fields.peek() {
        Some(UTC_TIME | GENERALIZED_TIME) => {
            Some(fields.next().and_then(der::read_time).part("nextUpdate")?)
        }
        _ => None,
    };
    let entries = fields
        .optional(SEQUENCE)
        .part("revokedCertificates")?
        .map_or(Reader::new(&[]), |entries| entries.reader());
    let extensions = match fields
        .optional(context_constructed(0))
        .part("crlExtensions")?
    {
        Some(wrapper) => extensions(wrapper.reader())?,
        None => CrlExtensions::default(),
    };
    fields.end().part("end of tbsCertList")?;
    Ok(ParsedCrl {
        tbs: tbs.whole,
        signature_algorithm: SignatureAlgorithm::read(algorithm).part("signatureAlgorithm")?,
        signature,
        issuer: DistinguishedName::read(issuer.whole).part("issuer")?,
        this_update,
        next_update,
        extensions,
        entries,
    })
}

fn extensions(mut wrapper: Reader<'_>) -> Result<CrlExtensions, LoadCrlError> {
    const PART: &str = "crlExtensions";
    let list = wrapper.sequence().part(PART)?;
    wrapper.end().part(PART)?;
    let mut extensions = CrlExtensions::default();
    for extension in list.each(Extension::read).part(PART)? {
        match extension.kind.as_der_contents() {
            known::CRL_NUMBER => {
                extensions.number = Some(number(extension.value).part("cRLNumber")?);
            }
            known::DELTA_CRL_INDICATOR => {
                extensions.base = Some(number(extension.value).part("deltaCRLIndicator")?);
            }
            known::ISSUING_DISTRIBUTION_POINT => {
                extensions.distribution =
                    Some(distribution(extension.value).part("issuingDistributionPoint")?);
                extensions.distribution_der = extension.value.into();
            }
            known::AUTHORITY_KEY_IDENTIFIER
            | known::AUTHORITY_INFORMATION_ACCESS
            | known::FRESHEST_CRL
            | known::ISSUER_ALTERNATIVE_NAME => {}
            // RFC 5280 §5.2: "If a CRL contains a critical extension that the application cannot process, then the application MUST NOT use that
            // CRL to determine the status of certificates."
            _ if extension.critical => {
                return Err(LoadCrlError::UnknownCriticalExtension {
                    extension: extension.kind,
                });
            }
            _ => {}
        }
    }
    Ok(extensions)
}

fn number(value: &[u8]) -> Result<CrlNumber, DerError> {
    let octets = der::single(value, INTEGER)?.contents;
    if octets.is_empty() || octets.len() > MAX_NUMBER_OCTETS {
        return Err(DerError);
    }
    Ok(CrlNumber(SerialNumber::from_der_contents(octets)))
}

fn distribution(value: &[u8]) -> Result<IssuingDistributionPoint, DerError> {
    let mut fields = der::single(value, SEQUENCE)?.reader();
    let name = fields
        .optional(context_constructed(0))?
        .map(read_distribution_point_name)
        .transpose()?;
    let only_user_certificates = flag(&mut fields, 1)?;
    let only_ca_certificates = flag(&mut fields, 2)?;
    let only_some_reasons = fields
        .optional(context(3))?
        .map(|value| RevocationReasons::read(value.contents))
        .transpose()?;
    let indirect = flag(&mut fields, 4)?;
    let only_attribute_certificates = flag(&mut fields, 5)?;
    fields.end()?;
    Ok(IssuingDistributionPoint {
        name,
        only_user_certificates,
        only_ca_certificates,
        only_attribute_certificates,
        only_some_reasons,
        indirect,
    })
}

/// `[number] BOOLEAN DEFAULT FALSE`
fn flag(fields: &mut Reader<'_>, number: u8) -> Result<bool, DerError> {
    match fields
        .optional(context(number))?
        .map(|value| value.contents)
    {
        None | Some([0]) => Ok(false),
        Some([0xff]) => Ok(true),
        Some(_) => Err(DerError),
    }
}

/// Reads the entries one by one; nothing of them is kept but the table.
pub(super) fn entries(crl: &ParsedCrl<'_>) -> Result<SerialTable, LoadCrlError> {
    const PART: &str = "revokedCertificates";
    let indirect = crl
        .extensions
        .distribution
        .as_ref()
        .is_some_and(|distribution| distribution.indirect);
    let mut table = Builder::default();
    let mut entries = crl.entries;
    // RFC 5280 §5.3.3: without the extension, the certificate issuer is that of the preceding entry, and of the CRL at first.
    let mut issuer = crl.issuer.clone();
    while !entries.is_empty() {
        let mut fields = entries.sequence().part(PART)?;
        let serial = SerialNumber::from_der_contents(fields.expect(INTEGER).part(PART)?.contents);
        let revoked_at = fields.next().and_then(der::read_time).part(PART)?;
        let mut entry = CrlEntry {
            revoked_at,
            reason: RevocationReason::Unspecified,
        };
        if !fields.is_empty() {
            let list = fields.sequence().part("crlEntryExtensions")?;
            entry_extensions(list, &mut entry, &mut issuer)?;
        }
        fields.end().part(PART)?;
        table.insert(indirect.then_some(&issuer), &serial, entry);
    }
    Ok(table.build())
}

fn entry_extensions(
    mut list: Reader<'_>,
    entry: &mut CrlEntry,
    issuer: &mut DistinguishedName,
) -> Result<(), LoadCrlError> {
    const PART: &str = "crlEntryExtensions";
    while !list.is_empty() {
        let extension = Extension::read(&mut list).part(PART)?;
        match extension.kind.as_der_contents() {
            known::REASON_CODE => {
                let code = der::single(extension.value, ENUMERATED).part("reasonCode")?;
                entry.reason = match code.contents {
                    [code] => RevocationReason::from_code(*code),
                    _ => None,
                }
                // A reason that we do not know is a reason nonetheless.
                .unwrap_or(RevocationReason::Unspecified);
            }
            known::CERTIFICATE_ISSUER => {
                let names =
                    GeneralName::read_sequence(extension.value).part("certificateIssuer")?;
                let name = names.into_iter().find_map(|name| match name {
                    GeneralName::DirectoryName(name) => Some(name),
                    _ => None,
                });
                *issuer = name.ok_or(LoadCrlError::Malformed {
                    part: "certificateIssuer",
                })?;
            }
            // RFC 5280 §5.3.2: since when the key is suspect; it changes nothing about being revoked. It must be a time all the same.
            known::INVALIDITY_DATE => {
                der::single(extension.value, GENERALIZED_TIME)
                    .and_then(der::read_time)
                    .part("invalidityDate")?;
            }
            // RFC 5280 §5.3: "If a CRL contains a critical CRL entry extension that the application cannot process, then the application MUST NOT
            // use that CRL to determine the status of any certificates."
            _ if extension.critical => {
                return Err(LoadCrlError::UnknownCriticalExtension {
                    extension: extension.kind,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

trait Part<T> {
    fn part(self, part: &'static str) -> Result<T, LoadCrlError>;
}

impl<T> Part<T> for Result<T, DerError> {
    fn part(self, part: &'static str) -> Result<T, LoadCrlError> {
        self.map_err(|DerError| LoadCrlError::Malformed { part })
    }
}
