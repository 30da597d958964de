//! Server names in their one canonical form.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The longest name in its text form (RFC 1035 §2.3.4: 255 octets on the wire).
const NAME_MAX_BYTES: usize = 253;
/// The longest label (RFC 1035 §2.3.4).
const LABEL_MAX_BYTES: usize = 63;

/// A text that is no server name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseNameError {
    /// There is no name at all.
    #[error("the name is empty")]
    Empty,
    /// The name is an IP address; addresses have no binding (RFC 6066 §3 forbids them as SNI).
    #[error("the name is an IP address, not a DNS name")]
    IpAddress,
    /// A label is empty, too long, or has a character that host names cannot have.
    #[error("the name has an invalid label")]
    Label,
    /// The port after the name is no number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// The name is longer than 253 bytes.
    #[error("the name is longer than 253 bytes")]
    TooLong,
    /// The internationalised name has no valid A-label form (RFC 5891).
    #[error("the name is not a valid internationalised domain name")]
    Internationalised,
    /// A wildcard stands elsewhere than as the whole left-most label.
    #[error("a wildcard can only be the whole left-most label, as in `*.example.com`")]
    Wildcard,
}

/// A DNS host name in canonical form: lower case, A-labels, no trailing dot, no port.
///
/// Two names are the same exactly when the values are equal. A raw string never reaches the [`Resolver`](crate::Resolver): this type is
/// its only door, for SNI, `Host`, `:authority`, MQTT and QUIC alike.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerName(Box<str>);

impl ServerName {
    /// Canonicalises a name without a port, such as an SNI value.
    ///
    /// # Errors
    /// When the text is no DNS host name.
    pub fn new(text: &str) -> Result<Self, ParseNameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(ParseNameError::Empty);
        }
        // U-labels take more bytes than their A-labels only within this factor; longer input is not worth an IDNA pass.
        if text.len() > NAME_MAX_BYTES * 4 {
            return Err(ParseNameError::TooLong);
        }
        let canonical: Box<str> = if needs_idna(text) {
            idna::domain_to_ascii(text)
                .map_err(|_| ParseNameError::Internationalised)?
                .into()
        } else {
            text.to_ascii_lowercase().into()
        };
        if canonical.len() > NAME_MAX_BYTES {
            return Err(ParseNameError::TooLong);
        }
        if canonical.parse::<IpAddr>().is_ok() || last_label_is_number(&canonical) {
            return Err(ParseNameError::IpAddress);
        }
        if canonical.split('.').all(is_label) {
            Ok(Self(canonical))
        } else {
            Err(ParseNameError::Label)
        }
    }

    /// Canonicalises an authority (`host` or `host:port`), as in `Host` and `:authority`. The port does not take part in the name.
    ///
    /// # Errors
    /// When the host is no DNS host name, the port is no port, or there is user information.
    pub fn from_authority(text: &str) -> Result<Self, ParseNameError> {
        if text.starts_with('[') {
            return Err(ParseNameError::IpAddress);
        }
        match text.split_once(':') {
            None => Self::new(text),
            Some((host, port)) => {
                let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                match port.parse::<u16>() {
                    Ok(number) if digits && number != 0 => Self::new(host),
                    _ => Err(ParseNameError::Port),
                }
            }
        }
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its left-most label; `None` for a single label.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.0.split_once('.').map(|(_, parent)| parent)
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ServerName {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// What a binding is found by: one name, or all names one label below a parent.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NamePattern {
    /// Exactly this name.
    Exact(ServerName),
    /// `*.parent`: one label below this parent (RFC 6125 §6.4.3, whole left-most label only).
    Wildcard(ServerName),
}

impl NamePattern {
    /// Whether the pattern covers the name.
    #[must_use]
    pub fn covers(&self, name: &ServerName) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Wildcard(parent) => name.parent() == Some(parent.as_str()),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Wildcard(parent) => write!(f, "*.{parent}"),
        }
    }
}

impl FromStr for NamePattern {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("*.") {
            Some(parent) if !parent.contains('*') => ServerName::new(parent).map(Self::Wildcard),
            _ if text.contains('*') => Err(ParseNameError::Wildcard),
            _ => ServerName::new(text).map(Self::Exact),
        }
    }
}

