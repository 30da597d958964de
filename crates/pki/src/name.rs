//! Subject alternative names.

use std::{fmt, net::IpAddr, str::FromStr};

use rcgen::{SanType, string::Ia5String};
use thiserror::Error;

/// A subject alternative name.
///
/// Text with a prefix (`dns:`, `ip:`, `email:`, `uri:`) says what it is; without one, an address is an IP address, something
/// with `://` a URI, something with `@` an e-mail address, and anything else a DNS name (lower-cased).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Name {
    /// A host name, maybe with a wildcard as its whole first label.
    Dns(DnsName),
    /// An e-mail address.
    Email(Ia5),
    /// An IP address.
    Ip(IpAddr),
    /// A URI, such as a SPIFFE ID.
    Uri(Ia5),
}

/// A checked DNS name.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct DnsName(Ia5String);

/// A checked ASCII text.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Ia5(Ia5String);

/// Why a text is no subject alternative name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ParseNameError {
    /// Not a host name.
    #[error("`{0}` is not a DNS name (internationalised names must be given in their xn-- form)")]
    Dns(String),
    /// Not an e-mail address.
    #[error("`{0}` is not an e-mail address")]
    Email(String),
    /// Not an IP address.
    #[error("`{0}` is not an IP address")]
    Ip(String),
    /// Not a URI.
    #[error("`{0}` is not an absolute URI")]
    Uri(String),
}

impl FromStr for Name {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        match text.split_once(':') {
            Some(("dns", name)) => dns(name),
            Some(("email", address)) => email(address),
            Some(("ip", address)) => address
                .parse()
                .map(Self::Ip)
                .map_err(|_| ParseNameError::Ip(shown(address))),
            Some(("uri", text)) => uri(text),
            _ if text.contains("://") => uri(text),
            _ if text.contains('@') => email(text),
            _ => text.parse().map(Self::Ip).or_else(|_| dns(text)),
        }
    }
}

impl Name {
    pub(crate) fn is_wildcard(&self) -> bool {
        matches!(self, Self::Dns(DnsName(name)) if name.as_str().starts_with("*."))
    }

    pub(crate) fn to_san(&self) -> SanType {
        match self {
            Self::Dns(DnsName(name)) => SanType::DnsName(name.clone()),
            Self::Email(Ia5(address)) => SanType::Rfc822Name(address.clone()),
            Self::Ip(address) => SanType::IpAddress(*address),
            Self::Uri(Ia5(uri)) => SanType::URI(uri.clone()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(DnsName(name)) => write!(formatter, "dns:{}", name.as_str()),
            Self::Email(Ia5(address)) => write!(formatter, "email:{}", address.as_str()),
            Self::Ip(address) => write!(formatter, "ip:{address}"),
            Self::Uri(Ia5(uri)) => write!(formatter, "uri:{}", uri.as_str()),
        }
    }
}

fn dns(name: &str) -> Result<Name, ParseNameError> {
    let lower = name.to_ascii_lowercase();
    // RFC 6125 §6.4.3: a wildcard is only understood as the complete left-most label, and never alone.
    let rest = lower.strip_prefix("*.").unwrap_or(&lower);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let good = lower.len() <= 253 && rest.split('.').all(label);
    let checked = Ia5String::try_from(lower.as_str()).ok().filter(|_| good);
    let checked = checked.ok_or_else(|| ParseNameError::Dns(shown(name)))?;
    Ok(Name::Dns(DnsName(checked)))
}

fn email(address: &str) -> Result<Name, ParseNameError> {
    let good = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    printable(address)
        .filter(|_| good)
        .map(Name::Email)
        .ok_or_else(|| ParseNameError::Email(shown(address)))
}

fn uri(text: &str) -> Result<Name, ParseNameError> {
    // RFC 5280 §4.2.1.6: "The name MUST NOT be a relative URI" and "MUST include both a scheme and a scheme-specific-part".
    let good = text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && !rest.is_empty()
    });
    printable(text)
        .filter(|_| good)
        .map(Name::Uri)
        .ok_or_else(|| ParseNameError::Uri(shown(text)))
}

fn printable(text: &str) -> Option<Ia5> {
    let good = text.bytes().all(|byte| byte.is_ascii_graphic());
    Ia5String::try_from(text).ok().filter(|_| good).map(Ia5)
}

/// Outside text as it may stand in a message.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let said = match text.parse::<Name>() {
            Ok(name) => name.to_string(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(said, expected, "{text}");
    }

    #[test]
    fn text_becomes_the_kind_of_name_it_looks_like() {
        check("A.Test", "dns:a.test");
        check("*.a.test", "dns:*.a.test");
        check("192.0.2.1", "ip:192.0.2.1");
        check("2001:db8::1", "ip:2001:db8::1");
        check("ip:::1", "ip:::1");
        check("alice@a.test", "email:alice@a.test");
        check("spiffe://a.test/alice", "uri:spiffe://a.test/alice");
        check("uri:urn:x:1", "uri:urn:x:1");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "",
            "*",
            "*.",
            "a..b",
            "-a.test",
            "a*.test",
            "a.*.test",
            "bücher.test",
            "a b",
        ] {
            check(bad, &format!("Dns({bad:?})"));
        }
        check("a@b@c", "Email(\"a@b@c\")");
        check("ip:x", "Ip(\"x\")");
        check("://x", "Uri(\"://x\")");
    }
}
