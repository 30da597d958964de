//! Versions of CA sets: making, editing, cloning, deleting, reading.

mod refusals;

use countersign_snapshot::{CaSetId, VersionNumber};
use countersign_trust::{Sha1Signatures, UnixTime};

use super::upload::{self, Accepted, SubmittedCertificate};
use super::{Context, ErrorCode, ServiceError, ca_sets, change, state};
use crate::model::{ActivityKind, CaSet, Caller, HeldCertificate, Version, VersionStatus, Warning};
use crate::store::{self, StoreError, Write};
pub(super) use refusals::{about, not_found};
use refusals::{duplicate, refuse_active, refuse_changed, refuse_frozen, refuse_running};

/// How many times the limit of certificates may be submitted, for duplicates.
const DUPLICATES_MAX: u32 = 4;

/// The versions of CA sets.
#[derive(Clone, Copy, Debug)]
pub struct Versions<'c> {
    context: &'c Context,
}

/// What a version is to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewVersion {
    /// A remark.
    pub description: Option<String>,
    /// Whether SHA-1 signatures are admitted.
    pub sha1: Sha1Signatures,
    /// What it is to hold.
    pub certificates: Vec<SubmittedCertificate>,
}

/// Which versions to list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VersionFilter {
    /// Only those that a network enforces.
    pub active_only: bool,
    /// Those with one of these; none is [`VersionStatus::NotDeleted`] only.
    pub statuses: Vec<VersionStatus>,
}

/// Which certificates of a version to list; those for which all hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expiry {
    /// Not expired now.
    Active,
    /// Expired, and not before this time.
    ExpiredSince(UnixTime),
    /// Not expired now, but by this time.
    ExpiringBy(UnixTime),
}

impl Expiry {
    /// Whether a certificate that is valid until `not_after` is one.
    #[must_use]
    pub fn covers(self, not_after: UnixTime, now: UnixTime) -> bool {
        match self {
            Self::Active => not_after >= now,
            Self::ExpiredSince(since) => not_after < now && not_after >= since,
            Self::ExpiringBy(by) => not_after >= now && not_after <= by,
        }
    }
}

/// Certificates that were judged good, as they were given.
#[derive(Clone, Debug)]
pub struct Judged {
    /// As read; duplicates are all there.
    pub certificates: Vec<HeldCertificate>,
    /// Remarks.
    pub warnings: Vec<Warning>,
}

