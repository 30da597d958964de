//! What a certificate may be used for.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};

use crate::{IssueError, Name, Validity};

/// Apple's systems refuse servers whose certificates are valid for more than 825 days, of whatever CA; this keeps well below.
const SERVER_DAYS_MAX: i64 = 800;

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

    /// Whether these names and this validity suit it.
    pub(crate) fn check(&self, validity: Validity) -> Result<(), IssueError> {
        match self {
            Self::Client { names } => match names.iter().find(|name| name.is_wildcard()) {
                None => Ok(()),
                Some(name) => Err(IssueError::Wildcard {
                    name: name.to_string(),
                }),
            },
            // CA/B BR §7.1.2.7.12: a server is known by its subject alternative names only.
            Self::Server { names } if names.is_empty() => Err(IssueError::NoNames),
            Self::Server { .. } if validity.days() > SERVER_DAYS_MAX => Err(IssueError::TooLong {
                days: validity.days(),
                most: SERVER_DAYS_MAX,
            }),
            Self::Server { .. } => Ok(()),
        }
    }

    /// A server with these names.
    pub fn server(names: impl IntoIterator<Item = Name>) -> Self {
        Self::Server {
            names: names.into_iter().collect(),
        }
    }

    /// Key usage, extended key usage, basic constraints and names of an end entity. RSA server keys may also encipher, for TLS 1.2's sake.
    pub(crate) fn apply(&self, params: &mut CertificateParams, rsa: bool) {
        let (names, purpose) = match self {
            Self::Client { names } => (names, ExtendedKeyUsagePurpose::ClientAuth),
            Self::Server { names } => (names, ExtendedKeyUsagePurpose::ServerAuth),
        };
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if rsa && purpose == ExtendedKeyUsagePurpose::ServerAuth {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages = vec![purpose];
        params.subject_alt_names = names.iter().map(Name::to_san).collect();
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
