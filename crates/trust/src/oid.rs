//! Object identifiers.

use std::fmt;

pub(crate) mod known;

/// An ASN.1 object identifier; compares by its DER contents.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectIdentifier(Box<[u8]>);

impl ObjectIdentifier {
    /// Takes the contents octets of a DER `OBJECT IDENTIFIER`; `None` when they do not encode one (X.690 §8.19).
    #[must_use]
    pub fn from_der_contents(contents: &[u8]) -> Option<Self> {
        let ends_complete = contents.last().is_some_and(|byte| byte & 0x80 == 0);
        // Each arc is minimal: it does not start with 0x80.
        let minimal = contents
            .iter()
            .scan(true, |at_start, byte| {
                let bad = *at_start && *byte == 0x80;
                *at_start = byte & 0x80 == 0;
                Some(!bad)
            })
            .all(|good| good);
        (ends_complete && minimal && contents.len() <= MAX_OCTETS).then(|| Self(contents.into()))
    }

    /// The contents octets of its DER form.
    #[must_use]
    pub fn as_der_contents(&self) -> &[u8] {
        &self.0
    }
}

/// Longer identifiers are only useful to fill our memory.
const MAX_OCTETS: usize = 128;

/// Dotted decimal; an arc that does not fit 128 bits is written as `?`.
impl fmt::Display for ObjectIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arc = Some(0_u128);
        let mut first = true;
        for byte in &self.0 {
            arc = arc
                .and_then(|arc| arc.checked_mul(128))
                .map(|arc| arc | u128::from(byte & 0x7f));
            if byte & 0x80 != 0 {
                continue;
            }
            match (first, arc) {
                (true, Some(arc)) => {
                    let top = (arc / 40).min(2);
                    write!(f, "{top}.{}", arc - top * 40)?;
                }
                (true, None) => f.write_str("?")?,
                (false, Some(arc)) => write!(f, ".{arc}")?,
                (false, None) => f.write_str(".?")?,
            }
            first = false;
            arc = Some(0);
        }
        Ok(())
    }
}

impl fmt::Debug for ObjectIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectIdentifier({self})")
    }
}

impl PartialEq<[u8]> for ObjectIdentifier {
    fn eq(&self, other: &[u8]) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&[u8]> for ObjectIdentifier {
    fn eq(&self, other: &&[u8]) -> bool {
        *self.0 == **other
    }
}
