//! The certificates that the edge presents itself: their answers are fetched ahead and told to every node, to be stapled to handshakes.

use std::sync::Arc;

use countersign_api::v1::edge_certificates::OcspStapling;
use countersign_api::v1::ocsp::{Nonce, RevocationSources};
use countersign_trust::Certificate;

use super::asker;
use crate::app::{Context, ServiceError};
use crate::store;

/// Notes the certificates whose answers are to be stapled: those that a network presents and that name a responder. The answers of those that
/// are presented no more are forgotten.
pub(super) async fn look(context: &Arc<Context>) -> Result<(), ServiceError> {
    let (presented, known) = {
        let mut read = context.store.read_consistently().await?;
        (
            store::ocsp::presented(&mut read).await?,
            store::ocsp::presented_before(&mut read).await?,
        )
    };
    let mut wanted = Vec::new();
    for (chain, stapling) in presented {
        if let [leaf, issuer, ..] = chain.as_slice()
            && stapling != OcspStapling::Off
            && !leaf.ocsp_uris().is_empty()
            && leaf.verify_signed_by(issuer.public_key()).is_ok()
        {
            wanted.push((leaf.clone(), issuer.clone(), stapling));
        }
    }
    let is_wanted = |certificate: &Certificate| wanted.iter().any(|(it, ..)| it == certificate);
    let gone: Vec<_> = known
        .iter()
        .filter(|(_, certificate)| !is_wanted(certificate))
        .collect();
    if !gone.is_empty() {
        let mut write = context.store.write().await?;
        for (id, _) in gone {
            store::ocsp::delete(write.connection(), *id).await?;
        }
        write.commit_progress().await?;
        context.revocations.changed();
    }
    let private = wanted
        .iter()
        .filter(|(.., stapling)| *stapling == OcspStapling::PrivateNetwork)
        .map(|(leaf, ..)| leaf.fingerprint())
        .collect();
    context.asking.set_private(private);
    for (leaf, issuer, _) in &wanted {
        if !known.iter().any(|(_, certificate)| certificate == leaf) {
            asker::note(context, None, leaf, issuer).await?;
        }
    }
    Ok(())
}

/// The same answer goes to every client, so that it may be one that was prepared ahead.
pub(super) fn sources(private_network: bool) -> RevocationSources {
    RevocationSources {
        nonce: Nonce::Off,
        private_network,
        ..RevocationSources::default()
    }
}