/// IDNA processing is for names with non-ASCII characters and for A-labels, whose encoding it checks.
fn needs_idna(text: &str) -> bool {
    !text.is_ascii()
        || text.split('.').any(|label| {
            label.len() >= 4 && label.is_char_boundary(4) && label[..4].eq_ignore_ascii_case("xn--")
        })
}

/// A name that ends in a number would be read as an IPv4 address by URL parsers (WHATWG URL §3.5), so it is refused as one.
fn last_label_is_number(name: &str) -> bool {
    name.rsplit('.')
        .next()
        .is_some_and(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Letters, digits, hyphens inside (RFC 1123 §2.1), and underscores, which real host names have.
fn is_label(label: &str) -> bool {
    (1..=LABEL_MAX_BYTES).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Result<&str, ParseNameError>) {
        let actual = ServerName::new(text);
        assert_eq!(
            actual.as_ref().map(ServerName::as_str),
            expected.as_ref().copied(),
            "{text:?}"
        );
    }

    #[test]
    fn names_have_one_spelling() {
        check("API.Example.COM", Ok("api.example.com"));
        check("api.example.com.", Ok("api.example.com"));
        check("bücher.example", Ok("xn--bcher-kva.example"));
        check("XN--BCHER-KVA.example", Ok("xn--bcher-kva.example"));
        check("under_score.example", Ok("under_score.example"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        check("", Err(ParseNameError::Empty));
        check(".", Err(ParseNameError::Empty));
        check("a..b", Err(ParseNameError::Label));
        check("-a.b", Err(ParseNameError::Label));
        check("a b", Err(ParseNameError::Label));
        check("a\0b", Err(ParseNameError::Label));
        check("a/b", Err(ParseNameError::Label));
        check("user@host", Err(ParseNameError::Label));
        check("192.0.2.1", Err(ParseNameError::IpAddress));
        check("0x7f.1", Err(ParseNameError::IpAddress));
        check("2001:db8::1", Err(ParseNameError::IpAddress));
        check(&"a.".repeat(200), Err(ParseNameError::TooLong));
        check(&"a".repeat(64), Err(ParseNameError::Label));
    }

    #[test]
    fn the_port_of_an_authority_is_no_part_of_the_name() {
        let name = |text| ServerName::from_authority(text).map(|name| name.to_string());
        assert_eq!(name("A.test:8443"), Ok("a.test".into()));
        assert_eq!(name("a.test."), Ok("a.test".into()));
        assert_eq!(name("a.test.:443"), Ok("a.test".into()));
        assert_eq!(name("a.test:"), Err(ParseNameError::Port));
        assert_eq!(name("a.test:0"), Err(ParseNameError::Port));
        assert_eq!(name("a.test:+1"), Err(ParseNameError::Port));
        assert_eq!(name("a.test:99999"), Err(ParseNameError::Port));
        assert_eq!(name("a.test:1:2"), Err(ParseNameError::Port));
        assert_eq!(name("[::1]:443"), Err(ParseNameError::IpAddress));
        assert_eq!(name("user@a.test"), Err(ParseNameError::Label));
    }

    #[test]
    fn a_wildcard_is_the_whole_left_most_label() {
        let pattern: NamePattern = "*.Example.com".parse().unwrap();
        assert!(pattern.covers(&ServerName::new("a.example.com").unwrap()));
        assert!(!pattern.covers(&ServerName::new("example.com").unwrap()));
        assert!(!pattern.covers(&ServerName::new("a.b.example.com").unwrap()));
        for text in ["a.*.com", "*a.example.com", "*", "*.*.com", "a*"] {
            assert_eq!(text.parse::<NamePattern>(), Err(ParseNameError::Wildcard));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_and_the_canonical_form_is_stable(text in "\\PC{0,80}") {
            if let Ok(name) = ServerName::new(&text) {
                for spelling in [name.to_string(), format!("{name}."), name.as_str().to_ascii_uppercase()] {
                    let again = ServerName::new(&spelling);
                    prop_assert_eq!(again, Ok(name.clone()));
                }
            }
        }
    }
}
