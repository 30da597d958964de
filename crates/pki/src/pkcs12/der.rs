//! As much DER as PKCS#12 needs (X.690).

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    let length = contents.len().to_be_bytes();
    let significant = length
        .iter()
        .position(|octet| *octet != 0)
        .and_then(|start| length.get(start..))
        .unwrap_or_default();
    match contents.len() {
        0..0x80 => element.push(significant.first().copied().unwrap_or(0)),
        _ => {
            // At most eight octets: a length is a usize.
            element.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
            element.extend_from_slice(significant);
        }
    }
    element.extend_from_slice(contents);
    element
}

pub(super) fn sequence<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    element(0x30, &concatenated(parts))
}

/// X.690 §11.6: in the order of their encodings.
pub(super) fn set<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
    parts.sort_unstable();
    element(0x31, &concatenated(&parts))
}

pub(super) fn octets(contents: &[u8]) -> Vec<u8> {
    element(0x04, contents)
}

pub(super) fn object(identifier: &[u8]) -> Vec<u8> {
    element(0x06, identifier)
}

pub(super) fn null() -> Vec<u8> {
    element(0x05, &[])
}

pub(super) fn integer(number: u32) -> Vec<u8> {
    let mut octets = number.to_be_bytes().to_vec();
    while let [0, next, ..] = octets.as_slice()
        && *next < 0x80
    {
        octets.remove(0);
    }
    if octets.first().is_some_and(|first| *first >= 0x80) {
        octets.insert(0, 0);
    }
    element(0x02, &octets)
}

pub(super) fn explicit(tag: u8, contents: &[u8]) -> Vec<u8> {
    element(0xa0 | tag, contents)
}

/// An OCTET STRING under another tag.
pub(super) fn implicit(tag: u8, contents: &[u8]) -> Vec<u8> {
    element(0x80 | tag, contents)
}

/// UTF-16, big end first; what is beyond the basic plane cannot be in one and is left out.
pub(super) fn bmp_string(text: &str) -> Vec<u8> {
    let units = text
        .chars()
        .filter_map(|character| u16::try_from(u32::from(character)).ok());
    let octets: Vec<u8> = units.flat_map(u16::to_be_bytes).collect();
    element(0x1e, &octets)
}

fn concatenated<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|part| part.as_ref().iter().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_numbers_are_minimal() {
        assert_eq!(octets(&[]), [0x04, 0]);
        assert_eq!(octets(&[7; 127])[..2], [0x04, 127]);
        assert_eq!(octets(&[7; 128])[..3], [0x04, 0x81, 128]);
        assert_eq!(octets(&[7; 256])[..4], [0x04, 0x82, 1, 0]);
        assert_eq!(integer(0), [2, 1, 0]);
        assert_eq!(integer(128), [2, 2, 0, 128]);
        assert_eq!(integer(100_000), [2, 3, 1, 0x86, 0xa0]);
        assert_eq!(set(&[[2_u8], [1]]), [0x31, 2, 1, 2]);
        assert_eq!(bmp_string("aü"), [0x1e, 4, 0, 0x61, 0, 0xfc]);
    }
}
