//! Serial numbers.

use std::fmt;

/// A certificate's serial number: the contents octets of its DER `INTEGER`, without redundant leading zeros.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SerialNumber(Box<[u8]>);

impl SerialNumber {
    /// Takes the contents octets of an `INTEGER`. Leading zero octets do not matter, so that 00:8F and 8F (a negative number by the letter of
    /// the encoding, which careless CAs produce) are one serial number.
    #[must_use]
    pub fn from_bytes(octets: &[u8]) -> Self {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let significant = octets.get(zeros..).unwrap_or_default();
        Self(if significant.is_empty() {
            [0].into()
        } else {
            significant.into()
        })
    }

    /// The number in big-endian octets, without leading zeros; at least one octet.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Lower-case hexadecimal without separators.
impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
