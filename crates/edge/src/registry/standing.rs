//! On what the trust of connections rests. Those that have it in common are judged together where that is possible.

use std::hash::RandomState;
use std::sync::Arc;

use countersign_snapshot::{CaSetId, ServerName, Verdicts};
use countersign_tls::TrustContext;
use countersign_trust::{Certificate, ValidChain, crl_issuers};

use super::Mark;
use crate::connection::Trust;

/// A server name, the CAs above the clients' own certificates for every CA set that they are valid for, and by what that was judged.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) server_name: Arc<ServerName>,
    /// As of the last sweep. Connections that were judged by something newer may have it too.
    pub(crate) context: TrustContext,
    /// The chain of one of them; what is above its own certificate is that of all.
    pub(crate) valid: Vec<(CaSetId, ValidChain)>,
}

impl Standing {
    pub(super) fn of(server_name: &Arc<ServerName>, trust: &Trust) -> Self {
        let valid = trust.verdicts().valid_chains();
        Self {
            server_name: Arc::clone(server_name),
            context: trust.binding().trust().clone(),
            valid: valid.map(|(id, chain)| (id, chain.clone())).collect(),
        }
    }

    /// The same, judged by something newer.
    pub(crate) fn under(&self, context: TrustContext) -> Self {
        Self {
            server_name: Arc::clone(&self.server_name),
            context,
            valid: self.valid.clone(),
        }
    }
}

/// The path above the client's own certificate.
pub(crate) fn cas(chain: &ValidChain) -> &[Certificate] {
    chain.path().get(1..).unwrap_or_default()
}

/// Equal for connections of one standing. Which CRLs tell about a client is told by its own certificate too, so that it is a part.
pub(super) fn mark(keys: &RandomState, server_name: &ServerName, verdicts: &Verdicts) -> Mark {
    let valid: Vec<_> = verdicts
        .valid_chains()
        .map(|(id, chain)| {
            let cas: Vec<_> = cas(chain).iter().map(Certificate::fingerprint).collect();
            let crl_issuers = chain.path().first().map(crl_issuers);
            (id, cas, crl_issuers)
        })
        .collect();
    Mark::of_standing(keys, (server_name, valid))
}
