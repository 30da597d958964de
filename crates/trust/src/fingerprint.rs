//! SHA-256 fingerprints.

use std::fmt;
use std::str::FromStr;

/// The SHA-256 of a certificate or of a public key; written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let mut fingerprint = [0; 32];
        for (to, from) in fingerprint.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Self(fingerprint)
    }

    /// Takes the digest itself.
    #[must_use]
    pub const fn from_bytes(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest itself.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The text is not a SHA-256 fingerprint.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons")]
pub struct ParseFingerprintError;

/// Reads hexadecimal in either case, with or without colons between the bytes.
impl FromStr for Fingerprint {
    type Err = ParseFingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut digits = text.bytes().filter(|byte| *byte != b':');
        let mut digit = || {
            let byte = digits.next().ok_or(ParseFingerprintError)?;
            char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
                .ok_or(ParseFingerprintError)
        };
        let mut fingerprint = [0; 32];
        for byte in &mut fingerprint {
            *byte = digit()? << 4 | digit()?;
        }
        match digit() {
            Ok(_) => Err(ParseFingerprintError),
            Err(_) if text.bytes().filter(|byte| *byte != b':').count() == 64 => {
                Ok(Self(fingerprint))
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_what_openssl_writes() {
        let fingerprint = Fingerprint::of(b"countersign");
        let text = fingerprint.to_string();
        assert_eq!(text.parse(), Ok(fingerprint));
        let colons: Vec<_> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8(pair.to_vec()).unwrap().to_uppercase())
            .collect();
        assert_eq!(colons.join(":").parse(), Ok(fingerprint));
        for bad in [&text[1..], &format!("{text}0"), &format!("{text}x"), ""] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(ParseFingerprintError));
        }
    }
}
