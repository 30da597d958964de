//! The controller as a whole.

use std::sync::Arc;

use countersign_snapshot::{Network, SignedSnapshot, StatusSource, VerifyingKey};
use countersign_trust::UnixTime;
use tokio::sync::{Mutex, Notify, watch};

use crate::app::revocations::{BodyFiles, RevocationPublisher};
use crate::app::{
    Accounts, Activations, ApiClients, AuditLog, CaSets, ClientCredentials, Context, Crls,
    Declarations, EdgeCertificates, Engine, Explanations, ExtendedKeyUsageRules, Features,
    ForwardingKeys, Loaded, Ocsp, Properties, Renewals, Revocations, ServiceError, Sites, Versions,
    deletions, forwarding_keys,
};
use crate::model::{AccountId, Caller};
use crate::store::{DirectoryLock, Store, StoreError};
use crate::{ControllerConfig, Limits};

/// The controller could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the controller's store cannot be opened")]
pub struct OpenError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl From<StoreError> for OpenError {
    fn from(cause: StoreError) -> Self {
        Self(cause.into())
    }
}

/// A running control plane. Cheap to clone; all clones are the same controller.
#[derive(Clone, Debug)]
pub struct Controller {
    context: Arc<Context>,
    engine: Arc<Mutex<Option<Engine>>>,
    _lock: Arc<DirectoryLock>,
}

impl Controller {
    /// Opens the store, brings its schema up to date and makes sure that the first account exists.
    ///
    /// # Errors
    /// When the data directory cannot be used, belongs to a running controller, or holds what this version cannot read.
    pub async fn open(config: ControllerConfig) -> Result<Self, OpenError> {
        let (store, lock) = Store::open(&config.data_dir).await?;
        let bodies = BodyFiles::new(&config.data_dir);
        let context = Context {
            revocations: RevocationPublisher::new(bodies),
            loaded: Loaded::default(),
            crls_due: Notify::new(),
            crls_under_way: Default::default(),
            asking: Default::default(),
            ocsp_due: Notify::new(),
            policies: watch::Sender::new(0),
            store,
            clock: config.clock,
            distribution: config.distribution,
            sealing_key: config.sealing_key,
            signing_key: config.signing_key,
            limits: config.limits,
            work: Arc::new(Notify::new()),
            progress: watch::Sender::new(0),
        };
        let needed = {
            let mut read = context.store.read().await?;
            crate::store::crls::bodies(&mut read).await?
        };
        // Before anything is kept whose row is still to come.
        context.revocations.bodies().retain(&needed);
        ensure_account(&context, &config.account).await?;
        forwarding_keys::ensure(&context, &internal(&config.account))
            .await
            .map_err(|cause| OpenError(cause.into()))?;
        Ok(Self {
            context: Arc::new(context),
            engine: Arc::default(),
            _lock: Arc::new(lock),
        })
    }

