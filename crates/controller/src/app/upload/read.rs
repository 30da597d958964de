//! Reading one certificate out of what people paste.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_trust::{Certificate, ParseCertificateError, parse_bundle};
use serde_json::Map;

use super::SubmittedCertificate;
use crate::app::ErrorItem;

const BEGIN: &str = "-----BEGIN ";
/// Object identifiers as they stand in DER, with their tag and length.
const OID_SIGNED_DATA: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02,
];
const OID_RSA: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
];
const OID_EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// How far into a structure its identifying object identifier may be.
const HEAD_OCTETS: usize = 64;

/// Why a text is not one certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ReadProblem {
    Empty,
    /// Something else with PEM lines around it.
    OtherPem(String),
    PrivateKey,
    Pkcs7,
    Pkcs7Der,
    Pkcs12,
    Request,
    RevocationList,
    Several(usize),
    Unreadable(ParseCertificateError),
    /// The lines around it are there, but what is between them is not.
    BrokenPem(String),
    NotPem,
}

/// Reads exactly one certificate: PEM with whatever text around it, or the base64 of DER.
pub(super) fn certificate(text: &str) -> Result<Certificate, ReadProblem> {
    if text.trim().is_empty() {
        return Err(ReadProblem::Empty);
    }
    let labels: Vec<_> = labels(text).collect();
    // Whatever else is in it: a private key in the wrong place is what its owner must hear first.
    if labels.iter().any(|label| label.contains("PRIVATE KEY")) {
        return Err(ReadProblem::PrivateKey);
    }
    if labels.is_empty() {
        return from_base64(text);
    }
    if !labels.iter().any(|label| is_certificate_label(label)) {
        return Err(match labels.first().copied().unwrap_or_default() {
            "PKCS7" | "CMS" => ReadProblem::Pkcs7,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => ReadProblem::Request,
            "X509 CRL" => ReadProblem::RevocationList,
            other => ReadProblem::OtherPem(other.chars().take(40).collect()),
        });
    }
    let bundle = parse_bundle(text.as_bytes())
        .map_err(|error| ReadProblem::BrokenPem(with_causes(&error)))?;
    let mut certificates = bundle.certificates.into_iter();
    match (certificates.next(), certificates.len()) {
        (Some(entry), 0) => Ok(entry.certificate),
        (Some(_), more) => Err(ReadProblem::Several(more + 1)),
        (None, _) => Err(ReadProblem::Empty),
    }
}

fn labels(text: &str) -> impl Iterator<Item = &str> {
    text.split(BEGIN)
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("-----")?.0))
        .filter(|label| label.len() <= 64 && !label.contains('\n'))
}

fn is_certificate_label(label: &str) -> bool {
    matches!(
        label,
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE"
    )
}

/// DER without any lines around it is unambiguous when it is base64 and parses.
fn from_base64(text: &str) -> Result<Certificate, ReadProblem> {
    let compact: String = text.split_whitespace().collect();
    let Ok(der) = STANDARD.decode(compact) else {
        return Err(ReadProblem::NotPem);
    };
    let head = der.get(..der.len().min(HEAD_OCTETS)).unwrap_or_default();
    let contains = |oid: &[u8]| head.windows(oid.len()).any(|window| window == oid);
    match Certificate::from_der(&der) {
        Ok(certificate) => Ok(certificate),
        Err(_) if contains(OID_SIGNED_DATA) => Err(ReadProblem::Pkcs7Der),
        Err(_) if is_private_key(&der, contains(OID_RSA) || contains(OID_EC)) => {
            Err(ReadProblem::PrivateKey)
        }
        // RFC 7292 §4: version 3, then the authenticated safe.
        Err(_) if integer_first(&der) == Some(3) => Err(ReadProblem::Pkcs12),
        Err(error) if der.first() == Some(&0x30) => Err(ReadProblem::Unreadable(error)),
        Err(_) => Err(ReadProblem::NotPem),
    }
}

/// PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 §A.1.2) and SEC 1 (RFC 5915 §3) keys all begin with a small version number.
fn is_private_key(der: &[u8], names_key_algorithm: bool) -> bool {
    match integer_first(der) {
        Some(0) => true,
        Some(1) => names_key_algorithm || der.len() < 256,
        _ => false,
    }
}

