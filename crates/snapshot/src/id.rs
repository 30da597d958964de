//! Identifiers, each its own type so that one cannot stand in for another.

use std::fmt;
use std::str::FromStr;

/// A text that is not an identifier of the expected kind.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is not a {kind}: {expected}")]
pub struct ParseIdError {
    kind: &'static str,
    expected: &'static str,
    text: String,
}

impl ParseIdError {
    fn new(kind: &'static str, expected: &'static str, text: &str) -> Self {
        Self {
            kind,
            expected,
            text: text.chars().take(64).collect(),
        }
    }
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name($inner);

        impl $name {
            /// Wraps the number.
            #[must_use]
            pub const fn new(number: $inner) -> Self {
                Self(number)
            }

            /// Returns the number.
            #[must_use]
            pub const fn number(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let canonical = !text.is_empty()
                    && text.bytes().all(|byte| byte.is_ascii_digit())
                    && (text.len() == 1 || !text.starts_with('0'));
                match text.parse() {
                    Ok(number) if canonical => Ok(Self(number)),
                    _ => Err(ParseIdError::new($kind, "a decimal number", text)),
                }
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
                if (1..=300).contains(&text.len()) && text.bytes().all(allowed) {
                    Ok(Self(text.into()))
                } else {
                    Err(ParseIdError::new(
                        $kind,
                        "1 to 300 letters, digits, `-`, `_`, `.` or `:`",
                        text,
                    ))
                }
            }
        }
    };
}

number_id! {
    /// Names a CA set for ever; shown in decimal.
    CaSetId(u64), "CA set id"
}
number_id! {
    /// Numbers the versions of one CA set or property: 1, 2, 3, … never reused.
    VersionNumber(u32), "version number"
}
number_id! {
    /// Numbers the snapshots of one network; grows by at least one with each.
    Generation(u64), "generation"
}
number_id! {
    /// Numbers the manifests of revocations; grows by at least one with each.
    RevocationSequence(u64), "revocation sequence"
}
text_id! {
    /// Names a binding within a snapshot.
    BindingId, "binding id"
}
text_id! {
    /// Names a server certificate within a snapshot.
    ServerCertificateId, "server certificate id"
}
text_id! {
    /// Names an origin within a snapshot.
    OriginId, "origin id"
}
text_id! {
    /// Names one version of a client credential (certificate and key shown to origins) within a snapshot.
    ClientCredentialId, "client credential id"
}
text_id! {
    /// Names an edge node.
    NodeId, "node id"
}

/// One of the two independent worlds of edge nodes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Network {
    /// Where people try things.
    Staging,
    /// Where the world is.
    Production,
}

impl Network {
    /// Both networks.
    pub const ALL: [Self; 2] = [Self::Staging, Self::Production];

    /// The lower-case name, as in configuration and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Network {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|network| network.as_str() == text)
            .ok_or_else(|| ParseIdError::new("network", "`staging` or `production`", text))
    }
}
