//! CA sets: making, finding, cloning, and what is known about them.

use countersign_snapshot::{CaSetId, VersionNumber};
use countersign_trust::UnixTime;

use super::{Context, ErrorCode, ServiceError, change, state, versions};
use crate::model::{Activity, ActivityKind, Association, CaSet, CaSetStatus, Caller, Version};
use crate::store::ca_sets::CaSetFilter;
use crate::store::{self, Connection, StoreError, Write};

const NAME_MIN_CHARS: usize = 3;
const NAME_MAX_CHARS: usize = 64;
const COUNTER: &str = "ca_set";

/// The CA sets of accounts.
#[derive(Clone, Copy, Debug)]
pub struct CaSets<'c> {
    pub(super) context: &'c Context,
}

/// What a CA set is to be called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewCaSet {
    /// Its name; never changes.
    pub name: String,
    /// A remark; never changes.
    pub description: Option<String>,
}

impl<'c> CaSets<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Makes a CA set without versions.
    ///
    /// # Errors
    /// When the name is not good or not free, or the account has as many sets as it may.
    pub async fn create(&self, caller: &Caller, new: NewCaSet) -> Result<CaSet, ServiceError> {
        let mut write = self.context.store.write().await?;
        let ca_set = self.insert(&mut write, caller, new).await?;
        write.commit().await?;
        Ok(ca_set)
    }

    /// The account's CA sets, by id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &CaSetFilter,
    ) -> Result<Vec<CaSet>, ServiceError> {
        let mut connection = self.context.store.read().await?;
        Ok(store::ca_sets::list(&mut connection, &caller.account, filter).await?)
    }

    /// One CA set, deleted or not.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn find(&self, caller: &Caller, id: CaSetId) -> Result<CaSet, ServiceError> {
        let mut connection = self.context.store.read().await?;
        find_in(&mut connection, caller, id).await
    }

    /// Makes a new CA set whose version 1 holds what a version of this set does; the latest when none is named.
    ///
    /// # Errors
    /// When there is no such version, or for the reasons of [`CaSets::create`].
    pub async fn duplicate(
        &self,
        caller: &Caller,
        id: CaSetId,
        version: Option<VersionNumber>,
        new: NewCaSet,
    ) -> Result<CaSet, ServiceError> {
        let mut write = self.context.store.write().await?;
        let source = live(&mut write, caller, id).await?;
        let number = version.or(source.latest_version).ok_or_else(|| {
            ServiceError::new(
                ErrorCode::MissingCaSetVersion,
                format!(
                    "The CA set `{}` has no version that could be cloned; create one first.",
                    source.name
                ),
            )
            .with("caSetId", id.to_string())
            .with("caSetName", source.name.as_str())
        })?;
        let source = versions::find_live(&mut write, &source, number).await?;
        let held = store::versions::certificates(write.connection(), id, number).await?;
        let mut copy = self.insert(&mut write, caller, new).await?;
        let at = copy.created_at;
        let version = versions::insert_copy(&mut write, caller, at, &copy, &source, held).await?;
        write.commit().await?;
        copy.latest_version = Some(version.number);
        Ok(copy)
    }

    /// What happened to a set between two times, both included, newest first; of deleted sets too.
    ///
    /// # Errors
    /// When the account has no set with that id.
    pub async fn activities(
        &self,
        caller: &Caller,
        id: CaSetId,
        start: Option<UnixTime>,
        end: Option<UnixTime>,
    ) -> Result<(CaSet, Vec<Activity>), ServiceError> {
        let ca_set = self.find(caller, id).await?;
        let mut connection = self.context.store.read().await?;
        let activities = store::activities::list(&mut connection, id, start, end).await?;
        Ok((ca_set, activities))
    }

    /// Who uses a set.
    ///
    /// # Errors
    /// When the account has no set with that id.
    pub async fn associations(
        &self,
        caller: &Caller,
        id: CaSetId,
    ) -> Result<Vec<Association>, ServiceError> {
        self.find(caller, id).await?;
        let mut connection = self.context.store.read().await?;
        Ok(store::associations::list(&mut connection, id).await?)
    }

    pub(super) async fn insert(
        &self,
        write: &mut Write,
        caller: &Caller,
        new: NewCaSet,
    ) -> Result<CaSet, ServiceError> {
        check_name(&new.name)?;
        let connection = write.connection();
        if let Some(other) =
            store::ca_sets::find_by_name(connection, &caller.account, &new.name).await?
        {
            return Err(name_not_unique(&new.name, &other));
        }
        let count = store::ca_sets::count(connection, &caller.account).await?;
        let limit = self.context.limits.ca_sets_per_account;
        if count >= limit {
            return Err(ServiceError::new(
                ErrorCode::CaSetLimitReached,
                format!("The account has {count} CA sets, and {limit} is the limit; delete one that is not used."),
            )
            .with("accountId", caller.account.as_str())
            .with("currentSetCount", count)
            .with("limit", limit));
        }
        let at = self.context.clock.now();
        let ca_set = CaSet {
            id: CaSetId::new(write.next_number(COUNTER).await?.unsigned_abs()),
            account: caller.account.clone(),
            name: new.name,
            description: new.description,
            status: CaSetStatus::NotDeleted,
            latest_version: None,
            staging_version: None,
            production_version: None,
            created_at: at,
            created_by: caller.name.clone(),
            deleted_at: None,
            deleted_by: None,
            removal_at: None,
        };
        store::ca_sets::insert(write.connection(), &ca_set).await?;
        note(
            write,
            ca_set.id,
            ActivityKind::CreateCaSet,
            None,
            caller,
            at,
        )
        .await?;
        write
            .record(&change(
                caller,
                at,
                "ca-set.create",
                state::ca_set_resource(&ca_set),
                None,
                Some(state::ca_set(&ca_set)),
            ))
            .await?;
        Ok(ca_set)
    }
}

