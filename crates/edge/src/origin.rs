//! Where requests go: connections to origins, kept open and shared by all clients.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_snapshot::{
    CheckedSnapshot, ClientCredential, Endpoint, HostHeader, OriginId, OriginTimeouts, SealingKey,
};
use countersign_tls::{OriginAlpn, OriginConnector, TlsContext};

use crate::Limits;

mod connect;
mod counts;
mod error;
mod pool;

pub(crate) use countersign_tls::BuildOriginError;
pub(crate) use counts::OriginCounts;
pub(crate) use error::OriginError;
pub(crate) use pool::{Lease, Wanted};

/// The origins of a snapshot.
#[derive(Debug)]
pub(crate) struct Origins {
    by_id: HashMap<String, Arc<Origin>>,
    /// Origins with a credential that a rule chose, made when the first request needs them.
    with_credential: Mutex<HashMap<(String, String), Arc<Origin>>>,
    credentials: HashMap<String, ClientCredential>,
    tls: Arc<TlsContext>,
    longest_silence: Duration,
}

/// One origin under one TLS policy and with one credential: all that makes its connections interchangeable.
#[derive(Debug)]
pub(crate) struct Origin {
    model: countersign_snapshot::Origin,
    /// The id and the chain, by which a taken-over origin is known to be the same. An id names one version for ever.
    credential: Option<ClientCredential>,
    connector: Option<OriginConnector>,
    endpoints: Vec<pool::Pool>,
    weights: u64,
    turn: AtomicU64,
    max_idle: usize,
    max_idle_time: Duration,
    counts: counts::Counts,
}

impl Origins {
    /// Builds every origin; those that are the same as in `previous` are taken over with their open connections.
    pub(crate) fn build(
        checked: &CheckedSnapshot,
        sealing_key: &SealingKey,
        tls: &Arc<TlsContext>,
        previous: Option<&Self>,
        limits: &Limits,
    ) -> Result<Self, (OriginId, BuildOriginError)> {
        let credentials: HashMap<String, ClientCredential> = checked
            .client_credentials()
            .iter()
            .map(|credential| (credential.id.to_string(), credential.clone()))
            .collect();
        let mut by_id = HashMap::with_capacity(checked.origins().len());
        for model in checked.origins() {
            let own = model
                .scheme
                .tls()
                .and_then(|policy| policy.client_credential.as_ref())
                .and_then(|id| credentials.get(id.as_str()));
            let known = previous
                .and_then(|previous| previous.by_id.get(model.id.as_str()))
                .filter(|known| known.is(model, own));
            let origin = match known {
                Some(known) => Arc::clone(known),
                None => Arc::new(
                    Origin::build(model, own, sealing_key, tls, limits)
                        .map_err(|error| (model.id.clone(), error))?,
                ),
            };
            by_id.insert(model.id.to_string(), origin);
        }
        Ok(Self {
            by_id,
            with_credential: Mutex::default(),
            credentials,
            tls: Arc::clone(tls),
            longest_silence: checked
                .origins()
                .iter()
                .map(|model| silence(&model.timeouts))
                .max()
                .unwrap_or_default(),
        })
    }

    /// The origin with this id.
    pub(crate) fn of(&self, id: &str) -> Option<&Arc<Origin>> {
        self.by_id.get(id)
    }

    /// The same origin with another credential.
    ///
    /// # Errors
    /// When the origin is plain HTTP, the credential is not in the snapshot, or cannot be used: a rule that wants to prove the edge's
    /// identity is never obeyed without the proof.
    pub(crate) fn with_credential(
        &self,
        origin: &Arc<Origin>,
        credential: &str,
        sealing_key: &SealingKey,
        limits: &Limits,
    ) -> Result<Arc<Origin>, OriginError> {
        if origin
            .credential
            .as_ref()
            .is_some_and(|own| own.id.as_str() == credential)
        {
            return Ok(Arc::clone(origin));
        }
        let key = (origin.id().to_owned(), credential.to_owned());
        let mut made = self
            .with_credential
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(&key) {
            return Ok(Arc::clone(known));
        }
        let model = self
            .credentials
            .get(credential)
            .ok_or_else(|| OriginError::credential_missing(credential))?;
        let built = Origin::build(&origin.model, Some(model), sealing_key, &self.tls, limits)
            .map_err(|error| OriginError::credential_unusable(&error))?;
        if built.connector.is_none() {
            return Err(OriginError::credential_without_tls());
        }
        let built = Arc::new(built);
        made.insert(key, Arc::clone(&built));
        Ok(built)
    }