impl<'c> Versions<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Makes the next version of a set.
    ///
    /// # Errors
    /// When a certificate cannot be used, another version holds the same ones, or a limit is reached.
    pub async fn create(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        new: NewVersion,
    ) -> Result<(Version, Vec<Warning>), ServiceError> {
        let at = self.context.clock.now();
        // Judged before the transaction: it takes time, and concerns nothing but the request. A set that does not exist is the first news.
        super::CaSets::new(self.context)
            .find(caller, ca_set)
            .await?;
        let judged = self
            .judge(
                caller,
                new.sha1,
                new.certificates,
                at,
                ErrorCode::CertificateValidationFailureCreate,
            )
            .await;
        let mut write = self.context.store.write().await?;
        let ca_set = ca_sets::live(&mut write, caller, ca_set).await?;
        let accepted = judged?;
        let warnings = accepted.warnings.clone();
        let new = (new.description, new.sha1);
        let version = self
            .create_in(&mut write, caller, &ca_set, new, accepted)
            .await?;
        write.commit().await?;
        Ok((version, warnings))
    }

    /// The same in the caller's transaction, with a description, whether SHA-1 is admitted, and certificates that were judged.
    pub(super) async fn create_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        ca_set: &CaSet,
        (description, sha1): (Option<String>, Sha1Signatures),
        accepted: Accepted,
    ) -> Result<Version, ServiceError> {
        let at = self.context.clock.now();
        self.check_certificate_limit(ca_set, &accepted.certificates)?;
        self.check_version_limit(write, ca_set).await?;
        let same =
            store::versions::find_by_content(write.connection(), ca_set.id, &accepted.certificates)
                .await?;
        if let Some(same) = same {
            return Err(duplicate(ca_set, same));
        }
        let version = Version {
            description,
            sha1,
            ..blank(write, caller, at, ca_set).await?
        };
        Ok(insert(
            write,
            caller,
            version,
            accepted.certificates,
            "ca-set.version.create",
        )
        .await?)
    }

    /// The versions of a set, newest first, without their certificates.
    ///
    /// # Errors
    /// When the account has no set with that id.
    pub async fn list(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        filter: &VersionFilter,
    ) -> Result<Vec<Version>, ServiceError> {
        let mut connection = self.context.store.read_consistently().await?;
        ca_sets::find_in(&mut connection, caller, ca_set).await?;
        let mut versions = store::versions::list(&mut connection, ca_set).await?;
        versions.retain(|version| {
            let status = version.status();
            let wanted = filter.statuses.contains(&status)
                || (filter.statuses.is_empty() && status == VersionStatus::NotDeleted);
            let active = version.active_on_staging || version.active_on_production;
            wanted && (active || !filter.active_only)
        });
        Ok(versions)
    }

    /// One version with its certificates, deleted or not.
    ///
    /// # Errors
    /// When the account has no such set or version.
    pub async fn find(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        number: VersionNumber,
    ) -> Result<Version, ServiceError> {
        let mut connection = self.context.store.read_consistently().await?;
        let ca_set = ca_sets::find_in(&mut connection, caller, ca_set).await?;
        let mut version = store::versions::find(&mut connection, ca_set.id, number)
            .await?
            .ok_or_else(|| not_found(&ca_set, number))?;
        version.certificates =
            Some(store::versions::certificates(&mut connection, ca_set.id, number).await?);
        Ok(version)
    }

    /// Replaces what a version says and holds. With an expected tag, only if it is still the [`Version::tag`].
    ///
    /// # Errors
    /// When somebody else changed it, when it is or was active or is being activated, or for the reasons of [`Versions::create`].
    pub async fn replace(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        number: VersionNumber,
        expected: Option<&str>,
        new: NewVersion,
    ) -> Result<(Version, Vec<Warning>), ServiceError> {
        let at = self.context.clock.now();
        self.find(caller, ca_set, number).await?;
        let judged = self
            .judge(
                caller,
                new.sha1,
                new.certificates,
                at,
                ErrorCode::CertificateValidationFailureUpdate,
            )
            .await;
        let mut write = self.context.store.write().await?;
        let ca_set = ca_sets::live(&mut write, caller, ca_set).await?;
        let current = find_live(&mut write, &ca_set, number).await?;
        refuse_changed(&current, expected)?;
        refuse_frozen(&mut write, &ca_set, &current).await?;
        let accepted = judged?;
        self.check_certificate_limit(&ca_set, &accepted.certificates)?;
        let before = store::versions::certificates(write.connection(), ca_set.id, number).await?;
        let held = keep_history(accepted.certificates, &before);
        let previous = state::version(&current, &before);
        let version = Version {
            description: new.description,
            sha1: new.sha1,
            edits: current.edits + 1,
            modified_at: Some(at),
            modified_by: Some(caller.name.clone()),
            ..current
        };
        store::versions::replace(write.connection(), &version, &held).await?;
        write
            .record(&change(
                caller,
                at,
                "ca-set.version.replace",
                state::version_resource(&version),
                Some(previous),
                Some(state::version(&version, &held)),
            ))
            .await?;
        write.commit().await?;
        let version = Version {
            certificates: Some(held),
            ..version
        };
        Ok((version, accepted.warnings))
    }

    /// Marks a version for removal. Its number is not used again.
    ///
    /// # Errors
    /// When it is active or is being activated or deactivated.
    pub async fn delete(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        number: VersionNumber,
    ) -> Result<(), ServiceError> {
        let mut write = self.context.store.write().await?;
        let ca_set = ca_sets::live(&mut write, caller, ca_set).await?;
        let version = find_live(&mut write, &ca_set, number).await?;
        refuse_running(&mut write, &ca_set, number).await?;
        refuse_active(&version)?;
        let at = self.context.clock.now();
        let removal = at.saturating_add(self.context.limits.retention);
        let held = store::versions::certificates(write.connection(), ca_set.id, number).await?;
        store::versions::delete(
            write.connection(),
            ca_set.id,
            number,
            at,
            &caller.name,
            removal,
        )
        .await?;
        ca_sets::note(
            &mut write,
            ca_set.id,
            ActivityKind::DeleteVersion,
            Some(&version),
            caller,
            at,
        )
        .await?;
        write
            .record(&change(
                caller,
                at,
                "ca-set.version.delete",
                state::version_resource(&version),
                Some(state::version(&version, &held)),
                None,
            ))
            .await?;
        Ok(write.commit().await?)
    }

    /// Makes the next version of a set with what another version of it holds. Expired certificates are a warning here.
    ///
    /// # Errors
    /// When there is no such version, or a limit is reached.
    pub async fn duplicate(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        number: VersionNumber,
    ) -> Result<(Version, Vec<Warning>), ServiceError> {
        let mut write = self.context.store.write().await?;
        let ca_set = ca_sets::live(&mut write, caller, ca_set).await?;
        let source = find_live(&mut write, &ca_set, number).await?;
        self.check_version_limit(&mut write, &ca_set).await?;
        let at = self.context.clock.now();
        let held = store::versions::certificates(write.connection(), ca_set.id, number).await?;
        let warnings = upload::remarks(&held, source.sha1, at)?;
        let copy = insert_copy(&mut write, caller, at, &ca_set, &source, held).await?;
        write.commit().await?;
        Ok((copy, warnings))
    }

    /// The certificates of a version; with a filter, those that one of its entries covers.
    ///
    /// # Errors
    /// When the account has no such set or version.
    pub async fn certificates(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        number: VersionNumber,
        filter: &[Expiry],
    ) -> Result<Version, ServiceError> {
        let mut version = self.find(caller, ca_set, number).await?;
        let now = self.context.clock.now();
        if let Some(held) = &mut version.certificates
            && !filter.is_empty()
        {
            held.retain(|held| {
                filter
                    .iter()
                    .any(|expiry| expiry.covers(held.not_after, now))
            });
        }
        Ok(version)
    }

    /// Judges certificates as [`Versions::create`] would, and keeps nothing.
    ///
    /// # Errors
    /// When one cannot be used.
    pub async fn validate(
        &self,
        caller: &Caller,
        sha1: Sha1Signatures,
        certificates: Vec<SubmittedCertificate>,
    ) -> Result<Judged, ServiceError> {
        let accepted = self
            .judge(
                caller,
                sha1,
                certificates,
                self.context.clock.now(),
                ErrorCode::CertificateValidationFailure,
            )
            .await?;
        Ok(Judged {
            certificates: accepted.as_given,
            warnings: accepted.warnings,
        })
    }

    /// Judges certificates where the signatures that it checks keep nobody waiting.
    async fn judge(
        &self,
        caller: &Caller,
        sha1: Sha1Signatures,
        certificates: Vec<SubmittedCertificate>,
        at: UnixTime,
        refusal: ErrorCode,
    ) -> Result<Accepted, ServiceError> {
        let limit = self.context.limits.certificates_per_version;
        // Duplicates do not count against the limit, but nobody sends this many by mistake.
        if certificates.len() > limit.saturating_mul(DUPLICATES_MAX) as usize {
            return Err(ServiceError::new(
                ErrorCode::CertificateLimitReached,
                format!(
                    "{} certificates were submitted, and {limit} per version is the limit.",
                    certificates.len()
                ),
            )
            .with("maxCertificatesPerVersion", limit)
            .with("submittedCertificatesCount", certificates.len()));
        }
        let by = caller.name.clone();
        tokio::task::spawn_blocking(move || upload::judge(&certificates, sha1, at, &by, refusal))
            .await
            .map_err(ServiceError::internal)?
    }

    fn check_certificate_limit(
        &self,
        ca_set: &CaSet,
        held: &[HeldCertificate],
    ) -> Result<(), ServiceError> {
        let limit = self.context.limits.certificates_per_version;
        if held.len() <= limit as usize {
            return Ok(());
        }
        Err(ServiceError::new(
            ErrorCode::CertificateLimitReached,
            format!(
                "{} certificates were submitted, and {limit} per version is the limit.",
                held.len()
            ),
        )
        .with("caSetId", ca_set.id.to_string())
        .with("caSetName", ca_set.name.as_str())
        .with("maxCertificatesPerVersion", limit)
        .with("submittedCertificatesCount", held.len()))
    }

    async fn check_version_limit(
        &self,
        write: &mut Write,
        ca_set: &CaSet,
    ) -> Result<(), ServiceError> {
        let limit = self.context.limits.versions_per_ca_set;
        if store::versions::count(write.connection(), ca_set.id).await? < limit {
            return Ok(());
        }
        Err(ServiceError::new(
            ErrorCode::VersionLimitReached,
            format!(
                "The CA set `{}` has {limit} versions, which is the limit; delete one that is not active.",
                ca_set.name
            ),
        )
        .with("caSetId", ca_set.id.to_string())
        .with("caSetName", ca_set.name.as_str())
        .with("maxVersionsPerCaSet", limit))
    }
}

