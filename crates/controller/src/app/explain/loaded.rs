//! What networks enforce, ready to be judged with; kept until it changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_snapshot::{
    CheckedSnapshot, Generation, LoadedRevocations, Network, RevocationBodies, SignedSnapshot,
};
use countersign_trust::RevocationIndex;

use crate::app::{Context, ServiceError};
use crate::store;

/// The last snapshot of each network and the last revocations that somebody asked about.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    snapshots: Mutex<HashMap<Network, (Generation, Arc<CheckedSnapshot>)>>,
    revocations: Mutex<Option<Arc<LoadedRevocations>>>,
}

/// What the network enforces; `None` before its first snapshot.
pub(super) async fn snapshot(
    context: &Context,
    network: Network,
) -> Result<Option<Arc<CheckedSnapshot>>, ServiceError> {
    let stored = {
        let mut read = context.store.read().await?;
        store::networks::current(&mut read, network).await?
    };
    let Some(stored) = stored else {
        return Ok(None);
    };
    let generation = stored.generation;
    let known = {
        let snapshots = context.loaded.snapshots.lock();
        let snapshots = snapshots.unwrap_or_else(PoisonError::into_inner);
        snapshots.get(&network).cloned()
    };
    if let Some((of, checked)) = known
        && of == generation
    {
        return Ok(Some(checked));
    }
    let key = context.signing_key.verifying_key();
    let checked = tokio::task::spawn_blocking(move || {
        let signed = SignedSnapshot::from_bytes(&stored.body).map_err(ServiceError::internal)?;
        let snapshot = signed
            .verify(&key, network)
            .map_err(ServiceError::internal)?;
        CheckedSnapshot::check(snapshot)
            .map(Arc::new)
            .map_err(|problems| {
                let first = problems.into_iter().next();
                ServiceError::internal(
                    first.map_or_else(String::new, |problem| problem.to_string()),
                )
            })
    })
    .await
    .map_err(ServiceError::internal)??;
    let snapshots = context.loaded.snapshots.lock();
    snapshots
        .unwrap_or_else(PoisonError::into_inner)
        .insert(network, (generation, Arc::clone(&checked)));
    Ok(Some(checked))
}

/// What is known about revoked certificates, as edge nodes are told.
pub(crate) async fn revocations(context: &Context) -> Result<Arc<RevocationIndex>, ServiceError> {
    let signed = context.revocations.manifest(context).await?;
    let key = context.signing_key.verifying_key();
    let manifest = signed.verify(&key).map_err(ServiceError::internal)?;
    let previous = {
        let revocations = context.loaded.revocations.lock();
        revocations.unwrap_or_else(PoisonError::into_inner).clone()
    };
    if let Some(known) = &previous
        && known.sequence() == manifest.sequence
    {
        return Ok(Arc::clone(known.index()));
    }
    let bodies = Arc::clone(context.revocations.bodies());
    let loaded = tokio::task::spawn_blocking(move || {
        LoadedRevocations::load(&manifest, previous.as_deref(), |body| bodies.read(body))
    })
    .await
    .map_err(ServiceError::internal)?
    .map_err(ServiceError::internal)?;
    let loaded = Arc::new(loaded);
    *context
        .loaded
        .revocations
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&loaded));
    Ok(Arc::clone(loaded.index()))
}
