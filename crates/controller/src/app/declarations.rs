//! Declarations: one document that says what is to be enforced, made true as a whole or not at all.
//!
//! Everything is written in one transaction, and what both networks would enforce then is compiled and checked inside of it. Only when all
//! of it is good is the transaction committed; a dry run takes it back in any case. What the networks are asked to enforce is one change
//! set: a reconciler never enforces a part of it.

mod affected;
mod export;
mod make;
mod names;
mod places;

use std::sync::Arc;

use countersign_api::v1::declaration::{AffectedHostname, Declaration, DeclaredChange};
use countersign_snapshot::Network;
use serde_json::json;

use super::materials::Materials;
use super::{Context, ErrorCode, ServiceError, change};
use crate::model::{ActivationStatus, Caller};
use crate::store::change_sets::Member;
use crate::store::{self, Write};
use make::Making;

const COUNTER: &str = "change_set";

/// The declarations of accounts.
#[derive(Clone, Copy, Debug)]
pub struct Declarations<'c> {
    context: &'c Context,
}

/// What a declaration changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Applied {
    /// What the networks are asked to enforce together; none when nothing is.
    pub change_set: Option<i64>,
    /// In the order in which they are made.
    pub changes: Vec<DeclaredChange>,
    /// The server names for which something else is enforced than before.
    pub affected: Vec<AffectedHostname>,
}

/// Whether a declaration is made true.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Run {
    /// It is only said what would change.
    Dry,
    /// It is.
    Real,
}

/// How far a change set came on a network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChangeSetProgress {
    /// Where.
    pub network: Network,
    /// How far.
    pub status: ActivationStatus,
    /// The share of live nodes that acknowledged, 0 to 100.
    pub percent: u8,
    /// Why it failed.
    pub failure_reason: Option<String>,
}

impl<'c> Declarations<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Makes a declaration true, or says what would change. Nothing of a declaration that is refused remains.
    ///
    /// # Errors
    /// When something in it is not good, a reference names nothing, or what a network would enforce cannot be enforced.
    pub async fn apply(
        &self,
        caller: &Caller,
        declaration: &Declaration,
        run: Run,
    ) -> Result<Applied, ServiceError> {
        let uploads = make::read_uploads(self.context, caller, declaration).await?;
        let mut write = self.context.store.write().await?;
        let before = store::change_sets::newest(write.connection()).await?;
        let mut making = Making::new(self.context, caller, declaration, uploads);
        making.everything(&mut write).await?;
        let changes = making.changes;
        let mut affected = Vec::new();
        for network in Network::ALL {
            affected.extend(self.judge(&mut write, network).await?);
        }
        let asked = changes.iter().any(|change| change.network.is_some());
        let mut change_set = None;
        if run == Run::Real && !changes.is_empty() {
            if asked {
                let number = write.next_number(COUNTER).await?;
                store::change_sets::join(write.connection(), number, before).await?;
                change_set = Some(number);
            }
            write
                .record(&change(
                    caller,
                    self.context.clock.now(),
                    "declaration.apply",
                    "declaration".to_owned(),
                    None,
                    Some(json!({"changeSet": change_set, "changes": changes})),
                ))
                .await?;
            write.commit().await?;
            self.context.work.notify_waiters();
        }
        Ok(Applied {
            change_set,
            changes,
            affected,
        })
    }

    /// What there is, as a declaration: the newest state of everything, without keys.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn export(&self, caller: &Caller) -> Result<Declaration, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        export::declaration(&mut read, caller).await
    }

    /// How far a change set came, per network.
    ///
    /// # Errors
    /// When the account has none with that number.
    pub async fn change_set(
        &self,
        caller: &Caller,
        number: i64,
    ) -> Result<Vec<ChangeSetProgress>, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        let members = store::change_sets::members(&mut read, &caller.account, number).await?;
        if members.is_empty() {
            return Err(ServiceError::new(
                ErrorCode::ChangeSetNotFound,
                format!("The account has no change set {number}."),
            ));
        }
        Ok(Network::ALL
            .into_iter()
            .filter_map(|network| progress(network, &members))
            .collect())
    }

    /// Waits until a change set has ended.
    ///
    /// # Errors
    /// When the account has none with that number.
    pub async fn ended(
        &self,
        caller: &Caller,
        number: i64,
    ) -> Result<Vec<ChangeSetProgress>, ServiceError> {
        let mut changed = self.context.progress.subscribe();
        loop {
            changed.borrow_and_update();
            let now = self.change_set(caller, number).await?;
            if now
                .iter()
                .all(|it| it.status != ActivationStatus::InProgress)
            {
                return Ok(now);
            }
            // The sender lives as long as the context.
            let _ = changed.changed().await;
        }
    }

    /// Compiles what a network would enforce when everything that it is asked to in this transaction is done; says for which names that is
    /// something else than now.
    async fn judge(
        &self,
        write: &mut Write,
        network: Network,
    ) -> Result<Vec<AffectedHostname>, ServiceError> {
        let mut materials = Materials::default();
        let plan = materials.plan_in(write.connection(), network).await?;
        let candidate = materials
            .after(&plan)
            .map_err(|why| unenforceable(network, &why))?;
        let compiled = tokio::task::spawn_blocking(move || {
            let after = candidate.checked(network)?;
            // What is enforced now was checked when it came to be; nothing to compare with is no obstacle.
            let before = plan.state.checked(network).ok();
            Ok::<_, super::compile::CompileError>((before, after))
        })
        .await
        .map_err(ServiceError::internal)?;
        let (before, after) =
            compiled.map_err(|error| unenforceable(network, &Arc::from(error.to_string())))?;
        Ok(affected::between(network, before.as_ref(), &after))
    }
}

fn progress(network: Network, members: &[Member]) -> Option<ChangeSetProgress> {
    let mine: Vec<&Member> = members.iter().filter(|it| it.network == network).collect();
    let failed = mine.iter().find(|it| it.status == ActivationStatus::Failed);
    let is_running = mine
        .iter()
        .any(|it| it.status == ActivationStatus::InProgress);
    Some(ChangeSetProgress {
        network,
        status: match (is_running, failed) {
            (true, _) => ActivationStatus::InProgress,
            (false, Some(_)) => ActivationStatus::Failed,
            (false, None) => ActivationStatus::Complete,
        },
        percent: mine.iter().map(|it| it.percent).min()?,
        failure_reason: failed.and_then(|it| it.failure_reason.clone()),
    })
}

fn unenforceable(network: Network, why: &Arc<str>) -> ServiceError {
    ServiceError::new(
        ErrorCode::DeclarationUnenforceable,
        format!("With this declaration, {network} could not be enforced: {why}."),
    )
    .with("network", network.as_str().to_ascii_uppercase())
}
