//! The store of an instance that does not run, opened by a command on the same machine.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use countersign_controller::{
    AccountId, BoxFuture, Caller, Controller, ControllerConfig, Distribution, Limits,
};
use countersign_snapshot::{
    Acknowledgement, Network, NodeId, RevocationAcknowledgement, RevocationBodies,
    SignedRevocations, SignedSnapshot,
};

use crate::clock::SystemClock;
use crate::data_dir::DataDir;
use crate::instance::{FIRST_ACCOUNT, STORE_FILE};

/// A stopped instance; nobody else can start it while this is held.
#[derive(Debug)]
pub(crate) struct StoppedInstance {
    pub(crate) controller: Controller,
    _data: DataDir,
}

/// A stopped instance has no edges.
#[derive(Debug)]
struct NoEdges;

impl Distribution for NoEdges {
    fn offer(&self, _: Network, _: Arc<SignedSnapshot>) -> BoxFuture<'_, Vec<Acknowledgement>> {
        Box::pin(async { Vec::new() })
    }

    fn offer_revocations(
        &self,
        _: Network,
        _: Arc<SignedRevocations>,
        _: Arc<dyn RevocationBodies>,
    ) -> BoxFuture<'_, Vec<RevocationAcknowledgement>> {
        Box::pin(async { Vec::new() })
    }

    fn nodes(&self, _: Network) -> Vec<NodeId> {
        Vec::new()
    }
}

impl StoppedInstance {
    /// Opens the directory's store; `None` when there is none, or its instance runs.
    pub(crate) async fn open(root: &Path) -> Result<Option<Self>> {
        if !root.join("store").join(STORE_FILE).is_file() {
            return Ok(None);
        }
        let Some(data) = DataDir::open_unless_in_use(root)? else {
            return Ok(None);
        };
        let controller = Controller::open(ControllerConfig {
            data_dir: data.path("store"),
            account: AccountId::new(FIRST_ACCOUNT),
            clock: Arc::new(SystemClock),
            distribution: Arc::new(NoEdges),
            sealing_key: Arc::new(data.sealing_key()?),
            signing_key: Arc::new(data.signing_key()?),
            limits: Limits::default(),
        })
        .await
        .with_context(|| format!("cannot open the store of {}", root.display()))?;
        Ok(Some(Self {
            controller,
            _data: data,
        }))
    }

    /// Ends the work on a store.
    pub(crate) async fn close(instance: Option<Self>) {
        if let Some(instance) = instance {
            instance.controller.close().await;
        }
    }

    /// Who asks: somebody who can read the instance's keys.
    pub(crate) fn caller(&self) -> Caller {
        Caller::internal(AccountId::new(FIRST_ACCOUNT), "local command line")
    }
}