/// A version that is there.
pub(super) async fn find_live(
    write: &mut Write,
    ca_set: &CaSet,
    number: VersionNumber,
) -> Result<Version, ServiceError> {
    store::versions::find(write.connection(), ca_set.id, number)
        .await?
        .filter(|version| version.status() == VersionStatus::NotDeleted)
        .ok_or_else(|| not_found(ca_set, number))
}

/// Adds the next version of a set with what another version, of this or another set, holds.
pub(super) async fn insert_copy(
    write: &mut Write,
    caller: &Caller,
    at: UnixTime,
    ca_set: &CaSet,
    source: &Version,
    held: Vec<HeldCertificate>,
) -> Result<Version, ServiceError> {
    let version = Version {
        description: source.description.clone(),
        sha1: source.sha1,
        ..blank(write, caller, at, ca_set).await?
    };
    Ok(insert(write, caller, version, held, "ca-set.version.clone").await?)
}

/// The next version of a set, with nothing in it; takes its number.
async fn blank(
    write: &mut Write,
    caller: &Caller,
    at: UnixTime,
    ca_set: &CaSet,
) -> Result<Version, StoreError> {
    Ok(Version {
        ca_set: ca_set.id,
        ca_set_name: ca_set.name.clone(),
        number: store::versions::next_number(write.connection(), ca_set.id).await?,
        description: None,
        sha1: Sha1Signatures::Refuse,
        active_on_staging: false,
        active_on_production: false,
        created_at: at,
        created_by: caller.name.clone(),
        edits: 0,
        modified_at: None,
        modified_by: None,
        frozen_at: None,
        deleted_at: None,
        removal_at: None,
        certificates: None,
    })
}

async fn insert(
    write: &mut Write,
    caller: &Caller,
    version: Version,
    held: Vec<HeldCertificate>,
    action: &'static str,
) -> Result<Version, StoreError> {
    let at = version.created_at;
    store::versions::insert(write.connection(), &version, &held).await?;
    ca_sets::note(
        write,
        version.ca_set,
        ActivityKind::CreateVersion,
        Some(&version),
        caller,
        at,
    )
    .await?;
    write
        .record(&change(
            caller,
            at,
            action,
            state::version_resource(&version),
            None,
            Some(state::version(&version, &held)),
        ))
        .await?;
    Ok(Version {
        certificates: Some(held),
        ..version
    })
}

/// A certificate that was in the version already keeps who brought it in, and when.
fn keep_history(
    mut held: Vec<HeldCertificate>,
    before: &[HeldCertificate],
) -> Vec<HeldCertificate> {
    for held in &mut held {
        if let Some(old) = before
            .iter()
            .find(|old| old.fingerprint == held.fingerprint)
        {
            held.created_at = old.created_at;
            held.created_by.clone_from(&old.created_by);
        }
    }
    held
}
