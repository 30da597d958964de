//! Fetches CRLs again before they are over; the last good one stays until there is a better one.

use std::sync::Arc;
use std::time::Duration;

use countersign_trust::UnixTime;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::fetch::{Fetched, fetch};
use super::load;
use crate::app::outbound::{jitter, with_causes};
use crate::app::{Context, ServiceError};
use crate::model::{CrlSource, HeldCrl};
use crate::store::{self, StoreError};

const POLL: Duration = Duration::from_secs(1);
const AT_ONCE: u32 = 8;
const CHECK_MIN: Duration = Duration::from_secs(5);
/// Of one whose time is over, though it is the newest.
const CHECK_OVER: Duration = Duration::from_secs(60);
const CHECK_MAX: Duration = Duration::from_secs(24 * 3_600);
/// For CRLs that do not say when the next one comes.
const CHECK_DEFAULT: Duration = Duration::from_secs(3_600);
const RETRY_MIN: Duration = Duration::from_secs(15);
const RETRY_MAX: Duration = Duration::from_secs(1_800);

/// Fetches what is due until it is dropped.
pub(crate) async fn run(context: Arc<Context>) {
    loop {
        if let Err(cause) = pass(&context).await {
            error!(
                error = &cause as &dyn std::error::Error,
                "CRLs could not be looked after"
            );
        }
        let _ = tokio::time::timeout(POLL, context.crls_due.notified()).await;
    }
}

async fn pass(context: &Arc<Context>) -> Result<(), StoreError> {
    let due = {
        let mut read = context.store.read().await?;
        store::crls::due(&mut read, context.clock.now(), AT_ONCE).await?
    };
    let mut tasks = JoinSet::new();
    for source in due {
        let context = Arc::clone(context);
        tasks.spawn(async move { refresh_once(&context, source).await });
    }
    tasks.join_all().await;
    Ok(())
}

/// Asks once, or waits for who does, and returns when what came of it is written down.
pub(super) async fn refresh_once(context: &Arc<Context>, source: CrlSource) {
    let id = source.id;
    let work = {
        let context = Arc::clone(context);
        || async move {
            if let Err(cause) = refresh(&context, source).await {
                error!(
                    crl = id,
                    error = &cause as &dyn std::error::Error,
                    "a CRL could not be looked after"
                );
            }
        }
    };
    context.crls_under_way.run(id, work).await;
}

/// Asks once, and writes down what came of it.
async fn refresh(context: &Context, mut source: CrlSource) -> Result<(), ServiceError> {
    let ca_set = source.ca_set;
    let url = source.url.clone().unwrap_or_default();
    let before = source.crl.as_ref().map(|crl| crl.digest);
    let outcome = match fetch(&source).await {
        Ok(Fetched::Unchanged) => Ok(()),
        Ok(Fetched::New {
            body,
            etag,
            last_modified,
        }) => {
            let (signers, sha1) = {
                let mut read = context.store.read().await?;
                store::crls::signers(&mut read, ca_set).await?
            };
            load(context, body, signers, sha1, context.clock.now())
                .await?
                .and_then(|crl| {
                    accept(&mut source, crl)?;
                    (source.etag, source.last_modified) = (etag, last_modified);
                    Ok(())
                })
        }
        Err(error) => Err(with_causes(&error)),
    };
    let now = context.clock.now();
    source.checked_at = Some(now);
    match outcome {
        Ok(()) => {
            source.failures = 0;
            source.error = None;
            source.check_at =
                Some(now.saturating_add(jitter(until_half(source.crl.as_ref(), now))));
        }
        Err(why) => {
            warn!(%ca_set, url, reason = why, failures = source.failures + 1, "a CRL could not be fetched");
            let pause = RETRY_MIN
                .saturating_mul(1 << source.failures.min(7))
                .min(RETRY_MAX);
            source.failures = source.failures.saturating_add(1);
            source.error = Some(why.chars().take(1_000).collect());
            source.check_at = Some(now.saturating_add(jitter(pause)));
        }
    }
    let mut write = context.store.write().await?;
    // Somebody may have removed it meanwhile, or said otherwise how it is to be fetched.
    let Some(asked) = store::crls::find(write.connection(), source.id).await? else {
        return Ok(());
    };
    let of = |source: &CrlSource| (source.private_network, source.from_certificate);
    if of(&asked) != of(&source) {
        (source.private_network, source.from_certificate) = of(&asked);
        source.failures = 0;
        source.check_at = Some(now);
    }
    store::crls::put(write.connection(), &source).await?;
    // What was fetched is signed by its issuer and concerns no setting: the source was recorded when somebody added it.
    write.commit_progress().await?;
    if let Some(crl) = source.crl.filter(|crl| Some(crl.digest) != before) {
        info!(%ca_set, url, issuer = crl.issuer, entries = crl.entries, "a CRL was fetched");
        context.revocations.changed();
    }
    Ok(())
}

/// Takes a newer one; an older one of the same issuer is an old answer, or an attack.
fn accept(source: &mut CrlSource, crl: HeldCrl) -> Result<(), String> {
    if let Some(known) = &source.crl
        && known.issuer == crl.issuer
        && known.is_delta == crl.is_delta
        && crl.this_update < known.this_update
    {
        return Err(format!(
            "the CRL of {} is older than the one of {} that is here",
            crl.this_update, known.this_update
        ));
    }
    source.crl = Some(crl);
    Ok(())
}

/// At half of the time that the CRL has left, so that there is as much time again for the fetching to go wrong.
fn until_half(crl: Option<&HeldCrl>, now: UnixTime) -> Duration {
    let Some(next) = crl.and_then(|crl| crl.next_update) else {
        return CHECK_DEFAULT;
    };
    if next <= now {
        return CHECK_OVER;
    }
    let left = next.as_micros().saturating_sub(now.as_micros());
    Duration::from_micros(left.unsigned_abs() / 2).clamp(CHECK_MIN, CHECK_MAX)
}