    /// How long the slowest of them may be silent before the edge gives up.
    pub(crate) fn longest_silence(&self) -> Duration {
        self.longest_silence
    }

    /// Closes connections that nobody needed for long.
    pub(crate) fn prune(&self) {
        self.for_each(Origin::prune);
    }

    /// Visits every origin, also those with a credential that a rule chose.
    fn for_each(&self, mut visit: impl FnMut(&Origin)) {
        self.by_id.values().for_each(|origin| visit(origin));
        let made = self
            .with_credential
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        made.values().for_each(|origin| visit(origin));
    }
}

impl Origin {
    fn build(
        model: &countersign_snapshot::Origin,
        credential: Option<&ClientCredential>,
        sealing_key: &SealingKey,
        tls: &TlsContext,
        limits: &Limits,
    ) -> Result<Self, BuildOriginError> {
        let alpn = if model.scheme.is_http() {
            OriginAlpn::Http1
        } else {
            OriginAlpn::None
        };
        let connector = match model.scheme.tls() {
            None => None,
            Some(policy) => Some(OriginConnector::build(
                policy,
                credential.map(|credential| (credential, sealing_key)),
                alpn,
                tls,
            )?),
        };
        Ok(Self {
            connector,
            credential: credential.cloned(),
            endpoints: model
                .endpoints
                .iter()
                .map(|_| pool::Pool::default())
                .collect(),
            weights: model
                .endpoints
                .iter()
                .map(|endpoint| u64::from(endpoint.weight))
                .sum(),
            turn: AtomicU64::new(0),
            max_idle: limits.idle_origin_connections,
            max_idle_time: limits.idle_origin_connection,
            counts: counts::Counts::default(),
            model: model.clone(),
        })
    }

    fn is(
        &self,
        model: &countersign_snapshot::Origin,
        credential: Option<&ClientCredential>,
    ) -> bool {
        let credential_is = match (&self.credential, credential) {
            (None, None) => true,
            // The sealed key differs with every sealing; the chain holds the public key.
            (Some(own), Some(other)) => own.id == other.id && own.chain == other.chain,
            _ => false,
        };
        credential_is && self.model == *model
    }

    pub(crate) fn id(&self) -> &str {
        self.model.id.as_str()
    }

    pub(crate) fn timeouts(&self) -> &OriginTimeouts {
        &self.model.timeouts
    }

    pub(crate) fn host_header(&self) -> &HostHeader {
        &self.model.host_header
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.connector.is_some()
    }

    /// An endpoint, in turn by weight.
    fn next_endpoint(&self) -> Option<usize> {
        let turn = self
            .turn
            .fetch_add(1, Ordering::Relaxed)
            .checked_rem(self.weights)?;
        let mut below = 0;
        self.model.endpoints.iter().position(|endpoint| {
            below += u64::from(endpoint.weight);
            turn < below
        })
    }

    fn endpoint(&self, index: usize) -> Option<&Endpoint> {
        self.model.endpoints.get(index)
    }

    fn prune(&self) {
        self.endpoints
            .iter()
            .for_each(|pool| pool.prune(self.max_idle_time));
    }
}

fn silence(timeouts: &OriginTimeouts) -> Duration {
    timeouts
        .connect
        .saturating_add(timeouts.first_byte)
        .max(timeouts.idle)
}
