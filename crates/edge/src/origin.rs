//! Where requests go: connections to origins, kept open and shared by all clients.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_rules::OriginCredential;
use countersign_snapshot::{
    CheckedSnapshot, ClientCredential, ForwardedHeaders, OriginAsks, OriginId, OriginTimeouts,
    SealingKey,
};
use countersign_tls::{OriginConnector, TlsContext};
use countersign_trust::Certificate;

use crate::Limits;

mod beside;
mod choose;
mod connect;
mod counts;
mod dial;
mod endpoint;
mod error;
mod health;
mod health_check;
mod http1;
mod lease;
mod overhear;
mod pool;
mod refusal_page;
mod retry;
mod send;
mod transport;

pub(crate) use countersign_tls::BuildOriginError;
pub(crate) use counts::OriginCounts;
pub(crate) use dial::OriginIo;
pub(crate) use error::OriginError;
pub(crate) use http1::Http1Error;
pub(crate) use lease::{Lease, Needs};
pub(crate) use refusal_page::{SuspectedRefusal, suspected_refusal};
pub(crate) use send::{AskedHost, Outgoing};

/// The origins of a snapshot.
#[derive(Debug)]
pub(crate) struct Origins {
    by_id: HashMap<String, Arc<Origin>>,
    /// Origins with a credential that a rule chose, made when the first request needs them.
    with_credential: Mutex<WithCredential>,
    credentials: HashMap<String, ClientCredential>,
    tls: Arc<TlsContext>,
    longest_silence: Duration,
}

/// By the ids of origin and credential, and whether the origin has to ask for it.
type WithCredential = HashMap<(String, String, bool), Arc<Origin>>;

/// One origin under one TLS policy and with one credential: all that makes its connections interchangeable.
#[derive(Debug)]
pub(crate) struct Origin {
    model: countersign_snapshot::Origin,
    /// The id and the chain, by which a taken-over origin is known to be the same. An id names one version for ever.
    credential: Option<ClientCredential>,
    connector: Option<OriginConnector>,
    credential_expires: Option<i64>,
    endpoints: Vec<endpoint::Endpoint>,
    /// Whether an endpoint is known by name, so that its addresses may change.
    has_names: bool,
    turn: AtomicU64,
    retries: retry::RetryBudget,
    max_idle: usize,
    max_idle_time: Duration,
    counts: Arc<counts::Counts>,
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
                None => Origin::build(model, own, model.policy.asks, sealing_key, tls, limits)
                    .map_err(|error| (model.id.clone(), error))?,
            };
            by_id.insert(model.id.to_string(), origin);
        }
        let with_credential = previous.map_or_else(HashMap::new, |previous| {
            previous.made_for(&by_id, &credentials)
        });
        Ok(Self {
            by_id,
            with_credential: Mutex::new(with_credential),
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

    /// Origins with a credential that a rule chose, as far as they are the same under another snapshot.
    fn made_for(
        &self,
        by_id: &HashMap<String, Arc<Origin>>,
        credentials: &HashMap<String, ClientCredential>,
    ) -> WithCredential {
        let made = self
            .with_credential
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        made.iter()
            .filter(|((id, credential, _), made)| {
                let same = by_id.get(id).zip(credentials.get(credential));
                same.is_some_and(|(origin, credential)| made.is(&origin.model, Some(credential)))
            })
            .map(|(key, made)| (key.clone(), Arc::clone(made)))
            .collect()
    }

    /// The origin with this id.
    pub(crate) fn of(&self, id: &str) -> Option<&Arc<Origin>> {
        self.by_id.get(id)
    }

    /// The same origin with the credential that a rule chose, and as it wants it to be asked for.
    ///
    /// # Errors
    /// When the origin is plain HTTP, the credential is not in the snapshot, or cannot be used: a rule that wants to prove the edge's
    /// identity is never obeyed without the proof.
    pub(crate) fn with_credential(
        &self,
        origin: &Arc<Origin>,
        chosen: &OriginCredential<'_>,
        sealing_key: &SealingKey,
        limits: &Limits,
    ) -> Result<Arc<Origin>, OriginError> {
        let credential = chosen.version_guid;
        let asks = if chosen.origin_must_ask {
            OriginAsks::Always
        } else {
            origin.model.policy.asks
        };
        let is_own = |own: &ClientCredential| own.id.as_str() == credential;
        if asks == origin.model.policy.asks && origin.credential.as_ref().is_some_and(is_own) {
            return Ok(Arc::clone(origin));
        }
        let must_ask = asks == OriginAsks::Always;
        let key = (origin.id().to_owned(), credential.to_owned(), must_ask);
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
        let built = Origin::build(
            &origin.model,
            Some(model),
            asks,
            sealing_key,
            &self.tls,
            limits,
        )
        .map_err(|error| OriginError::credential_unusable(&error))?;
        if built.connector.is_none() {
            return Err(OriginError::credential_without_tls());
        }
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
        asks: OriginAsks,
        sealing_key: &SealingKey,
        tls: &TlsContext,
        limits: &Limits,
    ) -> Result<Arc<Self>, BuildOriginError> {
        let shown = credential.map(|credential| (credential, sealing_key));
        let connect = |policy| {
            let connector = OriginConnector::build(policy, shown, tls)?;
            Ok(match asks {
                OriginAsks::Always => connector.only_if_asked(),
                OriginAsks::Maybe => connector,
            })
        };
        let connector = model.scheme.tls().map(connect).transpose()?;
        let endpoints: Vec<_> = model
            .endpoints
            .iter()
            .map(endpoint::Endpoint::new)
            .collect();
        let origin = Arc::new(Self {
            connector,
            credential: credential.cloned(),
            credential_expires: credential
                .and_then(|credential| credential.chain.first())
                .and_then(|leaf| Certificate::from_der(leaf).ok())
                .map(|leaf| leaf.validity().not_after.as_secs()),
            has_names: endpoints.iter().any(endpoint::Endpoint::is_name),
            endpoints,
            turn: AtomicU64::new(0),
            retries: retry::RetryBudget::new(&model.policy.retries),
            max_idle: limits.idle_origin_connections,
            max_idle_time: limits.idle_origin_connection,
            counts: Arc::default(),
            model: model.clone(),
        });
        health_check::begin(&origin);
        Ok(origin)
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

    pub(crate) fn forwarded(&self) -> &ForwardedHeaders {
        &self.model.policy.forwarded
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.connector.is_some()
    }

    fn prune(&self) {
        for endpoint in &self.endpoints {
            for address in endpoint.addresses().iter() {
                address.pool.prune(self.max_idle_time);
            }
        }
    }
}

fn silence(timeouts: &OriginTimeouts) -> Duration {
    timeouts
        .connect
        .saturating_add(timeouts.first_byte)
        .max(timeouts.idle)
}
