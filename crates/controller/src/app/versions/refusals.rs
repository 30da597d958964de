//! Why a version cannot be had, changed or made.

use countersign_api::truststore::links;
use countersign_snapshot::VersionNumber;

use crate::app::{ErrorCode, ServiceError, deletions};
use crate::model::{CaSet, Version};
use crate::store::{self, Write};

/// Refuses when the version is not what the caller saw.
pub(super) fn refuse_changed(
    version: &Version,
    expected: Option<&str>,
) -> Result<(), ServiceError> {
    match expected {
        Some(tag) if tag != version.tag() => Err(about(
            ErrorCode::PreconditionFailed,
            version,
            format!(
                "Version {} of the CA set `{}` was changed by {} in the meantime; read it again.",
                version.number,
                version.ca_set_name,
                version.modified_by.as_ref().unwrap_or(&version.created_by)
            ),
        )
        .with("etag", version.tag())),
        _ => Ok(()),
    }
}

/// Refuses when the version may no longer change.
pub(super) async fn refuse_frozen(
    write: &mut Write,
    ca_set: &CaSet,
    version: &Version,
) -> Result<(), ServiceError> {
    refuse_active(version)?;
    refuse_running(write, ca_set, version.number).await?;
    if version.frozen_at.is_none() {
        return Ok(());
    }
    Err(about(
        ErrorCode::VersionWasActive,
        version,
        format!(
            "Version {} of the CA set `{}` was activated before and never changes again; clone it and change the clone.",
            version.number, version.ca_set_name
        ),
    ))
}

pub(super) fn refuse_active(version: &Version) -> Result<(), ServiceError> {
    let place = match (version.active_on_staging, version.active_on_production) {
        (false, false) => return Ok(()),
        (true, false) => "staging",
        (false, true) => "production",
        (true, true) => "staging and production",
    };
    Err(about(
        ErrorCode::VersionIsActive,
        version,
        format!(
            "Version {} of the CA set `{}` is active on {place}; clone it and change the clone.",
            version.number, version.ca_set_name
        ),
    ))
}

/// Refuses while the version is on its way to or from a network.
pub(super) async fn refuse_running(
    write: &mut Write,
    ca_set: &CaSet,
    number: VersionNumber,
) -> Result<(), ServiceError> {
    let running = store::activations::running_of(write.connection(), ca_set.id).await?;
    match running.iter().find(|running| running.version == number) {
        Some(running) => Err(deletions::another_in_progress(running)),
        None => Ok(()),
    }
}

pub(in crate::app) fn not_found(ca_set: &CaSet, number: VersionNumber) -> ServiceError {
    ServiceError::new(
        ErrorCode::VersionNotFound,
        format!("The CA set `{}` has no version {number}.", ca_set.name),
    )
    .with("caSetId", ca_set.id.to_string())
    .with("caSetName", ca_set.name.as_str())
    .with("version", number.number())
}

/// An error about a version, with the evidence that all of them have.
pub(in crate::app) fn about(code: ErrorCode, version: &Version, detail: String) -> ServiceError {
    ServiceError::new(code, detail)
        .with("caSetId", version.ca_set.to_string())
        .with("caSetName", version.ca_set_name.as_str())
        .with("version", version.number.number())
        .with(
            "versionLink",
            links::version(version.ca_set.number(), version.number.number()),
        )
}

pub(super) fn duplicate(ca_set: &CaSet, same: VersionNumber) -> ServiceError {
    ServiceError::new(
        ErrorCode::DuplicateVersion,
        format!(
            "Version {same} of the CA set `{}` has exactly these certificates.",
            ca_set.name
        ),
    )
    .with("caSetId", ca_set.id.to_string())
    .with("caSetName", ca_set.name.as_str())
    .with("version", same.number())
    .with(
        "versionLink",
        links::version(ca_set.id.number(), same.number()),
    )
}
