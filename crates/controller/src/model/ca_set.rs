//! CA sets, their versions, and what is known about both.

use countersign_snapshot::{CaSetId, Network, VersionNumber};
use countersign_trust::{Certificate, Fingerprint, Sha1Signatures, UnixTime};

use super::{AccountId, DeploymentKind, text_enum};

text_enum! {
    /// Whether a CA set is there.
    CaSetStatus {
        /// It is.
        NotDeleted = "NOT_DELETED",
        /// Networks are letting go of it.
        Deleting = "DELETING",
        /// It was; its history can still be read.
        Deleted = "DELETED",
    }
}

text_enum! {
    /// Whether a version is there.
    VersionStatus {
        /// It is.
        NotDeleted = "NOT_DELETED",
        /// It is marked for removal and can no longer be activated.
        Deleted = "DELETED",
    }
}

/// A named trust store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaSet {
    /// Its id.
    pub id: CaSetId,
    /// Its owner.
    pub account: AccountId,
    /// Its name; never changes.
    pub name: String,
    /// A remark; never changes.
    pub description: Option<String>,
    /// Whether it is there.
    pub status: CaSetStatus,
    /// Its newest version that is not deleted.
    pub latest_version: Option<VersionNumber>,
    /// The version that staging enforces.
    pub staging_version: Option<VersionNumber>,
    /// The version that production enforces.
    pub production_version: Option<VersionNumber>,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// When its deletion was asked for.
    pub deleted_at: Option<UnixTime>,
    /// By whom.
    pub deleted_by: Option<String>,
    /// When its history may be purged.
    pub removal_at: Option<UnixTime>,
}

impl CaSet {
    /// The version that a network enforces.
    #[must_use]
    pub const fn active_version(&self, network: Network) -> Option<VersionNumber> {
        match network {
            Network::Staging => self.staging_version,
            Network::Production => self.production_version,
        }
    }
}

/// One version of a CA set.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// The CA set.
    pub ca_set: CaSetId,
    /// The CA set's name.
    pub ca_set_name: String,
    /// Its number.
    pub number: VersionNumber,
    /// A remark.
    pub description: Option<String>,
    /// Whether SHA-1 signatures are admitted.
    pub sha1: Sha1Signatures,
    /// Whether staging enforces it.
    pub active_on_staging: bool,
    /// Whether production enforces it.
    pub active_on_production: bool,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// How often it was edited.
    pub edits: i64,
    /// When it was last edited.
    pub modified_at: Option<UnixTime>,
    /// By whom.
    pub modified_by: Option<String>,
    /// When its first activation was asked for; from then on it never changes.
    pub frozen_at: Option<UnixTime>,
    /// When it was deleted.
    pub deleted_at: Option<UnixTime>,
    /// When it may be purged.
    pub removal_at: Option<UnixTime>,
    /// What it holds, in the order given; none when they were not asked for.
    pub certificates: Option<Vec<HeldCertificate>>,
}

impl Version {
    /// Names this state of the version: another after each edit.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("{}-{}-{}", self.ca_set, self.number, self.edits)
    }

    /// Whether it is there.
    #[must_use]
    pub const fn status(&self) -> VersionStatus {
        match self.deleted_at {
            None => VersionStatus::NotDeleted,
            Some(_) => VersionStatus::Deleted,
        }
    }
}

/// A certificate as a version holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeldCertificate {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// SHA-256 of the DER.
    pub fingerprint: Fingerprint,
    /// Who holds it, as text.
    pub subject: String,
    /// Who signed it, as text.
    pub issuer: String,
    /// Its serial number, as text.
    pub serial_number: String,
    /// What it was signed with, as text.
    pub signature_algorithm: String,
    /// From when it is valid.
    pub not_before: UnixTime,
    /// Until when it is valid, inclusive.
    pub not_after: UnixTime,
    /// A remark.
    pub description: Option<String>,
    /// When it came into the version.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
}

impl HeldCertificate {
    /// Describes a certificate that somebody hands in.
    #[must_use]
    pub fn new(
        certificate: &Certificate,
        description: Option<String>,
        at: UnixTime,
        by: &str,
    ) -> Self {
        Self {
            der: certificate.der().to_vec(),
            fingerprint: certificate.fingerprint(),
            subject: certificate.subject().to_java_string(),
            issuer: certificate.issuer().to_java_string(),
            serial_number: certificate.serial().to_string(),
            signature_algorithm: certificate.signature_algorithm().java_name(),
            not_before: certificate.validity().not_before,
            not_after: certificate.validity().not_after,
            description,
            created_at: at,
            created_by: by.to_owned(),
        }
    }
}

text_enum! {
    /// What happened to a CA set.
    ActivityKind {
        /// It was made.
        CreateCaSet = "CREATE_CA_SET",
        /// A version was made.
        CreateVersion = "CREATE_CA_SET_VERSION",
        /// A version became what a network enforces.
        ActivateVersion = "ACTIVATE_CA_SET_VERSION",
        /// A network stopped knowing it.
        DeactivateVersion = "DEACTIVATE_CA_SET_VERSION",
        /// Its deletion was asked for, on one network.
        DeleteCaSet = "DELETE_CA_SET",
        /// A version was deleted.
        DeleteVersion = "DELETE_CA_SET_VERSION",
        /// Its history was purged.
        RemoveCaSet = "REMOVE_CA_SET",
        /// A deleted version was purged.
        RemoveVersion = "REMOVE_CA_SET_VERSION",
    }
}

/// Something that happened to a CA set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Activity {
    /// What.
    pub kind: ActivityKind,
    /// Where, if it concerns one network.
    pub network: Option<Network>,
    /// Which version, if it concerns one.
    pub version: Option<VersionNumber>,
    /// When.
    pub at: UnixTime,
    /// By whom.
    pub by: String,
}

text_enum! {
    /// What uses a CA set.
    AssociationKind {
        /// An edge certificate.
        Enrollment = "ENROLLMENT",
        /// A hostname of a property or site that names the CA set itself.
        Property = "PROPERTY",
    }
}

text_enum! {
    /// How firmly.
    AssociationStatus {
        /// It is enforced.
        Attached = "ATTACHED",
        /// It is being made.
        Attaching = "ATTACHING",
        /// It is being undone.
        Detaching = "DETACHING",
    }
}

/// One use of a CA set: what keeps it from being deactivated or deleted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Association {
    /// The CA set that is used.
    pub ca_set: CaSetId,
    /// By what kind of thing, as the vendor counts kinds.
    pub kind: AssociationKind,
    /// By what kind of thing.
    pub user: DeploymentKind,
    /// The number of the thing.
    pub user_id: i64,
    /// The name of the thing: a property's or site's name, or an edge certificate's common name.
    pub user_name: String,
    /// The hostname.
    pub hostname: String,
    /// The network.
    pub network: Network,
    /// How firmly.
    pub status: AssociationStatus,
}

/// The deletion of a CA set on one network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deletion {
    /// The network.
    pub network: Network,
    /// How far it came.
    pub status: super::ActivationStatus,
    /// The share that is done, 0 to 100.
    pub percent: u8,
    /// When it was asked for.
    pub started_at: UnixTime,
    /// By whom.
    pub started_by: String,
    /// When it ended.
    pub ended_at: Option<UnixTime>,
    /// Why it failed, for a person.
    pub failure_reason: Option<String>,
}
