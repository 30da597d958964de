//! Serial numbers.

use std::fmt;

/// A certificate's serial number.
///
/// Two are equal when they are the same integer: redundant leading octets do not matter. RFC 5280 §4.1.2.2 wants positive ones; careless CAs
/// write negative ones, and `FF` (minus one) is another number than `00FF`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SerialNumber {
    /// The contents octets of the minimal DER `INTEGER`.
    contents: Box<[u8]>,
}

impl SerialNumber {
    /// The positive number with these big-endian octets, as people write it.
    #[must_use]
    pub fn from_bytes(octets: &[u8]) -> Self {
        Self::from_der_contents(&[&[0], octets].concat())
    }

    /// Takes the contents octets of a DER `INTEGER`.
    #[must_use]
    pub fn from_der_contents(contents: &[u8]) -> Self {
        let mut minimal = contents;
        while let [0, rest @ ..] = minimal
            && rest.first().is_some_and(|octet| octet & 0x80 == 0)
        {
            minimal = rest;
        }
        Self {
            contents: if minimal.is_empty() {
                [0].into()
            } else {
                minimal.into()
            },
        }
    }

    /// The number in big-endian octets, without leading zeros; at least one octet.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &*self.contents {
            [0, rest @ ..] if !rest.is_empty() => rest,
            contents => contents,
        }
    }

    /// The contents octets of its DER form.
    pub(crate) fn as_der_contents(&self) -> &[u8] {
        &self.contents
    }
}

/// Lower-case hexadecimal without separators.
impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_integers_are_equal_and_minus_one_is_not_255() {
        let der = SerialNumber::from_der_contents;
        assert_eq!(der(&[0, 0xff]), SerialNumber::from_bytes(&[0xff]));
        assert_eq!(der(&[0, 0, 0x7f]), SerialNumber::from_bytes(&[0x7f]));
        assert_ne!(der(&[0xff]), der(&[0, 0xff]));
        assert_eq!(der(&[]), SerialNumber::from_bytes(&[]));
        assert_eq!(der(&[0, 0xff]).to_string(), "ff");
        assert_eq!(der(&[0]).to_string(), "00");
        assert_eq!(der(&[0, 0xff]).as_der_contents(), [0, 0xff]);
    }
}
