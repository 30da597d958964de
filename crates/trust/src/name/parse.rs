//! Reading names.

use super::Attribute;
use crate::der::{self, DerError, Reader, SEQUENCE, SET, Value};

const UTF8_STRING: u8 = 0x0c;
const NUMERIC_STRING: u8 = 0x12;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const VISIBLE_STRING: u8 = 0x1a;
const UNIVERSAL_STRING: u8 = 0x1c;
const BMP_STRING: u8 = 0x1e;

pub(super) fn relative_names(der: &[u8]) -> Result<Vec<Vec<Attribute>>, DerError> {
    der::single(der, SEQUENCE)?.reader().each(|names| {
        let set = names.expect(SET)?.reader();
        relative_name(set)
    })
}

/// Reads what is inside of a `RelativeDistinguishedName`; it is never empty (X.501 §9.3).
pub(super) fn relative_name(set: Reader<'_>) -> Result<Vec<Attribute>, DerError> {
    let attributes = set.each(|set| {
        let mut attribute = set.sequence()?;
        let kind = attribute.object_identifier()?;
        let value = attribute.next()?;
        attribute.end()?;
        Ok(Attribute {
            kind,
            value_der: value.whole.into(),
            text: text(value),
        })
    })?;
    if attributes.is_empty() {
        return Err(DerError);
    }
    Ok(attributes)
}

/// The text of a string type. Characters that the type does not allow are let through: names are compared and shown, and a CA that
/// writes `@` into a PrintableString is common.
fn text(value: Value<'_>) -> Option<String> {
    match value.tag {
        UTF8_STRING => String::from_utf8(value.contents.to_vec()).ok(),
        NUMERIC_STRING | PRINTABLE_STRING | IA5_STRING | VISIBLE_STRING => value
            .contents
            .is_ascii()
            .then(|| String::from_utf8_lossy(value.contents).into_owned()),
        // By the letter this is T.61 with its shifts; everybody means Latin-1.
        TELETEX_STRING => Some(value.contents.iter().copied().map(char::from).collect()),
        BMP_STRING => {
            let (pairs, []) = value.contents.as_chunks::<2>() else {
                return None;
            };
            char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair)))
                .collect::<Result<_, _>>()
                .ok()
        }
        UNIVERSAL_STRING => {
            let (quads, []) = value.contents.as_chunks::<4>() else {
                return None;
            };
            quads
                .iter()
                .map(|quad| char::from_u32(u32::from_be_bytes(*quad)))
                .collect()
        }
        _ => None,
    }
}
