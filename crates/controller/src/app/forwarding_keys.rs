//! What the edges of a network sign with what they forward, so that origins can tell it from what others send (RFC 9421).
//!
//! One key of a network is in use. The next one is told to origins before it is used, and its predecessor for a while after.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_snapshot::{ForwardingKey as SnapshotKey, Network, Secret};
use countersign_trust::UnixTime;
use serde_json::json;
use sqlx::SqliteConnection;

use super::{Context, ErrorCode, ServiceError, change, require};
use crate::model::{Caller, ForwardingKey, Role};
use crate::store::{Write, forwarding_keys as store};

/// How long origins still find a key that is used no more: requests are on their way, and clocks differ.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// The longest time between the announcement of a key and its use.
const ANNOUNCED_MAX: Duration = Duration::from_secs(90 * 24 * 3600);

/// The keys with which edges sign requests.
#[derive(Clone, Copy, Debug)]
pub struct ForwardingKeys<'c> {
    context: &'c Context,
}

impl<'c> ForwardingKeys<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// The keys of a network that an origin may meet, in the order in which they are used.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, network: Network) -> Result<Vec<ForwardingKey>, ServiceError> {
        let mut read = self.context.store.read().await?;
        let mut keys = store::list(&mut read, network).await?;
        keys.drain(..over(&keys, self.context.clock.now()));
        Ok(keys)
    }

    /// Makes a key that a network uses after some time. One that was announced before and is not used yet is forgotten.
    ///
    /// # Errors
    /// When the time is longer than 90 days, the caller may not change the network, or the store fails.
    pub async fn rotate(
        &self,
        caller: &Caller,
        network: Network,
        after: Duration,
    ) -> Result<Vec<ForwardingKey>, ServiceError> {
        if network == Network::Production {
            require(caller, Role::Approver)?;
        }
        if after > ANNOUNCED_MAX {
            let most = ANNOUNCED_MAX.as_secs();
            return Err(ServiceError::new(
                ErrorCode::InvalidField,
                format!("A key is announced at most {most} seconds before it is used."),
            )
            .at("/useAfterSeconds"));
        }
        let now = self.context.clock.now();
        let mut write = self.context.store.write().await?;
        let known = store::list(write.connection(), network).await?;
        let over = over(&known, now);
        for (place, key) in known.iter().enumerate() {
            if place < over || key.used_from > now {
                store::delete(write.connection(), &key.id).await?;
            }
        }
        create(
            self.context,
            &mut write,
            caller,
            network,
            now,
            now.saturating_add(after),
        )
        .await?;
        write.commit().await?;
        // A setting of the networks, which their nodes learn without any activation.
        self.context.policies.send_modify(|count| *count += 1);
        self.context.work.notify_waiters();
        self.list(network).await
    }
}

/// Makes the first key of every network that has none.
pub(crate) async fn ensure(context: &Context, caller: &Caller) -> Result<(), ServiceError> {
    let now = context.clock.now();
    let mut write = context.store.write().await?;
    let mut is_new = false;
    for network in Network::ALL {
        if store::list(write.connection(), network).await?.is_empty() {
            create(context, &mut write, caller, network, now, now).await?;
            is_new = true;
        }
    }
    if is_new {
        write.commit().await?;
    }
    Ok(())
}

/// What a snapshot has: the key in use and the next one, or the one before.
pub(crate) async fn for_snapshot(
    connection: &mut SqliteConnection,
    network: Network,
) -> Result<Vec<SnapshotKey>, crate::store::StoreError> {
    let keys = store::list(connection, network).await?;
    let before = keys.len().saturating_sub(2);
    Ok(keys
        .into_iter()
        .skip(before)
        .map(|key| SnapshotKey {
            id: key.id,
            used_from: key.used_from,
            key: key.sealed_key,
        })
        .collect())
}

/// How many of the keys, from the first on, no origin can meet any more.
fn over(keys: &[ForwardingKey], now: UnixTime) -> usize {
    let settled = now.saturating_sub(KEPT);
    keys.iter()
        .rposition(|key| key.used_from <= settled)
        .unwrap_or_default()
}

async fn create(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    network: Network,
    now: UnixTime,
    used_from: UnixTime,
) -> Result<(), ServiceError> {
    let pair = Ed25519KeyPair::generate().map_err(ServiceError::internal)?;
    let stored = pair.to_pkcs8().map_err(ServiceError::internal)?;
    let secret = Secret::new(stored.as_ref().to_vec());
    let public_key = pair.public_key().as_ref().to_vec();
    let key = ForwardingKey {
        id: thumbprint(&public_key),
        public_key,
        sealed_key: context
            .sealing_key
            .seal(SnapshotKey::SEAL_CONTEXT, &secret)
            .map_err(ServiceError::internal)?,
        created_at: now,
        created_by: caller.name.clone(),
        used_from,
    };
    store::insert(write.connection(), network, &key)
        .await
        .map_err(ServiceError::from)?;
    write
        .record(&change(
            caller,
            now,
            "forwarding-key.create",
            format!("forwarding-key/{network}/{}", key.id),
            None,
            Some(json!({ "network": network.as_str(), "usedFrom": used_from.to_string() })),
        ))
        .await?;
    Ok(())
}

/// RFC 7638 §3 and RFC 8037 §2: SHA-256 of the required members in the order of their names.
fn thumbprint(public_key: &[u8]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public_key);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.3.
    #[test]
    fn the_thumbprint_is_that_of_the_standard() {
        let public_key = URL_SAFE_NO_PAD
            .decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
            .unwrap();
        assert_eq!(
            thumbprint(&public_key),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }
}
