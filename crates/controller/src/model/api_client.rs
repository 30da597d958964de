//! Who may call.

use countersign_trust::{Certificate, UnixTime};

use super::{AccountId, Role, text_enum};

text_enum! {
    /// How an API client proves who it is.
    ApiClientKind {
        /// A token that it sends.
        Bearer = "BEARER",
        /// A secret that it signs with.
        EdgeGrid = "EDGEGRID",
        /// A client certificate.
        Certificate = "CERTIFICATE",
    }
}

/// Which certificates prove who a client is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OperatorCertificate {
    /// This one alone, whoever made it.
    Pinned(Certificate),
    /// Those that one of these CAs vouches for and that have this subject (RFC 2253).
    Issued {
        /// The CAs; at least one.
        authorities: Vec<Certificate>,
        /// The subject, as [`countersign_trust::DistinguishedName::to_rfc2253`] writes it.
        subject: String,
    },
}

/// Something that may call for an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiClient {
    /// Its id.
    pub id: String,
    /// Its account.
    pub account: AccountId,
    /// Its name, as logs show it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How it proves who it is.
    pub kind: ApiClientKind,
    /// The certificate, for a client of that kind.
    pub certificate: Option<OperatorCertificate>,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// When it lost its access.
    pub revoked_at: Option<UnixTime>,
    /// By whom.
    pub revoked_by: Option<String>,
}