    /// The accounts.
    #[must_use]
    pub fn accounts(&self) -> Accounts<'_> {
        Accounts::new(&self.context)
    }

    /// Activations and deactivations of CA sets.
    #[must_use]
    pub fn activations(&self) -> Activations<'_> {
        Activations::new(&self.context)
    }

    /// Who may call.
    #[must_use]
    pub fn api_clients(&self) -> ApiClients<'_> {
        ApiClients::new(&self.context)
    }

    /// Changes whenever something that was asked of the networks came further or ended.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<u64> {
        self.context.progress.subscribe()
    }

    /// CA sets.
    #[must_use]
    pub fn ca_sets(&self) -> CaSets<'_> {
        CaSets::new(&self.context)
    }

    /// Versions of CA sets.
    #[must_use]
    pub fn versions(&self) -> Versions<'_> {
        Versions::new(&self.context)
    }

    /// Client credentials.
    #[must_use]
    pub fn client_credentials(&self) -> ClientCredentials<'_> {
        ClientCredentials::new(&self.context)
    }

    /// Edge certificates.
    #[must_use]
    pub fn edge_certificates(&self) -> EdgeCertificates<'_> {
        EdgeCertificates::new(&self.context)
    }

    /// Sites.
    #[must_use]
    pub fn sites(&self) -> Sites<'_> {
        Sites::new(&self.context)
    }

    /// Declarations: everything in one document.
    #[must_use]
    pub fn declarations(&self) -> Declarations<'_> {
        Declarations::new(&self.context)
    }

    /// Properties.
    #[must_use]
    pub fn properties(&self) -> Properties<'_> {
        Properties::new(&self.context)
    }

    /// CRLs of CA sets, and what is done about revocation for each.
    #[must_use]
    pub fn crls(&self) -> Crls<'_> {
        Crls::new(&self.context)
    }

    /// What the extended key usage of a CA set's clients must say.
    #[must_use]
    pub fn extended_key_usage_rules(&self) -> ExtendedKeyUsageRules<'_> {
        ExtendedKeyUsageRules::new(&self.context)
    }

    /// Which features an account has.
    #[must_use]
    pub fn features(&self) -> Features<'_> {
        Features::new(&self.context)
    }

    /// What edges sign the requests with that they forward.
    #[must_use]
    pub fn forwarding_keys(&self) -> ForwardingKeys<'_> {
        ForwardingKeys::new(&self.context)
    }

    /// OCSP, and who may be asked about the clients of a CA set.
    #[must_use]
    pub fn ocsp(&self) -> Ocsp<'_> {
        Ocsp::new(&self.context)
    }

    /// Whom edge nodes ask about clients that they never saw before.
    #[must_use]
    pub fn status_source(&self) -> Arc<dyn StatusSource> {
        Arc::new(crate::app::ocsp::Source(Arc::clone(&self.context)))
    }

    /// What networks say to clients, and why.
    #[must_use]
    pub fn explanations(&self) -> Explanations<'_> {
        Explanations::new(&self.context)
    }

    /// What is to be renewed.
    #[must_use]
    pub fn renewals(&self) -> Renewals<'_> {
        Renewals::new(&self.context)
    }

    /// Revocations by hand.
    #[must_use]
    pub fn revocations(&self) -> Revocations<'_> {
        Revocations::new(&self.context)
    }

    /// Starts to carry out what the networks are asked to enforce; until then, activations and deployments stay in progress.
    ///
    /// The work stops when the controller is closed or its last clone dropped, and goes on where it was after the next start.
    pub async fn start(&self) {
        let mut engine = self.engine.lock().await;
        if engine.is_none() {
            *engine = Some(Engine::start(&self.context));
        }
    }

    /// The key that edge nodes pin.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.context.signing_key.verifying_key()
    }

    /// What a network enforces: a node that joins is offered it before it serves. None before the first start.
    ///
    /// # Errors
    /// When the store fails or holds no snapshot where one should be.
    pub async fn current_snapshot(
        &self,
        network: Network,
    ) -> Result<Option<Arc<SignedSnapshot>>, ServiceError> {
        let mut read = self
            .context
            .store
            .read()
            .await
            .map_err(ServiceError::from)?;
        let stored = crate::store::networks::current(&mut read, network).await?;
        stored
            .map(|stored| SignedSnapshot::from_bytes(&stored.body).map(Arc::new))
            .transpose()
            .map_err(ServiceError::internal)
    }

    /// Who changed what.
    #[must_use]
    pub fn audit(&self) -> AuditLog<'_> {
        AuditLog::new(&self.context)
    }

    /// The REST API, with authentication, limits and problem documents.
    ///
    /// A request without a [`Connection`] among its extensions counts as having come over TLS from nowhere in particular.
    pub fn router(&self) -> axum::Router {
        crate::api::router(self.clone())
    }

    /// The time, as the controller sees it.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.context.clock.now()
    }

    /// How much is allowed.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.context.limits
    }

    /// Brings what is in progress closer to its end: idempotent, to be called at the start and whenever
    /// [`Activations::work`] says that there is work.
    ///
    /// # Errors
    /// When the store fails; the next call goes on from there.
    pub async fn reconcile(&self) -> Result<(), ServiceError> {
        Ok(deletions::reconcile(&self.context).await?)
    }

    /// Waits for running transactions and closes the store. Other clones fail from then on.
    pub async fn close(&self) {
        if let Some(mut engine) = self.engine.lock().await.take() {
            engine.stop().await;
        }
        self.context.store.close().await;
    }
}

async fn ensure_account(context: &Context, account: &AccountId) -> Result<(), StoreError> {
    crate::app::ensure_account(context, &internal(account), account.as_str()).await
}

fn internal(account: &AccountId) -> Caller {
    Caller::internal(account.clone(), "countersign controller")
}
