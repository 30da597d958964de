//! Primitive values.

use super::{BIT_STRING, BOOLEAN, DerError, INTEGER, OBJECT_IDENTIFIER, Reader, Value};
use crate::ObjectIdentifier;

/// X.690 §11.1: true is 0xff. Anything else but 0x00 is refused.
pub(crate) fn boolean(value: Value<'_>) -> Result<bool, DerError> {
    match value.contents {
        [0x00] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(DerError),
    }
}

/// A non-negative INTEGER, minimally encoded, that fits 64 bits.
pub(crate) fn integer_u64(contents: &[u8]) -> Result<u64, DerError> {
    let digits = match contents {
        [0, rest @ ..] if rest.first().is_some_and(|octet| octet & 0x80 != 0) => rest,
        [0] => contents,
        [0, ..] | [] => return Err(DerError),
        [first, ..] if first & 0x80 != 0 => return Err(DerError),
        _ => contents,
    };
    if digits.len() > 8 {
        return Err(DerError);
    }
    Ok(digits
        .iter()
        .fold(0, |number, octet| number << 8 | u64::from(*octet)))
}

/// The octets of a BIT STRING that has a whole number of them.
pub(crate) fn bit_string<'a>(value: Value<'a>) -> Result<&'a [u8], DerError> {
    match value.contents.split_first() {
        Some((0, octets)) => Ok(octets),
        _ => Err(DerError),
    }
}

/// A BIT STRING of named bits: bit 0 is the first.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct NamedBits(pub(crate) u16);

impl NamedBits {
    /// Reads the contents of a BIT STRING of at most 16 named bits. X.690 §11.2.2 (no trailing zero bits) is not insisted on: widespread
    /// certificates break it and nothing depends on it.
    pub(crate) fn read(contents: &[u8]) -> Result<Self, DerError> {
        let (unused, octets) = contents.split_first().ok_or(DerError)?;
        if *unused > 7 || octets.len() > 2 || (octets.is_empty() && *unused != 0) {
            return Err(DerError);
        }
        let last = octets.last().copied().unwrap_or(0);
        if last & ((1_u16 << unused) - 1) as u8 != 0 {
            return Err(DerError);
        }
        let bits = octets.iter().enumerate().fold(0_u16, |bits, (at, octet)| {
            bits | u16::from(octet.reverse_bits()) << (8 * at)
        });
        Ok(Self(bits))
    }

    pub(crate) fn has(self, bit: u32) -> bool {
        self.0 & (1 << bit) != 0
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn object_identifier(&mut self) -> Result<ObjectIdentifier, DerError> {
        self.expect(OBJECT_IDENTIFIER).and_then(object_identifier)
    }

    /// The contents of a BIT STRING that has a whole number of octets.
    pub(crate) fn bit_string(&mut self) -> Result<&'a [u8], DerError> {
        self.expect(BIT_STRING).and_then(bit_string)
    }

    pub(crate) fn small_integer(&mut self) -> Result<u64, DerError> {
        integer_u64(self.expect(INTEGER)?.contents)
    }

    /// A BOOLEAN that is false when it is absent. An encoded default is accepted, though X.690 §11.5 forbids it: widespread certificates
    /// have `CA:FALSE` spelt out.
    pub(crate) fn boolean_default_false(&mut self) -> Result<bool, DerError> {
        self.optional(BOOLEAN)?.map_or(Ok(false), boolean)
    }
}

pub(crate) fn object_identifier(value: Value<'_>) -> Result<ObjectIdentifier, DerError> {
    ObjectIdentifier::from_der_contents(value.contents).ok_or(DerError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_minimal_and_not_negative() {
        assert_eq!(integer_u64(&[0]), Ok(0));
        assert_eq!(integer_u64(&[0x7f]), Ok(127));
        assert_eq!(integer_u64(&[0x00, 0x80]), Ok(128));
        for bad in [&[][..], &[0x80], &[0, 1], &[1, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(integer_u64(bad), Err(DerError));
        }
    }

    #[test]
    fn named_bits_count_from_the_first() {
        // keyCertSign and cRLSign, as every CA has them.
        let bits = NamedBits::read(&[0x01, 0x06]).unwrap();
        assert!(bits.has(5) && bits.has(6) && !bits.has(0));
        let decipher_only = NamedBits::read(&[0x07, 0x00, 0x80]).unwrap();
        assert_eq!(decipher_only.0, 1 << 8);
        assert_eq!(NamedBits::read(&[0x01, 0x07]), Err(DerError));
        assert_eq!(NamedBits::read(&[0x08, 0x00]), Err(DerError));
    }
}
