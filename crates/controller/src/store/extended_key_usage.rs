//! What the extended key usage of a CA set's clients must say.

use countersign_snapshot::CaSetId;
use countersign_trust::{ExtendedKeyUsageRule, UnixTime};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::{StoreError, decode};

const ACCEPT_ABSENT: &str = "acceptAbsent";
const ACCEPT_SERVER_AUTH_UNTIL: &str = "acceptServerAuthUntil";
const ANY: &str = "any";
const REQUIRE_CLIENT_AUTH: &str = "requireClientAuth";

/// The texts of the rules, in the store and on the wire.
pub(crate) const RULES: [&str; 4] = [
    ACCEPT_ABSENT,
    ACCEPT_SERVER_AUTH_UNTIL,
    ANY,
    REQUIRE_CLIENT_AUTH,
];

/// The text of a rule, and the time that belongs to it.
pub(crate) const fn text(rule: ExtendedKeyUsageRule) -> (&'static str, Option<UnixTime>) {
    match rule {
        ExtendedKeyUsageRule::AcceptAbsent => (ACCEPT_ABSENT, None),
        ExtendedKeyUsageRule::AcceptServerAuthUntil(until) => {
            (ACCEPT_SERVER_AUTH_UNTIL, Some(until))
        }
        ExtendedKeyUsageRule::Any => (ANY, None),
        ExtendedKeyUsageRule::RequireClientAuth => (REQUIRE_CLIENT_AUTH, None),
    }
}

/// The rule of a text and a time; none unless the time is there exactly where the rule wants one.
pub(crate) fn rule(text: &str, until: Option<UnixTime>) -> Option<ExtendedKeyUsageRule> {
    Some(match (text, until) {
        (ACCEPT_ABSENT, None) => ExtendedKeyUsageRule::AcceptAbsent,
        (ACCEPT_SERVER_AUTH_UNTIL, Some(until)) => {
            ExtendedKeyUsageRule::AcceptServerAuthUntil(until)
        }
        (ANY, None) => ExtendedKeyUsageRule::Any,
        (REQUIRE_CLIENT_AUTH, None) => ExtendedKeyUsageRule::RequireClientAuth,
        _ => return None,
    })
}

/// The rule of each CA set for which one was set.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    only: Option<CaSetId>,
) -> Result<Vec<(CaSetId, ExtendedKeyUsageRule)>, StoreError> {
    let rows = sqlx::query("SELECT ca_set_id, rule, until FROM extended_key_usage_rules WHERE ?1 IS NULL OR ca_set_id = ?1 ORDER BY ca_set_id")
        .bind(only.map(decode::stored_id))
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok((decode::ca_set_id(row, "ca_set_id")?, read(row)?)))
        .collect()
}

fn read(row: &SqliteRow) -> sqlx::Result<ExtendedKeyUsageRule> {
    let until = decode::optional_time(row, "until")?;
    let text: &str = sqlx::Row::try_get(row, "rule")?;
    rule(text, until).ok_or_else(|| decode::corrupt("rule"))
}

/// Sets the rule of a CA set.
pub(crate) async fn set(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    rule: ExtendedKeyUsageRule,
    at: UnixTime,
    by: &str,
) -> Result<(), StoreError> {
    let (text, until) = text(rule);
    sqlx::query("INSERT OR REPLACE INTO extended_key_usage_rules (ca_set_id, rule, until, modified_at, modified_by) VALUES (?, ?, ?, ?, ?)")
        .bind(decode::stored_id(ca_set))
        .bind(text)
        .bind(until.map(UnixTime::as_micros))
        .bind(at.as_micros())
        .bind(by)
        .execute(connection)
        .await?;
    Ok(())
}
