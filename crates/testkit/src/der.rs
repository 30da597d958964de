//! DER written by hand, so that a test can have any bytes it wants, also those no library would write.
//!
//! Writers return one whole element (tag, length, content); the readers [`elements`], [`content`] and [`pem_blocks`] take elements apart.

mod general_name;
mod name;

use time::OffsetDateTime;

pub use general_name::{
    directory_name, dns, email, ip, ip_range, other_name, registered_id, upn, uri,
};
pub use name::{name, name_with, rdn};

/// One element with this tag octet, in the shortest length form.
pub fn tlv(tag: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = vec![tag];
    match content.len() {
        short @ 0..=0x7f => out.push(short as u8),
        long => {
            let length = long.to_be_bytes();
            let first = length.iter().position(|octet| *octet != 0).unwrap();
            out.push(0x80 | (length.len() - first) as u8);
            out.extend(&length[first..]);
        }
    }
    out.extend(content);
    out
}

/// SEQUENCE of whole elements.
pub fn sequence<E: AsRef<[u8]>>(elements: impl IntoIterator<Item = E>) -> Vec<u8> {
    tlv(0x30, joined(elements))
}

/// SET of whole elements, in the given order (DER wants them sorted: that is up to the caller).
pub fn set<E: AsRef<[u8]>>(elements: impl IntoIterator<Item = E>) -> Vec<u8> {
    tlv(0x31, joined(elements))
}

/// `[number] EXPLICIT`: a constructed context tag around whole elements.
pub fn explicit(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    tlv(0xa0 | number, content)
}

/// `[number] IMPLICIT` of a primitive type: a context tag in place of its own.
pub fn implicit(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    tlv(0x80 | number, content)
}

/// INTEGER of a number.
pub fn integer(value: i64) -> Vec<u8> {
    let mut octets = value.to_be_bytes().to_vec();
    while octets.len() > 1
        && ((octets[0] == 0 && octets[1] < 0x80) || (octets[0] == 0xff && octets[1] >= 0x80))
    {
        octets.remove(0);
    }
    tlv(0x02, octets)
}

/// INTEGER with exactly these content octets.
pub fn integer_octets(octets: impl AsRef<[u8]>) -> Vec<u8> {
    tlv(0x02, octets)
}

/// INTEGER of an unsigned big-endian magnitude; a leading zero is added where the sign bit would be set.
pub fn unsigned(magnitude: &[u8]) -> Vec<u8> {
    let first = magnitude.iter().position(|octet| *octet != 0);
    let trimmed = first.map_or(&[0_u8][..], |first| &magnitude[first..]);
    let mut octets = Vec::with_capacity(trimmed.len() + 1);
    if trimmed[0] >= 0x80 {
        octets.push(0);
    }
    octets.extend(trimmed);
    tlv(0x02, octets)
}

/// BOOLEAN.
pub fn boolean(value: bool) -> Vec<u8> {
    tlv(0x01, [if value { 0xff } else { 0x00 }])
}

/// NULL.
pub fn null() -> Vec<u8> {
    tlv(0x05, [])
}

/// ENUMERATED.
pub fn enumerated(value: u8) -> Vec<u8> {
    tlv(0x0a, [value])
}

/// OCTET STRING.
pub fn octet_string(content: impl AsRef<[u8]>) -> Vec<u8> {
    tlv(0x04, content)
}

/// BIT STRING of whole octets.
pub fn bit_string(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut octets = vec![0];
    octets.extend(content.as_ref());
    tlv(0x03, octets)
}

/// BIT STRING of named bits (bit 0 is the first), without trailing zeros as DER wants.
pub fn named_bits(bits: &[u8]) -> Vec<u8> {
    let Some(highest) = bits.iter().max() else {
        return tlv(0x03, [0]);
    };
    let mut octets = vec![0_u8; usize::from(*highest) / 8 + 2];
    octets[0] = 7 - highest % 8;
    for bit in bits {
        octets[usize::from(*bit) / 8 + 1] |= 0x80 >> (bit % 8);
    }
    tlv(0x03, octets)
}

/// OBJECT IDENTIFIER from its dotted form.
pub fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut octets = Vec::new();
    for arc in std::iter::once(arcs[0] * 40 + arcs[1]).chain(arcs[2..].iter().copied()) {
        let mut groups = vec![(arc & 0x7f) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.push(0x80 | (rest & 0x7f) as u8);
            rest >>= 7;
        }
        octets.extend(groups.iter().rev());
    }
    tlv(0x06, octets)
}

/// UTF8String.
pub fn utf8_string(text: &str) -> Vec<u8> {
    tlv(0x0c, text)
}

