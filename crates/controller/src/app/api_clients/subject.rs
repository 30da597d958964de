//! Subjects as people write them.

use countersign_trust::is_unprintable;

const MAX_CHARS: usize = 1_024;
/// The types that [`countersign_trust::DistinguishedName::to_rfc2253`] does not write in capitals.
const MIXED_CASE: [&str; 7] = [
    "dnQualifier",
    "emailAddress",
    "generationQualifier",
    "initials",
    "serialNumber",
    "street",
    "title",
];

/// Why a text is no subject.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum SubjectError {
    #[error(
        "The subject is not a list of `TYPE=value` with commas between, such as `CN=alice,O=Example`; `openssl x509 -noout -subject -nameopt RFC2253 -in FILE` prints it."
    )]
    Form,
    #[error("The subject has more than {MAX_CHARS} characters.")]
    TooLong,
}

/// RFC 2253 §4 lets spaces stand around separators; they are compared without, and with the types in the case that we write them in.
pub(super) fn normalise(subject: &str) -> Result<String, SubjectError> {
    if subject.chars().count() > MAX_CHARS {
        return Err(SubjectError::TooLong);
    }
    let mut parts = vec![String::new()];
    let mut is_escaped = false;
    for character in subject.chars() {
        match parts.last_mut() {
            Some(part) if is_escaped || character != ',' => part.push(character),
            _ => parts.push(String::new()),
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    let parts: Result<Vec<_>, _> = parts.iter().map(|part| normalise_part(part)).collect();
    Ok(parts?.join(","))
}

fn normalise_part(part: &str) -> Result<String, SubjectError> {
    let (kind, value) = part.split_once('=').ok_or(SubjectError::Form)?;
    let (kind, value) = (kind.trim(), value.trim_start());
    let trimmed = value.trim_end();
    // A space behind an odd number of backslashes belongs to the value.
    let backslashes = trimmed.len() - trimmed.trim_end_matches('\\').len();
    let value = if backslashes % 2 == 1 {
        value.get(..=trimmed.len()).unwrap_or(value)
    } else {
        trimmed
    };
    if kind.is_empty() || value.is_empty() {
        return Err(SubjectError::Form);
    }
    let kind = MIXED_CASE
        .iter()
        .find(|known| known.eq_ignore_ascii_case(kind))
        .map_or_else(|| kind.to_ascii_uppercase(), |known| (*known).to_owned());
    Ok(format!("{kind}={}", without_octets(value)))
}

/// RFC 2253 §2.4: any octet may be written as `\HH`. OpenSSL writes all of a character outside ASCII so (`\C3\BC`); we write the character.
fn without_octets(value: &str) -> String {
    let mut shown = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        shown.push_str(before);
        let octets = octets(escape);
        let text = std::str::from_utf8(&octets).ok();
        let text = text.filter(|text| !text.is_empty() && !text.contains(is_unprintable));
        let length = if let Some(text) = text {
            shown.push_str(text);
            octets.len() * 3
        } else {
            let next = escape.chars().nth(1).map_or(0, char::len_utf8);
            shown.push_str(escape.get(..=next).unwrap_or(escape));
            1 + next
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    shown.push_str(rest);
    shown
}

/// The octets outside ASCII that a text begins with in the form `\HH`.
fn octets(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks_exact(3).map_while(|pair| {
        let digits = pair.strip_prefix(b"\\")?;
        let digits = std::str::from_utf8(digits).ok()?;
        digits
            .bytes()
            .all(|digit| digit.is_ascii_hexdigit())
            .then(|| u8::from_str_radix(digits, 16).ok())
            .flatten()
    });
    pairs.take_while(|octet| !octet.is_ascii()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_compared_without_the_spaces_that_people_write() {
        let check = |written: &str, expected: &str| {
            assert_eq!(normalise(written).unwrap(), expected);
        };
        check("CN=alice,O=Example", "CN=alice,O=Example");
        check(" cn = alice , o=Example Inc. ", "CN=alice,O=Example Inc.");
        check(r"CN=a\,b , C=DE", r"CN=a\,b,C=DE");
        check(r"CN=a\  ,C=DE", r"CN=a\ ,C=DE");
        check(r"CN=a\\ ,C=DE", r"CN=a\\,C=DE");
        check("emailaddress=a@b", "emailAddress=a@b");
        // As openssl writes what is outside ASCII.
        check(
            r"CN=J\C3\BCrgen \E2\82\AC\, \C3\A9,O=x",
            "CN=Jürgen €\\, é,O=x",
        );
        check(r"CN=\C3,O=\C3\28", r"CN=\C3,O=\C3\28");
        check(r"CN=\\C3\BC", r"CN=\\C3\BC");
        // What is shown by its octets stays so.
        check(r"CN=a\E2\80\AEb", r"CN=a\E2\80\AEb");
        check(r"CN=Jürgen\2C", r"CN=Jürgen\2C");
        for bad in ["alice", "", "CN=", "CN=a,", "=a"] {
            assert_eq!(normalise(bad), Err(SubjectError::Form), "{bad}");
        }
    }
}
