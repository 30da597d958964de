//! Client credentials: what the edge proves its own identity to origins with.

use countersign_snapshot::SealedSecret;
use countersign_trust::{Certificate, UnixTime};

use super::{AccountId, Deployed, row_id};

row_id! {
    /// Numbers client credentials, across accounts.
    CredentialId
}

/// A certificate with its key, in versions; each network has at most one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientCredential {
    /// Its number.
    pub id: CredentialId,
    /// Its owner.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// Oldest first; never empty.
    pub versions: Vec<CredentialVersion>,
    /// What the networks have of it.
    pub networks: Vec<Deployed>,
}

/// One version; it never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialVersion {
    /// From 1.
    pub number: u32,
    /// Leaf first; never empty.
    pub chain: Vec<Certificate>,
    /// PKCS#8, sealed.
    pub sealed_key: SealedSecret,
    /// When it came in.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
}

/// How settings and rules name a client credential: whichever version the network has, or one of them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct CredentialReference {
    pub(crate) id: CredentialId,
    pub(crate) version: Option<u32>,
}

impl CredentialReference {
    const WORD: &'static str = "client-credential-";

    /// Reads `client-credential-ID` or `client-credential-ID-VERSION`.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let numbers = text.strip_prefix(Self::WORD)?;
        let (id, version) = match numbers.split_once('-') {
            Some((id, version)) => (id, Some(version.parse().ok()?)),
            None => (numbers, None),
        };
        let reference = Self {
            id: CredentialId::from_text(id)?,
            version,
        };
        (reference.to_string() == text).then_some(reference)
    }
}

impl std::fmt::Display for CredentialReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", Self::WORD, self.id)?;
        self.version
            .map_or(Ok(()), |version| write!(f, "-{version}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_one_spelling() {
        for good in ["client-credential-12", "client-credential-12-3"] {
            assert_eq!(
                CredentialReference::from_text(good).unwrap().to_string(),
                good
            );
        }
        for bad in [
            "12",
            "client-credential-",
            "client-credential-012",
            "client-credential-1-",
            "client-credential-1-03",
            "client-credential-1-+3",
            "client-credential--1",
        ] {
            assert_eq!(CredentialReference::from_text(bad), None, "{bad}");
        }
    }
}
