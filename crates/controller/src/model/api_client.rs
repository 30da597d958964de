//! Who may call.

use countersign_trust::UnixTime;

use super::{AccountId, Role, text_enum};

text_enum! {
    /// How an API client proves who it is.
    ApiClientKind {
        /// A token that it sends.
        Bearer = "BEARER",
        /// A secret that it signs with.
        EdgeGrid = "EDGEGRID",
    }
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
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// When it lost its access.
    pub revoked_at: Option<UnixTime>,
    /// By whom.
    pub revoked_by: Option<String>,
}
