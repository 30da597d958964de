//! From stored values to ours.

use countersign_snapshot::{CaSetId, Network, VersionNumber};
use countersign_trust::UnixTime;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Row};

use super::StoreError;

/// Reads a text column whose values are an enum's.
pub(super) fn enumeration<T>(
    row: &SqliteRow,
    column: &'static str,
    from_text: fn(&str) -> Option<T>,
) -> sqlx::Result<T> {
    from_text(row.try_get(column)?).ok_or_else(|| corrupt(column))
}

/// Reads a time.
pub(super) fn time(row: &SqliteRow, column: &'static str) -> sqlx::Result<UnixTime> {
    Ok(UnixTime::from_micros(row.try_get(column)?))
}

/// Reads a time that may be absent.
pub(super) fn optional_time(
    row: &SqliteRow,
    column: &'static str,
) -> sqlx::Result<Option<UnixTime>> {
    Ok(row
        .try_get::<Option<i64>, _>(column)?
        .map(UnixTime::from_micros))
}

/// Reads the id of a CA set.
pub(super) fn ca_set_id(row: &SqliteRow, column: &'static str) -> sqlx::Result<CaSetId> {
    unsigned(row, column).map(CaSetId::new)
}

/// Reads a version's number.
pub(super) fn version(row: &SqliteRow, column: &'static str) -> sqlx::Result<VersionNumber> {
    unsigned(row, column).map(VersionNumber::new)
}

/// Reads a version's number that may be absent.
pub(super) fn optional_version(
    row: &SqliteRow,
    column: &'static str,
) -> sqlx::Result<Option<VersionNumber>> {
    row.try_get::<Option<i64>, _>(column)?
        .map(|number| u32::try_from(number).map(VersionNumber::new))
        .transpose()
        .map_err(|_| corrupt(column))
}

/// Reads a number that is never negative and has a narrower type here.
pub(super) fn unsigned<T: TryFrom<i64>>(row: &SqliteRow, column: &'static str) -> sqlx::Result<T>
where
    &'static str: ColumnIndex<SqliteRow>,
{
    T::try_from(row.try_get(column)?).map_err(|_| corrupt(column))
}

/// Reads a text column that holds JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> sqlx::Result<T> {
    serde_json::from_str(row.try_get(column)?).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// Reads a network's stored name.
pub(super) fn network(text: &str) -> Option<Network> {
    match text {
        "STAGING" => Some(Network::Staging),
        "PRODUCTION" => Some(Network::Production),
        _ => None,
    }
}

/// A network's stored name.
pub(super) const fn network_text(network: Network) -> &'static str {
    match network {
        Network::Staging => "STAGING",
        Network::Production => "PRODUCTION",
    }
}

/// The stored form of a CA set's id.
pub(super) fn stored_id(id: CaSetId) -> i64 {
    // Ids are given out by the store itself, which counts from 1; a larger one names nothing.
    i64::try_from(id.number()).unwrap_or(-1)
}

pub(super) fn corrupt(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(StoreError::Corrupt { what: column }))
}
