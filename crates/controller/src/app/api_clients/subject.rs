//! Subjects as people write them.

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
    Ok(format!("{kind}={value}"))
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
        for bad in ["alice", "", "CN=", "CN=a,", "=a"] {
            assert_eq!(normalise(bad), Err(SubjectError::Form), "{bad}");
        }
    }
}
