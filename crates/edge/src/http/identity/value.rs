//! How certificates and their parts are written in headers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_trust::{Certificate, to_pem};

/// RFC 8941 §3.3.5, Byte Sequence: base64 between colons.
pub(super) fn byte_sequence(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4 + 2);
    text.push(':');
    STANDARD.encode_string(octets, &mut text);
    text.push(':');
    text
}

/// RFC 9440 §2.3: a List of Byte Sequences, in the order of TLS, without the client's own certificate.
pub(super) fn byte_sequences(certificates: &[Certificate]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&byte_sequence(certificate.der()));
    }
    text
}

/// PEM, percent-encoded; `kept` are the characters beyond the unreserved ones that stay as they are.
pub(super) fn escaped_pem(der: &[u8], kept: &[u8]) -> String {
    percent_encode(to_pem(der).as_bytes(), kept)
}

/// Several certificates as one percent-encoded PEM text.
pub(super) fn escaped_pem_chain(certificates: &[Certificate], kept: &[u8]) -> String {
    let text: String = certificates
        .iter()
        .map(|certificate| to_pem(certificate.der()))
        .collect();
    percent_encode(text.as_bytes(), kept)
}

/// Lower-case hexadecimal.
pub(super) fn hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        for digit in [octet >> 4, octet & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    text
}

/// A text made from a certificate as a header value: visible ASCII stays, everything else is percent-encoded, so that nobody's subject
/// ends a header or hides in one (threats C4.2). `%` itself is encoded, which keeps the form reversible.
pub(super) fn text(value: &str) -> String {
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'%';
    if value.bytes().all(plain) {
        return value.to_owned();
    }
    let mut encoded = String::with_capacity(value.len() + 16);
    for byte in value.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte))
        } else {
            push_encoded(&mut encoded, byte)
        }
    }
    encoded
}

/// The same inside double quotes, for `x-forwarded-client-cert`.
pub(super) fn quoted(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for character in text(value).chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

fn percent_encode(bytes: &[u8], kept: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for byte in bytes {
        // RFC 3986 §2.3, unreserved.
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || kept.contains(byte) {
            text.push(char::from(*byte));
        } else {
            push_encoded(&mut text, *byte);
        }
    }
    text
}

fn push_encoded(text: &mut String, byte: u8) {
    text.push('%');
    for digit in [byte >> 4, byte & 15] {
        text.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_cannot_leave_its_quotes() {
        assert_eq!(quoted(r#"CN=a";By="x,y\"#), r#""CN=a\";By=\"x,y\\""#);
        assert_eq!(quoted("CN=a\r\nb"), "\"CN=a%0D%0Ab\"");
    }

    #[test]
    fn text_is_visible_ascii_and_reversible() {
        assert_eq!(text("CN=Müller 100%"), "CN=M%C3%BCller 100%25");
        assert_eq!(text("CN=plain, O=x"), "CN=plain, O=x");
    }

    #[test]
    fn byte_sequences_are_structured_fields() {
        assert_eq!(byte_sequence(&[0xfb, 0xff]), ":+/8=:");
        assert_eq!(hex(&[0, 0xab]), "00ab");
    }
}
