//! Accounts.

use serde_json::json;

use super::{Context, ServiceError, change};
use crate::model::{AccountId, Caller};
use crate::store::{self, StoreError};

/// The accounts of a controller.
#[derive(Clone, Copy, Debug)]
pub struct Accounts<'c> {
    context: &'c Context,
}

impl<'c> Accounts<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Makes sure that an account exists.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ensure(&self, id: &AccountId, name: &str) -> Result<(), ServiceError> {
        let caller = Caller::internal(id.clone(), "countersign controller");
        Ok(ensure_account(self.context, &caller, name).await?)
    }

    /// All accounts with their names, by id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<(AccountId, String)>, ServiceError> {
        let mut connection = self.context.store.read().await?;
        Ok(store::accounts::list(&mut connection)
            .await?
            .into_iter()
            .map(|(id, name)| (AccountId::new(id), name))
            .collect())
    }
}

pub(crate) async fn ensure_account(
    context: &Context,
    caller: &Caller,
    name: &str,
) -> Result<(), StoreError> {
    let id = caller.account.as_str();
    let mut write = context.store.write().await?;
    if store::accounts::exists(write.connection(), id).await? {
        return Ok(());
    }
    let now = context.clock.now();
    store::accounts::insert(write.connection(), id, name, now).await?;
    write
        .record(&change(
            caller,
            now,
            "account.create",
            format!("account/{id}"),
            None,
            Some(json!({"name": name})),
        ))
        .await?;
    write.commit().await
}
