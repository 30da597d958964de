//! The canonical form of names: equal octets when RFC 5280 §7.1 calls two names equal.

use unicode_normalization::UnicodeNormalization as _;

use super::Attribute;

/// Relative names in their order, each delimited, with their attributes sorted (they are a set).
pub(super) fn canonical(relative_names: &[Vec<Attribute>]) -> Box<[u8]> {
    let mut form = Vec::new();
    for attributes in relative_names {
        let mut parts: Vec<_> = attributes.iter().map(attribute).collect();
        parts.sort_unstable();
        form.extend_from_slice(&length(&parts.concat()));
        parts.iter().for_each(|part| form.extend_from_slice(part));
    }
    form.into()
}

/// Type and prepared text; a value that is no text is compared octet by octet.
fn attribute(attribute: &Attribute) -> Vec<u8> {
    let kind = attribute.kind.as_der_contents();
    let (form, value) = match &attribute.text {
        Some(text) => (b'T', prepare(text).into_bytes()),
        None => (b'D', attribute.value_der.to_vec()),
    };
    [
        &length(kind)[..],
        kind,
        &[form],
        &length(&value)[..],
        &value,
    ]
    .concat()
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// RFC 4518 string preparation, as RFC 5280 §7.1 wants it: case folded, NFKC, and white space without meaning: none at the ends, one
/// inside.
///
/// Deviation: characters that RFC 4518 §2.4 prohibits do not make names unequal; names are compared octet by octet once prepared, so
/// they make nothing equal either.
pub(crate) fn prepare(text: &str) -> String {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control()) {
        return squeeze(&text.to_ascii_lowercase());
    }
    let mapped = text
        .chars()
        .filter(|character| !is_mapped_to_nothing(*character))
        .map(|character| if is_space(character) { ' ' } else { character });
    let folded: String = mapped.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    squeeze(&folded)
}

fn squeeze(text: &str) -> String {
    text.split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// RFC 4518 §2.2, the characters that are mapped to a space.
fn is_space(character: char) -> bool {
    matches!(
        character,
        '\u{9}'..='\u{d}' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// RFC 4518 §2.2, the characters that are mapped to nothing. NUL is not among them here: "a\0b" must never equal "ab" (threats C3.3).
fn is_mapped_to_nothing(character: char) -> bool {
    matches!(
        character,
        '\u{1}'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2063}' | '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffc}'
    )
}
