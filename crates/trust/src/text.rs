//! Evidence in sentences: outside text in backticks, and never long.

use crate::{Certificate, DistinguishedName};

const MAX_CHARACTERS: usize = 256;

/// The subject of a certificate, or what else tells it apart.
pub(crate) fn subject(certificate: &Certificate) -> String {
    if certificate.subject().is_empty() {
        return match certificate.subject_alternative_names().first() {
            Some(name) => quote(&name.to_string()),
            None => format!(
                "the certificate with serial number {}",
                certificate.serial()
            ),
        };
    }
    name(certificate.subject())
}

pub(crate) fn name(name: &DistinguishedName) -> String {
    quote(&name.to_rfc2253())
}

pub(crate) fn quote(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(MAX_CHARACTERS)
        .map(|character| match character {
            '`' => '\'',
            character if character.is_control() => '\u{fffd}',
            character => character,
        })
        .collect();
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
