//! Reading one certificate out of what people paste.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_trust::{Certificate, ParseBundleError, WrongContent, parse_bundle};
use serde_json::Map;

use super::SubmittedCertificate;
use crate::app::ErrorItem;

const BEGIN: &str = "-----BEGIN ";

/// Why a text is not one certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ReadProblem {
    Empty,
    /// Neither PEM nor base64.
    NotPem,
    Several(usize),
    Unreadable(ParseBundleError),
    /// A private key, encrypted or not, or something else that is named.
    Wrong(WrongContent),
}

/// Reads exactly one certificate: PEM with whatever text around it, also in PKCS#7, or the base64 of DER.
pub(super) fn certificate(text: &str) -> Result<Certificate, ReadProblem> {
    let read = if text.contains(BEGIN) {
        parse_bundle(text.as_bytes())
    } else {
        // DER without any lines around it is unambiguous when it is base64 and parses.
        let compact: String = text.split_whitespace().collect();
        if compact.is_empty() {
            return Err(ReadProblem::Empty);
        }
        match STANDARD.decode(compact) {
            Ok(der) if der.first() == Some(&0x30) => parse_bundle(&der),
            _ => return Err(ReadProblem::NotPem),
        }
    };
    let mut certificates = read?.certificates.into_iter();
    match (certificates.next(), certificates.len()) {
        (Some(entry), 0) => Ok(entry.certificate),
        (Some(_), more) => Err(ReadProblem::Several(more + 1)),
        (None, _) => Err(ReadProblem::Empty),
    }
}

/// Whether a text that is to be stored and shown is a private key by a slip of the clipboard, in PEM or in base64.
pub(crate) fn holds_private_key(text: &str) -> bool {
    text.contains("PRIVATE KEY-----")
        || certificate(text).is_err_and(|problem| problem.is_private_key())
}

impl From<ParseBundleError> for ReadProblem {
    fn from(error: ParseBundleError) -> Self {
        match error {
            ParseBundleError::WrongContent { what, .. } => Self::Wrong(what),
            ParseBundleError::Empty => Self::Empty,
            ParseBundleError::NoCertificate => Self::NotPem,
            error => Self::Unreadable(error),
        }
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
    fn is_private_key(&self) -> bool {
        matches!(
            self,
            Self::Wrong(WrongContent::PrivateKey | WrongContent::EncryptedPrivateKey)
        )
    }

    fn code(&self) -> &'static str {
        match self {
            _ if self.is_private_key() => "private-key-submitted",
            Self::Several(_) => "several-certificates",
            _ => "unparsable-certificate",
        }
    }

    fn title(&self) -> &'static str {
        match self {
            _ if self.is_private_key() => "A private key was submitted.",
            Self::Several(_) => "There is more than one certificate in one entry.",
            _ => "The certificate cannot be read.",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Empty => "There is nothing in it.".to_owned(),
            Self::NotPem => "The text has no `-----BEGIN CERTIFICATE-----` line, and is not the base64 of a DER certificate either.".to_owned(),
            Self::Several(count) => format!("There are {count} certificates in one `certificatePem`."),
            Self::Unreadable(error) => format!("The certificate cannot be read: {}.", with_causes(error)),
            Self::Wrong(what) if self.is_private_key() => format!("It is or contains {what}. It was not stored and not logged, but it has left its place: treat it as disclosed."),
            Self::Wrong(what) => format!("It is {what}, not a certificate."),
        }
    }

    fn remedy(&self) -> String {
        match self {
            _ if self.is_private_key() => "Submit only what is between BEGIN CERTIFICATE and END CERTIFICATE. Replace the key and its certificate if anybody may have seen the request.".to_owned(),
            Self::Several(_) => "Submit each certificate as an entry of its own; `countersign ca-set version create --ca FILE` does that for a file.".to_owned(),
            Self::Wrong(what @ (WrongContent::Pkcs7 | WrongContent::Pkcs12)) => format!(
                "{}; then submit each certificate as an entry of its own.",
                capitalised(what.remedy())
            ),
            Self::Wrong(what) => format!("{}.", capitalised(what.remedy())),
            Self::Empty | Self::NotPem | Self::Unreadable(_) => "Export the certificate as PEM; a DER file is converted with: openssl x509 -inform DER -in FILE.cer -out FILE.pem.".to_owned(),
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

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}
