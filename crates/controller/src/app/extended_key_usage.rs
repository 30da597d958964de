//! What the extended key usage of a CA set's clients must say.

use countersign_snapshot::CaSetId;
use countersign_trust::ExtendedKeyUsageRule;
use serde_json::{Value, json};

use super::{Context, ServiceError, ca_sets, change};
use crate::model::Caller;
use crate::store::extended_key_usage as store;

/// The rules about extended key usages, one per CA set.
#[derive(Clone, Copy, Debug)]
pub struct ExtendedKeyUsageRules<'c> {
    context: &'c Context,
}

impl<'c> ExtendedKeyUsageRules<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// The rule of a CA set.
    ///
    /// # Errors
    /// When the account has no such set.
    pub async fn of(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
    ) -> Result<ExtendedKeyUsageRule, ServiceError> {
        let mut read = self.context.store.read().await?;
        ca_sets::find_in(&mut read, caller, ca_set).await?;
        Ok(only(store::list(&mut read, Some(ca_set)).await?))
    }

    /// Sets the rule of a CA set, for all its versions; the networks that enforce it follow.
    ///
    /// # Errors
    /// When the account has no such set.
    pub async fn set(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        rule: ExtendedKeyUsageRule,
    ) -> Result<(), ServiceError> {
        let at = self.context.clock.now();
        let mut write = self.context.store.write().await?;
        ca_sets::live(&mut write, caller, ca_set).await?;
        let before = only(store::list(write.connection(), Some(ca_set)).await?);
        store::set(write.connection(), ca_set, rule, at, &caller.name).await?;
        write
            .record(&change(
                caller,
                at,
                "extended-key-usage-rule.replace",
                format!("ca-set/{ca_set}/extended-key-usage"),
                Some(state(before)),
                Some(state(rule)),
            ))
            .await?;
        write.commit().await?;
        self.context.policies.send_modify(|count| *count += 1);
        self.context.work.notify_waiters();
        Ok(())
    }
}

fn only(rules: Vec<(CaSetId, ExtendedKeyUsageRule)>) -> ExtendedKeyUsageRule {
    rules
        .into_iter()
        .next()
        .map_or_else(ExtendedKeyUsageRule::default, |(_, rule)| rule)
}

fn state(rule: ExtendedKeyUsageRule) -> Value {
    let (text, until) = store::text(rule);
    json!({ "rule": text, "until": until.map(|until| until.to_string()) })
}
