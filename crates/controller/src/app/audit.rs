//! The audit log.

use countersign_trust::UnixTime;

use super::{Context, ServiceError};
use crate::model::Caller;
use crate::store::{
    self,
    audit::{AuditRecord, ChainPoint},
};

const PAGE_MAX: u32 = 1_000;
/// An entry about a version of 300 certificates has 50 kB.
const PAGE_MAX_BYTES: i64 = 1_000_000;
/// Entries that one request checks: a second's work, so that a log of any length is checked within the time that requests have.
const CHECK_MAX: u32 = 20_000;
const CHECK_MAX_BYTES: usize = 64_000_000;

/// Who changed what.
#[derive(Clone, Copy, Debug)]
pub struct AuditLog<'c> {
    context: &'c Context,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its place in the log of all accounts.
    pub sequence: u64,
    /// When.
    pub at: UnixTime,
    /// Who.
    pub actor: String,
    /// With which role.
    pub role: String,
    /// From where.
    pub source: String,
    /// What was done, such as `ca-set.create`.
    pub action: String,
    /// To what, such as `ca-set/12`.
    pub resource: String,
    /// What of it changed, as it was; JSON.
    pub before: Option<String>,
    /// The whole of it afterwards; JSON.
    pub after: Option<String>,
    /// SHA-256 over the entry and the previous entry's hash.
    pub hash: Vec<u8>,
}

/// What checking the log's chain of hashes found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditCheck {
    /// Good entries.
    pub entries: u64,
    /// The hash of the last good entry.
    pub head: Vec<u8>,
    /// The first entry that does not follow from the one before it.
    pub broken_at: Option<u64>,
    /// The last good entry, when there are others after it that were not looked at.
    pub next_after: Option<u64>,
}

impl<'c> AuditLog<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// The account's entries before `before`, newest first; at most 1,000, and fewer when they are long.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        caller: &Caller,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, ServiceError> {
        let before = before
            .and_then(|before| i64::try_from(before).ok())
            .unwrap_or(i64::MAX);
        let mut connection = self.context.store.read().await?;
        let records = store::audit::list(
            &mut connection,
            caller.account.as_str(),
            before,
            limit.min(PAGE_MAX).into(),
            PAGE_MAX_BYTES,
        )
        .await?;
        Ok(records.into_iter().map(AuditEntry::from).collect())
    }

    /// Checks the chain of hashes of the whole log, across accounts.
    ///
    /// # Errors
    /// When the store fails. A broken chain is a result.
    pub async fn verify(&self) -> Result<AuditCheck, ServiceError> {
        let mut whole = self.verify_page(None, CHECK_MAX).await?;
        while let Some(after) = whole.next_after {
            let from = Some((after, whole.head));
            let page = self.verify_page(from, CHECK_MAX).await?;
            whole = AuditCheck {
                entries: whole.entries + page.entries,
                ..page
            };
        }
        Ok(whole)
    }

    /// Checks a part of the log: at most 20,000 entries after one whose number and hash are known, or from the start. That one must still be
    /// there.
    ///
    /// # Errors
    /// When the store fails. A broken chain is a result.
    pub async fn verify_page(
        &self,
        after: Option<(u64, Vec<u8>)>,
        limit: u32,
    ) -> Result<AuditCheck, ServiceError> {
        let from = after.map_or_else(ChainPoint::start, |(sequence, hash)| ChainPoint {
            sequence: i64::try_from(sequence).unwrap_or(i64::MAX),
            hash,
        });
        let mut connection = self.context.store.read().await?;
        let most = limit.min(CHECK_MAX).into();
        let check = store::audit::verify(&mut connection, from, most, CHECK_MAX_BYTES).await?;
        let last = check.head.sequence.unsigned_abs();
        Ok(AuditCheck {
            entries: check.entries,
            head: check.head.hash,
            broken_at: check.broken_at.map(i64::unsigned_abs),
            next_after: check.has_more.then_some(last),
        })
    }
}

impl From<AuditRecord> for AuditEntry {
    fn from(record: AuditRecord) -> Self {
        Self {
            sequence: record.sequence.unsigned_abs(),
            at: record.at,
            actor: record.actor,
            role: record.role,
            source: record.source,
            action: record.action,
            resource: record.resource,
            before: record.before,
            after: record.after,
            hash: record.hash,
        }
    }
}
