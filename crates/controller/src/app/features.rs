//! Which features an account has. What nobody said anything about, it has.

use serde_json::{Value, json};

use super::{Context, ServiceError, change};
use crate::model::{Caller, Feature};
use crate::store;

/// The features of accounts.
#[derive(Clone, Copy, Debug)]
pub struct Features<'c> {
    context: &'c Context,
}

impl<'c> Features<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Whether the caller's account has a feature.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn has(&self, caller: &Caller, feature: Feature) -> Result<bool, ServiceError> {
        let mut read = self.context.store.read().await?;
        has(&mut read, caller, feature).await
    }

    /// Says whether the caller's account has a feature, from now on. What networks enforce stays.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set(
        &self,
        caller: &Caller,
        feature: Feature,
        enabled: bool,
    ) -> Result<(), ServiceError> {
        let at = self.context.clock.now();
        let mut write = self.context.store.write().await?;
        let before = has(write.connection(), caller, feature).await?;
        let account = &caller.account;
        store::features::set(
            write.connection(),
            account,
            feature,
            enabled,
            at,
            &caller.name,
        )
        .await?;
        write
            .record(&change(
                caller,
                at,
                "feature.set",
                format!("feature/{}", feature.as_str()),
                Some(state(before)),
                Some(state(enabled)),
            ))
            .await?;
        Ok(write.commit().await?)
    }
}

/// Whether the caller's account has a feature.
pub(crate) async fn has(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    feature: Feature,
) -> Result<bool, ServiceError> {
    let said = store::features::find(connection, &caller.account, feature).await?;
    Ok(said.unwrap_or(true))
}

fn state(enabled: bool) -> Value {
    json!({ "enabled": enabled })
}