/// The value of a one-octet INTEGER that begins a SEQUENCE.
fn integer_first(der: &[u8]) -> Option<u8> {
    let rest = der.strip_prefix(&[0x30])?;
    let (&length, rest) = rest.split_first()?;
    let skip = if length & 0x80 == 0 {
        0
    } else {
        usize::from(length & 0x7f)
    };
    match rest.get(skip..)? {
        [0x02, 0x01, value, ..] => Some(*value),
        _ => None,
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl ReadProblem {
    fn code(&self) -> &'static str {
        match self {
            Self::PrivateKey => "private-key-submitted",
            Self::Several(_) => "several-certificates",
            _ => "unparsable-certificate",
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::PrivateKey => "A private key was submitted.",
            Self::Several(_) => "There is more than one certificate in one entry.",
            _ => "The certificate cannot be read.",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::BrokenPem(why) => format!("The PEM certificate cannot be read: {why}."),
            Self::Empty => "There is nothing in it.".to_owned(),
            Self::NotPem => "The text has no `-----BEGIN CERTIFICATE-----` line, and is not the base64 of a DER certificate either.".to_owned(),
            Self::OtherPem(label) => format!("It is PEM of the kind `{label}`, not `CERTIFICATE`."),
            Self::Pkcs12 => "It is a PKCS#12 file (.p12, .pfx), which may hold a private key as well.".to_owned(),
            Self::Pkcs7 | Self::Pkcs7Der => "It is a PKCS#7 file (.p7b, .p7c), which wraps several certificates.".to_owned(),
            Self::PrivateKey => "It is or contains a private key. It was not stored and not logged, but it has left its place: treat it as disclosed.".to_owned(),
            Self::Request => "It is a certificate signing request, not a certificate.".to_owned(),
            Self::RevocationList => "It is a revocation list, not a certificate.".to_owned(),
            Self::Several(count) => format!("There are {count} certificates in one `certificatePem`."),
            Self::Unreadable(error) => format!("The DER certificate cannot be read: {}.", with_causes(error)),
        }
    }

    fn remedy(&self) -> &'static str {
        match self {
            Self::PrivateKey => {
                "Submit only what is between BEGIN CERTIFICATE and END CERTIFICATE. Replace the key and its certificate if anybody may have seen the request."
            }
            Self::Pkcs7 => {
                "Convert it: openssl pkcs7 -print_certs -in FILE.p7b -out FILE.pem; then submit each certificate as an entry of its own."
            }
            Self::Pkcs7Der => {
                "Convert it: openssl pkcs7 -inform DER -print_certs -in FILE.p7b -out FILE.pem; then submit each certificate as an entry of its own."
            }
            Self::Pkcs12 => {
                "Take the CA certificates out of it: openssl pkcs12 -in FILE.p12 -cacerts -nokeys -out FILE.pem; then submit each certificate as an entry of its own."
            }
            Self::Request => {
                "Submit the certificate that the CA issued, or the CA's own certificate."
            }
            Self::RevocationList => "Submit the certificate of the CA that issued the list.",
            Self::Several(_) => "Submit each certificate as an entry of its own.",
            Self::BrokenPem(_)
            | Self::Empty
            | Self::NotPem
            | Self::OtherPem(_)
            | Self::Unreadable(_) => {
                "Export the certificate as PEM; a DER file is converted with: openssl x509 -inform DER -in FILE.cer -out FILE.pem."
            }
        }
    }

    /// The problem as the submitter is told it. What was submitted is not repeated: it may be a secret.
    pub(super) fn into_item(self, position: usize, submitted: &SubmittedCertificate) -> ErrorItem {
        let mut context = Map::new();
        context.insert("remedy".to_owned(), self.remedy().into());
        if let Some(description) = &submitted.description {
            context.insert("description".to_owned(), description.as_str().into());
        }
        ErrorItem {
            code: self.code().to_owned(),
            title: self.title().to_owned(),
            detail: self.detail(),
            pointer: Some(super::pointer(Some(position))),
            context,
        }
    }
}
