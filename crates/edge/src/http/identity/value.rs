//! How certificates and their parts are written in headers.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_trust::{Certificate, DistinguishedName, to_pem};

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

/// A name as nginx, Envoy and AWS write it: RFC 2253, and octets beyond ASCII as `\XX` (OpenSSL's `XN_FLAG_RFC2253`). Controls are escaped in
/// the text already, so that nobody's subject ends a header or hides in one (threats C4.2).
///
/// Deviation: a space at the end is `\20`, where they write `\ `. RFC 9110 §5.5: white space at the end is no part of a field's value.
pub(super) fn distinguished_name(name: &DistinguishedName) -> String {
    let mut text = name.to_rfc2253();
    if text.ends_with("\\ ") {
        text.pop();
        text.push_str("20");
    }
    if text.is_ascii() {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii() {
            escaped.push(char::from(byte));
        } else {
            push_octet(&mut escaped, '\\', byte);
        }
    }
    escaped
}

/// The same between the quotes of `x-forwarded-client-cert`. That convention knows `\"` and says nothing about other backslashes: its readers
/// disagree about where a value ends after one. RFC 2253 §2.4 has a second way to write every special character, which has no `"` and in
/// which no backslash stands before a quote or another backslash.
pub(super) fn quoted_distinguished_name(name: &DistinguishedName) -> String {
    let text = distinguished_name(name);
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    let mut octets = text.bytes().peekable();
    while let Some(octet) = octets.next() {
        match octets.peek() {
            Some(special) if octet == b'\\' && !special.is_ascii_hexdigit() => {
                push_octet(&mut quoted, '\\', *special);
                octets.next();
            }
            _ => quoted.push(char::from(octet)),
        }
    }
    quoted.push('"');
    quoted
}

/// A URI or DNS name for `x-forwarded-client-cert`, in quotes only where that convention wants them. None for one with a character that
/// neither may contain (RFC 3986 §2, RFC 1034 §3.5) and that could end the quotes: the certificate itself is there for whoever needs it.
pub(super) fn element_value(name: &str) -> Option<Cow<'_, str>> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if !name.bytes().all(is_plain) {
        None
    } else if name.contains([',', ';', '=']) {
        Some(Cow::Owned(format!("\"{name}\"")))
    } else {
        Some(Cow::Borrowed(name))
    }
}

/// A single value of a certificate, percent-encoded where it is not visible ASCII, and where a space stands at an end. `%` itself is
/// encoded, which keeps the form reversible.
pub(super) fn text(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    let last = value.len().saturating_sub(1);
    for (at, byte) in value.bytes().enumerate() {
        let is_inner_space = byte == b' ' && at != 0 && at != last;
        if is_inner_space || (byte.is_ascii_graphic() && byte != b'%') {
            encoded.push(char::from(byte));
        } else {
            push_octet(&mut encoded, '%', byte);
        }
    }
    encoded
}

fn percent_encode(bytes: &[u8], kept: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for byte in bytes {
        // RFC 3986 §2.3, unreserved.
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || kept.contains(byte) {
            text.push(char::from(*byte));
        } else {
            push_octet(&mut text, '%', *byte);
        }
    }
    text
}

fn push_octet(text: &mut String, mark: char, byte: u8) {
    text.push(mark);
    for digit in [byte >> 4, byte & 15] {
        text.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
