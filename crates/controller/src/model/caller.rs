//! Who asks.

use std::fmt;

use countersign_trust::Owner;

use super::text_enum;

/// Names an account: everything belongs to exactly one, and nobody sees another's.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AccountId(String);

impl AccountId {
    /// Wraps a stored id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Whose CA sets and revocations by hand are, to edge nodes.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner::new(&self.0)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_enum! {
    /// What a caller may do; each role may also do what the ones before it may.
    Role {
        /// Sees everything of the account but the audit log.
        Viewer = "viewer",
        /// Prepares: makes, edits and deletes what no production client depends on; activates on staging.
        Operator = "operator",
        /// Decides: changes what production enforces; reads the audit log.
        Approver = "approver",
        /// Decides who may call.
        Admin = "admin",
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no role.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a role is one of `viewer`, `operator`, `approver` and `admin`")]
pub struct ParseRoleError;

impl std::str::FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_text(text).ok_or(ParseRoleError)
    }
}

/// Somebody whose identity has been established, or a part of the program that acts for an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// Whose things it sees.
    pub account: AccountId,
    /// The name that goes into `createdBy` and the audit log.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// From where: a network address, or the part of the program.
    pub source: String,
}

impl Caller {
    /// A part of the program, such as the command line on the controller's own machine.
    #[must_use]
    pub fn internal(account: AccountId, part: &str) -> Self {
        Self {
            account,
            name: part.to_owned(),
            role: Role::Admin,
            source: "internal".to_owned(),
        }
    }
}
