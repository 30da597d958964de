//! Judging certificates that somebody hands in: everything that is wrong with all of them, at once.

mod read;

use std::collections::HashMap;

use countersign_trust::{
    Certificate, Finding, Severity, Sha1Signatures, UnixTime, parse_bundle, to_pem, validate_ca_set,
};
use serde_json::{Map, Value};

pub(crate) use self::read::holds_private_key;
use super::{ErrorCode, ErrorItem, ServiceError};
use crate::model::{HeldCertificate, Warning};

/// A certificate as it was handed in.
#[derive(Clone, Eq, PartialEq)]
pub struct SubmittedCertificate {
    /// What should be one certificate, PEM or base64 of DER. May be anything, a private key included: it is not shown.
    pub text: String,
    /// A remark.
    pub description: Option<String>,
}

impl std::fmt::Debug for SubmittedCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubmittedCertificate")
            .field("bytes", &self.text.len())
            .field("description", &self.description)
            .finish()
    }
}

/// Certificates that make a good CA set.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    /// Each once, in the order given.
    pub(crate) certificates: Vec<HeldCertificate>,
    /// As given, duplicates included.
    pub(crate) as_given: Vec<HeldCertificate>,
    pub(crate) warnings: Vec<Warning>,
}

/// Reads and judges what was handed in.
///
/// # Errors
/// `refusal` with an item for every problem of every certificate, when there is one.
pub(crate) fn judge(
    submitted: &[SubmittedCertificate],
    sha1: Sha1Signatures,
    now: UnixTime,
    by: &str,
    refusal: ErrorCode,
) -> Result<Accepted, ServiceError> {
    let mut items = Vec::new();
    let mut read = Vec::new();
    for (position, submitted) in submitted.iter().enumerate() {
        match read::certificate(&submitted.text) {
            Ok(certificate) => read.push((position, certificate, submitted)),
            Err(problem) => items.push(problem.into_item(position, submitted)),
        }
    }
    let mut warnings = Vec::new();
    let mut first_of = HashMap::new();
    let mut unique = Vec::new();
    for (position, certificate, submitted) in &read {
        match first_of.get(&certificate.fingerprint()) {
            Some(&first) => warnings.push(duplicate(*position, first, certificate)),
            None => {
                first_of.insert(certificate.fingerprint(), *position);
                unique.push((*position, certificate.clone(), *submitted));
            }
        }
    }
    let certificates: Vec<_> = unique.iter().map(|entry| entry.1.clone()).collect();
    let (errors, remarks) = findings(&certificates, sha1, now);
    items.extend(errors.iter().map(|finding| {
        let entry = finding.position.and_then(|position| unique.get(position));
        let position = entry.map(|entry| entry.0);
        let certificate = entry.map(|entry| &entry.1);
        let description = entry.and_then(|entry| entry.2.description.as_deref());
        item(finding, position, certificate, description, now)
    }));
    if !items.is_empty() {
        items.sort_by_key(|item| pointer_position(item.pointer.as_deref()));
        return Err(refuse(refusal, submitted.len(), items));
    }
    warnings.extend(remarks.iter().map(|finding| {
        let entry = finding.position.and_then(|position| unique.get(position));
        warning(
            finding,
            entry.map(|entry| entry.0),
            entry.map(|entry| &entry.1),
            now,
        )
    }));
    let hold = |(_, certificate, submitted): &(usize, Certificate, &SubmittedCertificate)| {
        HeldCertificate::new(certificate, submitted.description.clone(), now, by)
    };
    Ok(Accepted {
        certificates: unique.iter().map(hold).collect(),
        as_given: read.iter().map(hold).collect(),
        warnings,
    })
}

/// Judges anew what a version holds: all findings as warnings, errors first.
pub(crate) fn remarks(
    held: &[HeldCertificate],
    sha1: Sha1Signatures,
    now: UnixTime,
) -> Result<Vec<Warning>, ServiceError> {
    let certificates = parse(held)?;
    let (errors, remarks) = findings(&certificates, sha1, now);
    Ok(errors
        .iter()
        .chain(&remarks)
        .map(|finding| {
            let certificate = finding
                .position
                .and_then(|position| certificates.get(position));
            warning(finding, finding.position, certificate, now)
        })
        .collect())
}

/// Judges anew what a version holds, before a network enforces it.
///
/// # Errors
/// `refusal` with an item for every problem, when there is one.
pub(crate) fn judge_again(
    held: &[HeldCertificate],
    sha1: Sha1Signatures,
    now: UnixTime,
    refusal: ErrorCode,
) -> Result<Vec<Warning>, ServiceError> {
    let certificates = parse(held)?;
    let (errors, remarks) = findings(&certificates, sha1, now);
    let certificate_of = |finding: &Finding| {
        finding
            .position
            .and_then(|position| certificates.get(position))
    };
    if errors.is_empty() {
        return Ok(remarks
            .iter()
            .map(|finding| warning(finding, finding.position, certificate_of(finding), now))
            .collect());
    }
    let items = errors
        .iter()
        .map(|finding| {
            let description = finding
                .position
                .and_then(|position| held.get(position)?.description.as_deref());
            item(
                finding,
                finding.position,
                certificate_of(finding),
                description,
                now,
            )
        })
        .collect();
    Err(refuse(refusal, held.len(), items))
}

