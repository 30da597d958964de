//! Services: one per resource, HTTP-free. They decide, and write through the store.

mod accounts;
pub(crate) mod activations;
pub(crate) mod api_clients;
mod associations;
mod audit;
mod ca_sets;
mod chain;
pub(crate) mod client_credentials;
mod compile;
pub(crate) mod crls;
mod declarations;
pub(crate) mod deletions;
mod deployments;
mod edge_certificates;
mod engine;
mod error;
mod explain;
mod extended_key_usage;
pub(crate) mod features;
pub(crate) mod forwarding_keys;
mod input;
mod materials;
pub(crate) mod ocsp;
mod outbound;
mod properties;
mod publisher;
pub(crate) mod purge;
mod reconciler;
mod renewals;
pub(crate) mod revocations;
mod secrets;
mod single_flight;
pub(crate) mod sites;
pub(crate) mod state;
mod upload;
mod versions;

use std::sync::Arc;

use countersign_snapshot::{SealingKey, SigningKey};
use countersign_trust::{Clock, UnixTime};
use serde_json::Value;
use tokio::sync::{Notify, watch};

pub use accounts::Accounts;
pub(crate) use accounts::ensure_account;
pub use activations::Activations;
pub use api_clients::{ApiClients, Credentials, NewApiClient, NewCertificateClient};
pub use audit::{AuditCheck, AuditEntry, AuditLog};
pub use ca_sets::{CaSets, NewCaSet};
pub(crate) use chain::names as certificate_names;
pub use client_credentials::ClientCredentials;
pub use crls::{Crls, NewCrl};
pub use declarations::{Applied, ChangeSetProgress, Declarations, Run};
pub use edge_certificates::{AdmissionChange, EdgeCertificates, HostnameImpact};
pub(crate) use engine::Engine;
pub use error::{ErrorCode, ErrorItem, ServiceError};
pub use explain::Explanations;
pub(crate) use explain::Loaded;
pub use extended_key_usage::ExtendedKeyUsageRules;
pub use features::Features;
pub use forwarding_keys::ForwardingKeys;
pub use ocsp::Ocsp;
pub use properties::{Finding, Findings, NewProperty, Properties, VersionPart};
pub use renewals::Renewals;
pub use revocations::{NewRevocation, Revocations};
pub use sites::Sites;
pub use upload::SubmittedCertificate;
pub(crate) use upload::holds_private_key;
pub use versions::{Expiry, Judged, NewVersion, VersionFilter, Versions};

use crate::model::{Caller, Role};
use crate::store::{Actor, Change, Store, Write};
use crate::{Distribution, Limits};

/// What all services share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) distribution: Arc<dyn Distribution>,
    pub(crate) sealing_key: Arc<SealingKey>,
    pub(crate) signing_key: Arc<SigningKey>,
    pub(crate) limits: Limits,
    /// Tells edge nodes what is revoked.
    pub(crate) revocations: revocations::RevocationPublisher,
    /// What networks enforce, for whoever asks why.
    pub(crate) loaded: Loaded,
    /// Wakes the fetching of CRLs.
    pub(crate) crls_due: Notify,
    pub(crate) crls_under_way: single_flight::SingleFlight<i64>,
    /// What is asked of OCSP responders.
    pub(crate) asking: ocsp::Asking,
    /// Wakes the asking of OCSP responders, about what the networks present too.
    pub(crate) ocsp_due: Notify,
    /// Counts the changes of what is done about revocation for CA sets.
    pub(crate) policies: watch::Sender<u64>,
    /// Wakes the reconcilers: something is in progress that they finish.
    pub(crate) work: Arc<Notify>,
    /// Counts what the reconcilers wrote down, so that others can wait for the end of something.
    pub(crate) progress: watch::Sender<u64>,
}

impl Context {
    /// Commits what reconcilers carry out, and wakes them.
    pub(crate) async fn commit_work(&self, write: Write) -> Result<(), ServiceError> {
        write.commit().await?;
        self.work.notify_waiters();
        Ok(())
    }

    /// Looks again whenever the reconcilers have written something down, until what is seen has ended.
    pub(crate) async fn until_ended<T, F>(
        &self,
        look: impl Fn() -> F,
        has_ended: impl Fn(&T) -> bool,
    ) -> Result<T, ServiceError>
    where
        F: Future<Output = Result<T, ServiceError>>,
    {
        let mut progress = self.progress.subscribe();
        loop {
            progress.borrow_and_update();
            let seen = look().await?;
            if has_ended(&seen) {
                return Ok(seen);
            }
            // The sender lives as long as the context.
            let _ = progress.changed().await;
        }
    }
}

/// The record of a change that a caller makes.
pub(crate) fn change<'a>(
    caller: &'a Caller,
    at: UnixTime,
    action: &'static str,
    resource: String,
    before: Option<Value>,
    after: Option<Value>,
) -> Change<'a> {
    Change {
        at,
        actor: Actor {
            account: caller.account.as_str(),
            name: &caller.name,
            role: caller.role.as_str(),
            source: &caller.source,
        },
        action,
        resource,
        before,
        after,
    }
}

/// Refuses a caller whose role is not enough.
pub(crate) fn require(caller: &Caller, role: Role) -> Result<(), ServiceError> {
    if caller.role >= role {
        return Ok(());
    }
    Err(ServiceError::new(
        ErrorCode::Forbidden,
        format!(
            "`{}` is {}, and this wants {}.",
            caller.name,
            with_article(caller.role),
            with_article(role)
        ),
    )
    .with("role", caller.role.as_str())
    .with("requiredRole", role.as_str()))
}

fn with_article(role: Role) -> &'static str {
    match role {
        Role::Viewer => "a viewer",
        Role::Operator => "an operator",
        Role::Approver => "an approver",
        Role::Admin => "an admin",
    }
}
