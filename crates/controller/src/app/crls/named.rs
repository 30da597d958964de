//! CRLs that certificates of clients name: fetched when such a client comes for the first time, and looked after from then on.

use std::sync::Arc;

use countersign_snapshot::{CaSetId, Network};
use countersign_trust::Certificate;
use tracing::warn;

use super::{COUNTER, SOURCES_MAX, fetcher};
use crate::app::{Context, ServiceError, ocsp};
use crate::model::CrlSource;
use crate::store;

/// Of what one certificate names, so many are fetched.
const OF_ONE_MAX: usize = 4;
/// Who wrote them down.
const AUTHOR: &str = "countersign controller";

/// Fetches the CRLs that a certificate of a client names, as far as their hosts may be asked, and tells the nodes of them. Returns when that
/// is done, or at once when all of them are looked after already.
pub(crate) async fn fetch_named(
    context: &Arc<Context>,
    ca_set: CaSetId,
    certificate: &Certificate,
) -> Result<(), ServiceError> {
    let named = certificate.crl_uris();
    if named.is_empty() {
        return Ok(());
    }
    let (sources, hosts, _) = ocsp::settings(context, Some(ca_set), certificate).await?;
    let allowed: Vec<_> = named
        .into_iter()
        .filter(|url| url.parse().is_ok_and(|uri| hosts.allow(&uri)))
        .take(OF_ONE_MAX)
        .collect();
    let mut fetched = false;
    for url in allowed {
        let Some(source) = noted(context, ca_set, url, sources.private_network).await? else {
            continue;
        };
        // One that was fetched, or could not be a moment ago, is the affair of its own time.
        if source.crl.is_some() || source.failures > 0 {
            continue;
        }
        fetcher::refresh_once(context, source).await;
        fetched = true;
    }
    if fetched {
        let patience = context.limits.acknowledgement_deadline;
        for network in Network::ALL {
            context
                .revocations
                .publish(context, network, patience)
                .await?;
        }
    }
    Ok(())
}

/// The source of an address; made when nobody named it before. None when there are too many.
async fn noted(
    context: &Context,
    ca_set: CaSetId,
    url: &str,
    private_network: bool,
) -> Result<Option<CrlSource>, ServiceError> {
    let is_it = |source: &CrlSource| source.url.as_deref() == Some(url);
    let known = {
        let mut read = context.store.read().await?;
        store::crls::list(&mut read, ca_set).await?
    };
    if let Some(known) = known.into_iter().find(is_it) {
        return Ok(Some(known));
    }
    let mut write = context.store.write().await?;
    let known = store::crls::list(write.connection(), ca_set).await?;
    if let Some(known) = known.iter().find(|source| is_it(source)) {
        return Ok(Some(known.clone()));
    }
    if known.len() >= SOURCES_MAX {
        warn!(%ca_set, url, "a CRL that a certificate names is not fetched: the CA set has too many");
        return Ok(None);
    }
    let now = context.clock.now();
    let source = CrlSource {
        id: write.next_number(COUNTER).await?,
        ca_set,
        url: Some(url.to_owned()),
        private_network,
        from_certificate: true,
        created_at: now,
        created_by: AUTHOR.to_owned(),
        crl: None,
        checked_at: None,
        check_at: Some(now),
        failures: 0,
        error: None,
        etag: None,
        last_modified: None,
    };
    store::crls::put(write.connection(), &source).await?;
    // Whose hosts may be asked is recorded; what is found there is signed by the CA.
    write.commit_progress().await?;
    Ok(Some(source))
}
