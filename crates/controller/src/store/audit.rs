//! The audit log: a chain of hashes over who did what.

use aws_lc_rs::digest::{Context, SHA256};
use countersign_trust::UnixTime;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::{Change, StoreError};

/// What the first entry's hash covers in place of a previous hash; also fixes the form of what is hashed.
const CHAIN_START: &[u8] = b"countersign audit chain 1";
const VERIFY_BATCH: i64 = 500;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AuditRecord {
    pub(crate) sequence: i64,
    pub(crate) revision: i64,
    pub(crate) at: UnixTime,
    pub(crate) account: String,
    pub(crate) actor: String,
    pub(crate) role: String,
    pub(crate) source: String,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) previous_hash: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

impl FromRow<'_, SqliteRow> for AuditRecord {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            sequence: row.try_get("sequence")?,
            revision: row.try_get("revision")?,
            at: UnixTime::from_micros(row.try_get("at")?),
            account: row.try_get("account_id")?,
            actor: row.try_get("actor")?,
            role: row.try_get("role")?,
            source: row.try_get("source")?,
            action: row.try_get("action")?,
            resource: row.try_get("resource")?,
            before: row.try_get("before")?,
            after: row.try_get("after")?,
            previous_hash: row.try_get("previous_hash")?,
            hash: row.try_get("hash")?,
        })
    }
}

impl AuditRecord {
    /// The hash that an unaltered entry carries. Every field is preceded by its length, so that no two entries hash alike.
    fn expected_hash(&self) -> Vec<u8> {
        let mut context = Context::new(&SHA256);
        let mut field = |bytes: Option<&[u8]>| match bytes {
            Some(bytes) => {
                context.update(&(bytes.len() as u64 + 1).to_be_bytes());
                context.update(bytes);
            }
            None => context.update(&0_u64.to_be_bytes()),
        };
        field(Some(&self.previous_hash));
        for number in [self.sequence, self.revision, self.at.as_micros()] {
            field(Some(&number.to_be_bytes()));
        }
        for text in [
            &self.account,
            &self.actor,
            &self.role,
            &self.source,
            &self.action,
            &self.resource,
        ] {
            field(Some(text.as_bytes()));
        }
        field(self.before.as_deref().map(str::as_bytes));
        field(self.after.as_deref().map(str::as_bytes));
        context.finish().as_ref().to_vec()
    }
}

/// Appends the entry of a change.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    revision: i64,
    change: &Change<'_>,
    after: Option<&str>,
) -> Result<(), StoreError> {
    let last: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
    let (sequence, previous_hash) = match last {
        Some((sequence, hash)) => (sequence + 1, hash),
        None => (1, CHAIN_START.to_vec()),
    };
    let mut entry = AuditRecord {
        sequence,
        revision,
        at: change.at,
        account: change.actor.account.to_owned(),
        actor: change.actor.name.to_owned(),
        role: change.actor.role.to_owned(),
        source: change.actor.source.to_owned(),
        action: change.action.to_owned(),
        resource: change.resource.clone(),
        before: change.before.as_ref().map(ToString::to_string),
        after: after.map(str::to_owned),
        previous_hash,
        hash: Vec::new(),
    };
    entry.hash = entry.expected_hash();
    sqlx::query(
        "INSERT INTO audit (sequence, revision, at, account_id, actor, role, source, action, resource, before, after, previous_hash, hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(entry.sequence)
    .bind(entry.revision)
    .bind(entry.at.as_micros())
    .bind(entry.account)
    .bind(entry.actor)
    .bind(entry.role)
    .bind(entry.source)
    .bind(entry.action)
    .bind(entry.resource)
    .bind(entry.before)
    .bind(entry.after)
    .bind(entry.previous_hash)
    .bind(entry.hash)
    .execute(connection)
    .await?;
    Ok(())
}

/// The account's entries before `before`, newest first: at most so many, and after the first only as long as what they say has no more than
/// so many bytes together.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    account: &str,
    before: i64,
    limit: i64,
    bytes: i64,
) -> Result<Vec<AuditRecord>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT a.* FROM (
             SELECT sequence, row_number() OVER newer AS rank, sum(octets) OVER newer AS total
             FROM (SELECT sequence, ifnull(octet_length(before), 0) + ifnull(octet_length(after), 0) AS octets
                   FROM audit WHERE account_id = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?)
             WINDOW newer AS (ORDER BY sequence DESC ROWS UNBOUNDED PRECEDING)
         ) page JOIN audit a USING (sequence)
         WHERE page.rank = 1 OR page.total <= ? ORDER BY a.sequence DESC",
    )
    .bind(account)
    .bind(before)
    .bind(limit)
    .bind(bytes)
    .fetch_all(connection)
    .await?)
}

/// A place in the chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ChainPoint {
    /// The number of an entry; 0 before the first one.
    pub(crate) sequence: i64,
    /// Its hash.
    pub(crate) hash: Vec<u8>,
}

impl ChainPoint {
    /// Before the first entry.
    pub(crate) fn start() -> Self {
        Self {
            sequence: 0,
            hash: CHAIN_START.to_vec(),
        }
    }
}

/// What a walk along the chain found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ChainCheck {
    /// Good entries that were read.
    pub(crate) entries: u64,
    /// The last good entry; publishing its hash elsewhere makes cutting off the end visible too.
    pub(crate) head: ChainPoint,
    /// The first entry that does not follow from the one before it.
    pub(crate) broken_at: Option<i64>,
    /// Whether the walk ended before the chain did.
    pub(crate) has_more: bool,
}

/// Walks along the chain, across accounts: at most so many entries, and no further when what they say has so many bytes.
pub(crate) async fn verify(
    connection: &mut SqliteConnection,
    from: ChainPoint,
    most: i64,
    bytes: usize,
) -> Result<ChainCheck, StoreError> {
    let known: Option<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM audit WHERE sequence = ?")
        .bind(from.sequence)
        .fetch_optional(&mut *connection)
        .await?;
    let is_there = from == ChainPoint::start() || known.as_ref() == Some(&from.hash);
    let mut check = ChainCheck {
        entries: 0,
        broken_at: (!is_there).then_some(from.sequence),
        head: from,
        has_more: false,
    };
    let (mut left, mut octets) = (most, 0_usize);
    while check.broken_at.is_none() {
        check.has_more = left <= 0 || octets >= bytes;
        let wanted = if check.has_more {
            1
        } else {
            left.min(VERIFY_BATCH)
        };
        let batch: Vec<AuditRecord> =
            sqlx::query_as("SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?")
                .bind(check.head.sequence)
                .bind(wanted)
                .fetch_all(&mut *connection)
                .await?;
        if batch.is_empty() || check.has_more {
            check.has_more &= !batch.is_empty();
            break;
        }
        for entry in batch {
            let follows = entry.sequence == check.head.sequence + 1
                && entry.previous_hash == check.head.hash
                && entry.hash == entry.expected_hash();
            if !follows {
                check.broken_at = Some(entry.sequence);
                break;
            }
            let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
            octets += length(&entry.before) + length(&entry.after);
            check.entries += 1;
            left -= 1;
            check.head = ChainPoint {
                sequence: entry.sequence,
                hash: entry.hash,
            };
        }
    }
    Ok(check)
}
