//! Certificates of which less than 30 % of their lifetime is left: said to the log, again and again, until they are renewed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::Network;
use countersign_trust::{Fingerprint, UnixTime};
use tracing::{error, warn};

use super::{Context, ServiceError};
use crate::model::{AccountId, Caller, DeploymentKind, Presented};
use crate::store::{self, StoreError};

/// Between two looks while nothing changes.
const LOOK: Duration = Duration::from_secs(3_600);
/// Between two looks at least.
const SETTLE: Duration = Duration::from_secs(5);
/// After which the same is said again.
const AGAIN: Duration = Duration::from_secs(24 * 3_600);

/// What is to be renewed.
#[derive(Clone, Copy, Debug)]
pub struct Renewals<'c> {
    context: &'c Context,
}

impl<'c> Renewals<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Everything that a network presents for the account and that is to be renewed by now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due(&self, caller: &Caller) -> Result<Vec<Presented>, ServiceError> {
        let mut due = due(self.context).await?;
        due.retain(|it| it.account == caller.account);
        Ok(due)
    }
}

/// Looks at what the networks present whenever that may have changed, and now and then, until it is dropped.
pub(crate) async fn run(context: Arc<Context>) {
    let mut progress = context.progress.subscribe();
    let mut reminders = Reminders::default();
    loop {
        progress.borrow_and_update();
        match due(&context).await {
            Ok(due) => reminders
                .now_due(due, context.clock.now())
                .iter()
                .for_each(say),
            Err(cause) => error!(
                error = &cause as &dyn std::error::Error,
                "what is to be renewed could not be looked up"
            ),
        }
        // Whatever comes in a burst is looked at once.
        tokio::time::sleep(SETTLE).await;
        // The sender lives as long as the context.
        let _ = tokio::time::timeout(LOOK, progress.changed()).await;
    }
}

async fn due(context: &Context) -> Result<Vec<Presented>, StoreError> {
    let mut presented = {
        let mut read = context.store.read().await?;
        store::renewals::presented(&mut read).await?
    };
    let now = context.clock.now();
    presented.retain(|it| it.leaf.validity().ends_soon(now));
    Ok(presented)
}

fn say(due: &Presented) {
    let what = match due.kind {
        DeploymentKind::ClientCredential => "client credential",
        _ => "edge certificate",
    };
    warn!(
        account = due.account.as_str(),
        name = due.name,
        network = %due.network,
        subject = due.leaf.subject().to_rfc2253(),
        ends = %due.leaf.validity().not_after,
        "the certificate of this {what} is to be renewed: less than 30 % of its lifetime is left"
    );
}

/// What was said, and when.
#[derive(Debug, Default)]
struct Reminders(HashMap<Reminder, UnixTime>);

type Reminder = (AccountId, DeploymentKind, i64, Network, Fingerprint);

impl Reminders {
    /// What was not said yet, or so long ago that it is said again. What is renewed is forgotten.
    fn now_due(&mut self, due: Vec<Presented>, now: UnixTime) -> Vec<Presented> {
        let mut said = HashMap::with_capacity(due.len());
        let mut to_say = Vec::new();
        for presented in due {
            let key = (
                presented.account.clone(),
                presented.kind,
                presented.id,
                presented.network,
                presented.leaf.fingerprint(),
            );
            let recently = self
                .0
                .get(&key)
                .copied()
                .filter(|at| now < at.saturating_add(AGAIN));
            if recently.is_none() {
                to_say.push(presented);
            }
            said.insert(key, recently.unwrap_or(now));
        }
        self.0 = said;
        to_say
    }
}

#[cfg(test)]
mod tests {
    use countersign_testkit::{DAY, NOW, Pki};
    use countersign_trust::Certificate;

    use super::*;

    #[test]
    fn a_reminder_comes_once_a_day_until_the_certificate_is_renewed() {
        let ca = Pki::new().root("Root");
        let presented = |network| {
            let server = ca
                .server(["a.test"])
                .valid(NOW - 9 * DAY, NOW + DAY)
                .issue();
            Presented {
                account: AccountId::new("A-1"),
                kind: DeploymentKind::EdgeCertificate,
                id: 1,
                name: "www".to_owned(),
                network,
                leaf: Certificate::from_der(server.der()).unwrap(),
            }
        };
        let at = |seconds: i64| UnixTime::from_secs(NOW + seconds);
        let mut reminders = Reminders::default();
        let first = presented(Network::Staging);
        let both = vec![first.clone(), presented(Network::Production)];
        assert_eq!(reminders.now_due(both.clone(), at(0)), both);
        assert_eq!(reminders.now_due(both.clone(), at(DAY - 1)), []);
        assert_eq!(reminders.now_due(both.clone(), at(DAY)), both);
        // Another certificate in its place, itself near its end, is said at once; the one that is gone and comes back as well.
        let other = vec![presented(Network::Staging)];
        assert_eq!(reminders.now_due(other.clone(), at(DAY + 1)), other);
        assert_eq!(reminders.now_due(vec![first.clone()], at(DAY + 2)), [first]);
    }
}
