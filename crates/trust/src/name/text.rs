//! Names as text. Both forms can be taken apart again without doubt: what could be mistaken for structure is escaped or quoted
//! (threats C4.2, C6.0).

use std::fmt::Write as _;

use super::Attribute;
use crate::oid::known;

/// OID, its name in RFC 2253 text (RFC 4514 §3 and, beyond it, OpenSSL's), and its name in Java text.
const KEYWORDS: &[(&[u8], &str, &str)] = &[
    (known::COMMON_NAME, "CN", "CN"),
    (known::COUNTRY, "C", "C"),
    (known::DN_QUALIFIER, "dnQualifier", "DNQ"),
    (known::DOMAIN_COMPONENT, "DC", "DC"),
    (known::EMAIL_ADDRESS, "emailAddress", "EMAILADDRESS"),
    (known::GENERATION, "generationQualifier", "GENERATION"),
    (known::GIVEN_NAME, "GN", "GIVENNAME"),
    (known::INITIALS, "initials", "INITIALS"),
    (known::LOCALITY, "L", "L"),
    (known::ORGANIZATION, "O", "O"),
    (known::ORGANIZATIONAL_UNIT, "OU", "OU"),
    (known::SERIAL_NUMBER, "serialNumber", "SERIALNUMBER"),
    (known::STATE, "ST", "ST"),
    (known::STREET, "street", "STREET"),
    (known::SURNAME, "SN", "SURNAME"),
    (known::TITLE, "title", "T"),
    (known::USER_ID, "UID", "UID"),
];

pub(super) fn rfc2253(relative_names: &[Vec<Attribute>]) -> String {
    let show = |attribute: &Attribute| {
        let keyword = KEYWORDS
            .iter()
            .find(|(oid, ..)| attribute.kind == **oid)
            .map(|(_, keyword, _)| *keyword);
        match (keyword, &attribute.text) {
            (Some(keyword), Some(text)) => format!("{keyword}={}", escaped(text)),
            (Some(keyword), None) => format!("{keyword}={}", octets(&attribute.value_der)),
            // RFC 2253 §2.4: a type without a keyword has its value in hexadecimal.
            (None, _) => format!("{}={}", attribute.kind, octets(&attribute.value_der)),
        }
    };
    // The order inside of a relative name is free; OpenSSL turns it as well.
    join(relative_names, ",", |attributes| {
        let shown: Vec<_> = attributes.iter().rev().map(show).collect();
        shown.join("+")
    })
}

pub(super) fn java(relative_names: &[Vec<Attribute>]) -> String {
    let show = |attribute: &Attribute| {
        let keyword = KEYWORDS
            .iter()
            .find(|(oid, ..)| attribute.kind == **oid)
            .map_or_else(
                || format!("OID.{}", attribute.kind),
                |(_, _, keyword)| (*keyword).to_owned(),
            );
        match &attribute.text {
            Some(text) => format!("{keyword}={}", quoted(text)),
            None => format!("{keyword}={}", octets(&attribute.value_der).to_lowercase()),
        }
    };
    join(relative_names, ", ", |attributes| {
        let shown: Vec<_> = attributes.iter().map(show).collect();
        shown.join(" + ")
    })
}

/// Both forms start with the most specific relative name, which is the last of the encoding.
fn join(
    relative_names: &[Vec<Attribute>],
    between: &str,
    show: impl Fn(&[Attribute]) -> String,
) -> String {
    let shown: Vec<_> = relative_names.iter().rev().map(|name| show(name)).collect();
    shown.join(between)
}

/// RFC 4514 §2.4. Controls are escaped as well, so that the text is one line wherever it goes.
fn escaped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut escaped = String::with_capacity(text.len());
    for (at, character) in text.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '#' if at == 0 => escaped.push_str("\\#"),
            ' ' if at == 0 || at == last => escaped.push_str("\\ "),
            _ if is_unprintable(character) => {
                for octet in character.to_string().bytes() {
                    let _ = write!(escaped, "\\{octet:02X}");
                }
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// As Java does: the whole value in quotes when something in it could be mistaken.
///
/// Deviation: Java leaves a value that begins and ends with a quotation mark as it is, which makes two different names look the same.
/// Controls other than a line feed are shown as `\uXXXX`.
fn quoted(text: &str) -> String {
    let special = |character| ",+=\n<>#;\\\"".contains(character);
    let needs_quotes = text.contains(special)
        || text.starts_with(' ')
        || text.ends_with(' ')
        || text.contains("  ");
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                shown.push('\\');
                shown.push(character);
            }
            _ if is_unprintable(character) => {
                let _ = write!(shown, "\\u{:04x}", u32::from(character));
            }
            _ => shown.push(character),
        }
    }
    if needs_quotes {
        format!("\"{shown}\"")
    } else {
        shown
    }
}

/// Whether texts show a character by its octets: controls, and the marks that make text run backwards on a screen.
#[must_use]
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Upper case, as OpenSSL writes it; Java writes lower case.
fn octets(der: &[u8]) -> String {
    der.iter().fold("#".to_owned(), |mut text, octet| {
        let _ = write!(text, "{octet:02X}");
        text
    })
}
