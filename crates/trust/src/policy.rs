//! How chains are judged.

use crate::{RevocationPolicy, UnixTime};

/// How the clients of a CA set are judged.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Policy {
    /// What the extended key usage must say.
    pub extended_key_usage: ExtendedKeyUsageRule,
    /// What is done about revocation.
    pub revocation: RevocationPolicy,
}

impl Policy {
    /// How the clients of a CA set are judged where a binding has this policy and the set one of its own: the stricter of both about
    /// revocation; about key usages what the set says, unless that is nothing but the default.
    #[must_use]
    pub fn for_ca_set(&self, set: &Self) -> Self {
        Self {
            extended_key_usage: match set.extended_key_usage {
                ExtendedKeyUsageRule::AcceptAbsent => self.extended_key_usage,
                own => own,
            },
            revocation: self.revocation.strictest(&set.revocation),
        }
    }
}

/// What the extended key usage of a client certificate must say.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum ExtendedKeyUsageRule {
    /// `clientAuth` or `anyExtendedKeyUsage` when the extension is there; absent is good (RFC 5280 §4.2.1.12).
    #[default]
    AcceptAbsent,
    /// As [`AcceptAbsent`](Self::AcceptAbsent), and until this time `serverAuth` will do: for clients that still use a public web server
    /// certificate, as public CAs stop issuing any other.
    AcceptServerAuthUntil(UnixTime),
    /// Anything: neither extended key usage nor the client certificate's own key usage is looked at.
    Any,
    /// The extension must be there and name `clientAuth`; `anyExtendedKeyUsage` is not enough.
    RequireClientAuth,
}
