//! Revocations by hand: making, finding and ending them.

mod ageing;
mod bodies;
mod publisher;

use countersign_trust::{ManualRevocation, RevocationReason, UnixTime};
use serde_json::{Value, json};

pub(crate) use ageing::run as watch_ages;
pub(crate) use bodies::BodyFiles;
pub(crate) use publisher::{RevocationPublisher, run};

use super::{Context, ErrorCode, ServiceError, change};
use crate::model::{Caller, Revocation, RevocationId};
use crate::store;

const COUNTER: &str = "revocation";

/// Revocations by hand.
#[derive(Clone, Copy, Debug)]
pub struct Revocations<'c> {
    context: &'c Context,
}

/// A revocation to make.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewRevocation {
    /// Which certificates.
    pub what: ManualRevocation,
    /// Why.
    pub reason: RevocationReason,
    /// A remark.
    pub note: Option<String>,
    /// Until when; for ever when none.
    pub ends_at: Option<UnixTime>,
}

impl<'c> Revocations<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Revokes certificates: from now on they are refused, and connections that they opened are ended.
    ///
    /// # Errors
    /// When its end is not in the future.
    pub async fn create(
        &self,
        caller: &Caller,
        new: NewRevocation,
    ) -> Result<Revocation, ServiceError> {
        let at = self.context.clock.now();
        if new.ends_at.is_some_and(|end| end <= at) {
            return Err(ServiceError::new(
                ErrorCode::InvalidField,
                format!("The revocation would end before it begins; it is {at}."),
            )
            .at("/endDate"));
        }
        let mut write = self.context.store.write().await?;
        let revocation = Revocation {
            id: RevocationId::new(write.next_number(COUNTER).await?),
            account: caller.account.clone(),
            what: new.what,
            reason: new.reason,
            note: new.note,
            created_at: at,
            created_by: caller.name.clone(),
            ends_at: new.ends_at,
            ended_at: None,
            ended_by: None,
        };
        store::revocations::insert(write.connection(), &revocation).await?;
        write
            .record(&change(
                caller,
                at,
                "revocation.create",
                resource(&revocation),
                None,
                Some(state(&revocation)),
            ))
            .await?;
        write.commit().await?;
        self.context.revocations.changed();
        Ok(revocation)
    }

    /// The account's revocations, newest first; those that hold no more only when asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        caller: &Caller,
        ended_too: bool,
    ) -> Result<Vec<Revocation>, ServiceError> {
        let now = self.context.clock.now();
        let mut read = self.context.store.read().await?;
        let mut all = store::revocations::list(&mut read, &caller.account, None).await?;
        all.retain(|revocation| ended_too || revocation.is_in_force(now));
        Ok(all)
    }

    /// One revocation.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn find(
        &self,
        caller: &Caller,
        id: RevocationId,
    ) -> Result<Revocation, ServiceError> {
        let mut read = self.context.store.read().await?;
        let found = store::revocations::list(&mut read, &caller.account, Some(id)).await?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| not_found(&id.to_string()))
    }

    /// Ends a revocation: its certificates are good again, as far as nothing else speaks against them. Ending it again changes nothing.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn end(&self, caller: &Caller, id: RevocationId) -> Result<Revocation, ServiceError> {
        let mut write = self.context.store.write().await?;
        let found = store::revocations::list(write.connection(), &caller.account, Some(id)).await?;
        let before = found
            .into_iter()
            .next()
            .ok_or_else(|| not_found(&id.to_string()))?;
        let at = self.context.clock.now();
        if !before.is_in_force(at) {
            return Ok(before);
        }
        store::revocations::end(write.connection(), id, at, &caller.name).await?;
        let after = Revocation {
            ended_at: Some(at),
            ended_by: Some(caller.name.clone()),
            ..before.clone()
        };
        write
            .record(&change(
                caller,
                at,
                "revocation.end",
                resource(&after),
                Some(state(&before)),
                Some(state(&after)),
            ))
            .await?;
        write.commit().await?;
        self.context.revocations.changed();
        Ok(after)
    }
}

/// What somebody is told who names a revocation that is not there.
pub(crate) fn not_found(id: &str) -> ServiceError {
    let shown: String = id.chars().take(64).collect();
    ServiceError::new(
        ErrorCode::RevocationNotFound,
        format!("The account has no revocation with the id `{shown}`."),
    )
    .with("revocationId", shown)
}

fn resource(revocation: &Revocation) -> String {
    format!("revocation/{}", revocation.id)
}

fn state(revocation: &Revocation) -> Value {
    let mut state = match &revocation.what {
        ManualRevocation::Certificate(sha256) => {
            json!({"certificateSha256": sha256.to_string()})
        }
        ManualRevocation::Key(sha256) => json!({"spkiSha256": sha256.to_string()}),
        ManualRevocation::IssuedBefore { issuer_key, before } => {
            json!({"issuerSpkiSha256": issuer_key.to_string(), "issuedBefore": before.to_string()})
        }
        ManualRevocation::Serial { issuer_key, serial } => {
            json!({"issuerSpkiSha256": issuer_key.to_string(), "serialNumber": serial.to_string()})
        }
    };
    if let Some(fields) = state.as_object_mut() {
        fields.insert("reason".into(), revocation.reason.name().into());
        fields.insert("note".into(), revocation.note.clone().into());
        let time = |at: Option<UnixTime>| at.map(|at| at.to_string()).into();
        fields.insert("endDate".into(), time(revocation.ends_at));
        fields.insert("endedDate".into(), time(revocation.ended_at));
    }
    state
}
