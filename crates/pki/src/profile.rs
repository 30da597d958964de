//! What a certificate may be used for.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};

use crate::{IssueError, Name};

/// What an end-entity certificate may be used for, and under which names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Profile {
    /// Proves a client's identity: `clientAuth`, names optional.
    Client {
        /// Subject alternative names.
        names: Vec<Name>,
    },
    /// Proves a server's identity: `serverAuth`, at least one name.
    Server {
        /// Subject alternative names.
        names: Vec<Name>,
    },
}

impl Profile {
    /// A client with these names besides its subject, maybe none.
    pub fn client(names: impl IntoIterator<Item = Name>) -> Self {
        Self::Client {
            names: names.into_iter().collect(),
        }
    }

    /// A server with these names.
    pub fn server(names: impl IntoIterator<Item = Name>) -> Self {
        Self::Server {
            names: names.into_iter().collect(),
        }
    }

    /// Key usage, extended key usage, basic constraints and names of an end entity. RSA server keys may also encipher, for TLS 1.2's sake.
    pub(crate) fn apply(
        &self,
        params: &mut CertificateParams,
        rsa: bool,
    ) -> Result<(), IssueError> {
        let (names, purpose) = match self {
            Self::Client { names } => (names, ExtendedKeyUsagePurpose::ClientAuth),
            // CA/B BR §7.1.2.7.12: a server is known by its subject alternative names only.
            Self::Server { names } if names.is_empty() => return Err(IssueError::NoNames),
            Self::Server { names } => (names, ExtendedKeyUsagePurpose::ServerAuth),
        };
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if rsa && purpose == ExtendedKeyUsagePurpose::ServerAuth {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages = vec![purpose];
        params.subject_alt_names = names.iter().map(Name::to_san).collect();
        Ok(())
    }
}

/// Key usage and basic constraints of an authority.
pub(crate) fn apply_authority(params: &mut CertificateParams, path_length: Option<u8>) {
    params.is_ca = IsCa::Ca(path_length.map_or(
        BasicConstraints::Unconstrained,
        BasicConstraints::Constrained,
    ));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
}