/// PrintableString (not checked).
pub fn printable_string(text: &str) -> Vec<u8> {
    tlv(0x13, text)
}

/// TeletexString of Latin-1 octets (not checked).
pub fn teletex_string(octets: impl AsRef<[u8]>) -> Vec<u8> {
    tlv(0x14, octets)
}

/// IA5String (not checked).
pub fn ia5_string(text: &str) -> Vec<u8> {
    tlv(0x16, text)
}

/// BMPString.
pub fn bmp_string(text: &str) -> Vec<u8> {
    let octets: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    tlv(0x1e, octets)
}

/// `Time` as RFC 5280 §4.1.2.5 wants it: UTCTime through 2049, GeneralizedTime from 2050.
pub fn time(unix_seconds: i64) -> Vec<u8> {
    let moment = OffsetDateTime::from_unix_timestamp(unix_seconds).unwrap();
    if (1950..2050).contains(&moment.year()) {
        let digits = digits(moment);
        utc_time(&format!("{}Z", &digits[2..]))
    } else {
        generalized_time_of(unix_seconds)
    }
}

/// GeneralizedTime of a moment, also where UTCTime would be due.
pub fn generalized_time_of(unix_seconds: i64) -> Vec<u8> {
    let moment = OffsetDateTime::from_unix_timestamp(unix_seconds).unwrap();
    generalized_time(&format!("{}Z", digits(moment)))
}

/// UTCTime with exactly this text.
pub fn utc_time(text: &str) -> Vec<u8> {
    tlv(0x17, text)
}

/// GeneralizedTime with exactly this text.
pub fn generalized_time(text: &str) -> Vec<u8> {
    tlv(0x18, text)
}

/// An X.509 `Extension`.
pub fn extension(dotted: &str, critical: bool, value: impl AsRef<[u8]>) -> Vec<u8> {
    let mut parts = vec![oid(dotted)];
    if critical {
        parts.push(boolean(true));
    }
    parts.push(octet_string(value));
    sequence(parts)
}

/// The whole elements that stand one after the other in `bytes`.
pub fn elements(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (start, length) = header(rest);
        let (element, after) = rest.split_at(start + length);
        found.push(element);
        rest = after;
    }
    found
}

/// The content octets of the one element `element`.
pub fn content(element: &[u8]) -> &[u8] {
    let (start, length) = header(element);
    &element[start..start + length]
}

/// The PEM form of `der` under this label.
pub fn pem(label: &str, der: &[u8]) -> String {
    let encoded = encode_base64(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        out.push_str(std::str::from_utf8(line).unwrap());
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// The blocks of a well-formed PEM text as (label, DER).
pub fn pem_blocks(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(label) = line
            .trim()
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.strip_suffix("-----"))
        else {
            continue;
        };
        let body: String = lines
            .by_ref()
            .take_while(|line| !line.starts_with("-----END "))
            .map(str::trim)
            .collect();
        blocks.push((label.to_owned(), decode_base64(&body)));
    }
    blocks
}

fn joined<E: AsRef<[u8]>>(elements: impl IntoIterator<Item = E>) -> Vec<u8> {
    elements.into_iter().fold(Vec::new(), |mut bytes, element| {
        bytes.extend(element.as_ref());
        bytes
    })
}

/// Length of an element's header, and of its content.
fn header(element: &[u8]) -> (usize, usize) {
    match element[1] {
        short @ 0..=0x7f => (2, usize::from(short)),
        long => {
            let octets = usize::from(long & 0x7f);
            let length = element[2..2 + octets]
                .iter()
                .fold(0, |length, octet| length << 8 | usize::from(*octet));
            (2 + octets, length)
        }
    }
}

fn digits(moment: OffsetDateTime) -> String {
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second()
    )
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode_base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let value = (0..3).fold(0_u32, |value, place| {
            value << 8 | u32::from(group.get(place).copied().unwrap_or(0))
        });
        for place in 0..4 {
            if place <= group.len() {
                let index = value >> (18 - 6 * place) & 0x3f;
                out.push(char::from(BASE64[index as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

fn decode_base64(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter_map(|byte| BASE64.iter().position(|digit| *digit == byte))
        .map(|value| value as u8)
        .collect();
    let mut out = Vec::new();
    for group in digits.chunks(4) {
        let value = (0..4).fold(0_u32, |value, place| {
            value << 6 | u32::from(group.get(place).copied().unwrap_or(0))
        });
        out.extend(&value.to_be_bytes()[1..group.len()]);
    }
    out
}

#[cfg(test)]
mod tests;