fn parse(held: &[HeldCertificate]) -> Result<Vec<Certificate>, ServiceError> {
    held.iter()
        .map(|held| Certificate::from_der(&held.der))
        .collect::<Result<_, _>>()
        .map_err(ServiceError::internal)
}

/// What is wrong, and what is remarkable.
fn findings(
    certificates: &[Certificate],
    sha1: Sha1Signatures,
    now: UnixTime,
) -> (Vec<Finding>, Vec<Finding>) {
    validate_ca_set(certificates, sha1, now)
        .into_iter()
        .partition(|finding| finding.severity == Severity::Error)
}

fn refuse(code: ErrorCode, submitted: usize, items: Vec<ErrorItem>) -> ServiceError {
    let mut pointers: Vec<_> = items.iter().map(|item| item.pointer.clone()).collect();
    pointers.dedup();
    let detail = format!(
        "{} of {submitted} certificates cannot be used; each problem is listed with its cause and remedy.",
        pointers.len().min(submitted)
    );
    ServiceError::new(code, detail).with_items(items)
}

fn item(
    finding: &Finding,
    position: Option<usize>,
    certificate: Option<&Certificate>,
    description: Option<&str>,
    now: UnixTime,
) -> ErrorItem {
    let mut context = evidence(certificate, now);
    context.insert("remedy".to_owned(), finding.remedy.as_str().into());
    if let Some(description) = description {
        context.insert("description".to_owned(), description.into());
    }
    ErrorItem {
        code: slug(finding.code),
        title: finding.title.clone(),
        detail: finding.detail.clone(),
        pointer: Some(pointer(position)),
        context,
    }
}

fn warning(
    finding: &Finding,
    position: Option<usize>,
    certificate: Option<&Certificate>,
    now: UnixTime,
) -> Warning {
    let mut context = evidence(certificate, now);
    context.insert("remedy".to_owned(), finding.remedy.as_str().into());
    Warning {
        code: slug(finding.code),
        title: finding.title.clone(),
        detail: finding.detail.clone(),
        pointer: Some(pointer(position)),
        context,
    }
}

fn duplicate(position: usize, first: usize, certificate: &Certificate) -> Warning {
    let subject = certificate.subject().to_java_string();
    let fingerprint = certificate.fingerprint().to_string();
    let mut context = Map::new();
    context.insert("subject".to_owned(), subject.as_str().into());
    context.insert("fingerprint".to_owned(), fingerprint.as_str().into());
    Warning {
        code: "duplicate-certificate".to_owned(),
        title: "The certificate is given more than once.".to_owned(),
        detail: format!(
            "The certificate with subject `{subject}` and fingerprint {fingerprint} is the same as certificate {first} of the list (counting from 0); it is kept once.",
        ),
        pointer: Some(pointer(Some(position))),
        context,
    }
}

fn evidence(certificate: Option<&Certificate>, now: UnixTime) -> Map<String, Value> {
    let mut context = Map::new();
    if let Some(certificate) = certificate {
        let mut insert = |key: &str, value: String| context.insert(key.to_owned(), value.into());
        insert("subject", certificate.subject().to_java_string());
        insert("fingerPrint", certificate.fingerprint().to_string());
        insert(
            "signatureAlgorithm",
            certificate.signature_algorithm().java_name(),
        );
        insert("expiryDate", certificate.validity().not_after.to_string());
        insert("checkDate", now.to_string());
    }
    context
}

/// Judges certificates that are given as one PEM text at this place of a request; which of them is meant is said in words.
///
/// # Errors
/// When the text cannot be read or a certificate of it cannot be used.
pub(crate) fn judge_text(
    pem: &str,
    sha1: Sha1Signatures,
    now: UnixTime,
    by: &str,
    place: &str,
) -> Result<(Vec<SubmittedCertificate>, Accepted), ServiceError> {
    let refusal = ErrorCode::CertificateValidationFailureCreate;
    let bundle = parse_bundle(pem.as_bytes()).map_err(|error| {
        let detail = format!("The CA certificates cannot be read: {error}.");
        ServiceError::new(refusal, detail).at(place)
    })?;
    let submitted: Vec<_> = bundle
        .certificates
        .iter()
        .map(|entry| SubmittedCertificate {
            text: to_pem(entry.certificate.der()),
            description: None,
        })
        .collect();
    let accepted = judge(&submitted, sha1, now, by, refusal).map_err(|mut error| {
        for item in &mut error.items {
            let position = pointer_position(item.pointer.as_deref());
            if position < submitted.len() {
                item.detail = format!("Certificate {} of the text: {}", position + 1, item.detail);
            }
            item.pointer = Some(place.to_owned());
        }
        error.at(place)
    })?;
    Ok((submitted, accepted))
}

fn pointer(position: Option<usize>) -> String {
    match position {
        Some(position) => format!("/certificates/{position}"),
        None => "/certificates".to_owned(),
    }
}

/// Where in the list a pointer points; behind it when it is about the whole.
fn pointer_position(pointer: Option<&str>) -> usize {
    pointer
        .and_then(|pointer| pointer.split('/').nth(2)?.parse().ok())
        .unwrap_or(usize::MAX)
}

/// The vendor's spelling of a finding's code.
fn slug(code: &str) -> String {
    match code {
        "expired" => "expired-certificate".to_owned(),
        "not_yet_valid" => "not-yet-valid-certificate".to_owned(),
        "near_expiry" => "certificate-near-expiry".to_owned(),
        other => other.replace('_', "-"),
    }
}