/// Notes that something happened to a set that concerns no single network.
pub(super) async fn note(
    write: &mut Write,
    ca_set: CaSetId,
    kind: ActivityKind,
    version: Option<&Version>,
    caller: &Caller,
    at: UnixTime,
) -> Result<(), StoreError> {
    let activity = Activity {
        kind,
        network: None,
        version: version.map(|version| version.number),
        at,
        by: caller.name.clone(),
    };
    store::activities::append(write.connection(), ca_set, &activity).await
}

/// A set of the caller's account, deleted or not.
pub(super) async fn find_in(
    connection: &mut Connection,
    caller: &Caller,
    id: CaSetId,
) -> Result<CaSet, ServiceError> {
    store::ca_sets::find(connection, &caller.account, id)
        .await?
        .ok_or_else(|| not_found(id))
}

/// A set that may be changed: there, and not being deleted.
pub(super) async fn live(
    write: &mut Write,
    caller: &Caller,
    id: CaSetId,
) -> Result<CaSet, ServiceError> {
    let ca_set = find_in(write.connection(), caller, id).await?;
    match ca_set.status {
        CaSetStatus::NotDeleted => Ok(ca_set),
        CaSetStatus::Deleting => Err(super::deletions::in_progress(write, &ca_set).await?),
        CaSetStatus::Deleted => Err(not_found(id)),
    }
}

pub(super) fn not_found(id: CaSetId) -> ServiceError {
    ServiceError::new(
        ErrorCode::CaSetNotFound,
        format!("The account has no CA set with the id {id}."),
    )
    .with("caSetId", id.to_string())
}

fn name_not_unique(name: &str, other: &CaSet) -> ServiceError {
    ServiceError::new(
        ErrorCode::CaSetNameNotUnique,
        format!(
            "The CA set {} is called `{}`; names that differ only in case count as the same.",
            other.id, other.name
        ),
    )
    .at("/caSetName")
    .with("caSetName", name)
    .with("caSetId", other.id.to_string())
    .with(
        "caSetLink",
        countersign_api::truststore::links::ca_set(other.id.number()),
    )
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let length = name.chars().count();
    // Deviation: the vendor's client also lets `%` pass, its documentation does not.
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    let wrong = if !(NAME_MIN_CHARS..=NAME_MAX_CHARS).contains(&length) {
        format!("it has {length} characters, and {NAME_MIN_CHARS} to {NAME_MAX_CHARS} are allowed")
    } else if let Some(character) = name.chars().find(|&character| !allowed(character)) {
        format!(
            "it has {}, and only letters, digits, `_`, `-` and `.` are allowed",
            printable(character)
        )
    } else if name.contains("...") {
        "it has three periods in a row".to_owned()
    } else {
        return Ok(());
    };
    Err(ServiceError::new(
        ErrorCode::CaSetNameValidationFailure,
        format!("The name cannot be used: {wrong}."),
    )
    .at("/caSetName"))
}

fn printable(character: char) -> String {
    if character.is_control() || character.is_whitespace() {
        format!("the character U+{:04X}", u32::from(character))
    } else {
        format!("`{character}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_3_to_64_letters_digits_underscores_hyphens_and_periods() {
        for good in ["abc", "a.b..c-D_9", &"x".repeat(64)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "a b",
            "a...b",
            "a%b",
            "tür",
            "a/b",
            &"x".repeat(65),
            "abc\n",
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
