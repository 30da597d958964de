//! Asks again before answers are over, while somebody wants to know.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::error;

use super::{asker, staples};
use crate::app::{Context, ServiceError};
use crate::model::{AskedCertificate, Says};
use crate::store;

const POLL: Duration = Duration::from_secs(1);
const AT_ONCE: u32 = 64;
/// Nobody wanted to know for so long: it is forgotten, and asked about when somebody comes again. Nodes want to know once a day at least.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Asks about what is due until it is dropped.
pub(crate) async fn run(context: Arc<Context>) {
    let mut outdated = true;
    loop {
        let passed = async {
            // What the networks present changes only when they take up something new, which wakes this.
            if outdated {
                staples::look(&context).await?;
                outdated = false;
            }
            pass(&context).await
        };
        if let Err(cause) = passed.await {
            error!(
                error = &cause as &dyn std::error::Error,
                "OCSP answers could not be looked after"
            );
        }
        outdated |= tokio::time::timeout(POLL, context.ocsp_due.notified())
            .await
            .is_ok();
    }
}

async fn pass(context: &Arc<Context>) -> Result<(), ServiceError> {
    let now = context.clock.now();
    let due = {
        let mut read = context.store.read().await?;
        store::ocsp::due(&mut read, now, AT_ONCE).await?
    };
    let (forgotten, wanted): (Vec<_>, Vec<_>) = due.into_iter().partition(|asked| {
        asked.certificate.validity().not_after < now
            || asked.ca_set.is_some()
                && !is_revoked(asked)
                && now > asked.wanted_at.saturating_add(FORGOTTEN_AFTER)
    });
    if !forgotten.is_empty() {
        let mut write = context.store.write().await?;
        for asked in &forgotten {
            store::ocsp::delete(write.connection(), asked.id).await?;
        }
        write.commit_progress().await?;
        context.revocations.changed();
    }
    let mut tasks = JoinSet::new();
    for asked in wanted {
        let context = Arc::clone(context);
        tasks.spawn(async move { asker::refresh(&context, asked).await });
    }
    tasks.join_all().await;
    Ok(())
}

/// One that is revoked stays so for the nodes until its end, whether its client comes or not.
fn is_revoked(asked: &AskedCertificate) -> bool {
    let says = asked.answer.as_ref().map(|answer| answer.says);
    matches!(says, Some(Says::Revoked(_)))
}
