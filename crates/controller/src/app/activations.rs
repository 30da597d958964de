//! Activations: asking for them, and ending them.

use std::sync::Arc;

use countersign_snapshot::{CaSetId, Network, VersionNumber};
use tokio::sync::Notify;

use super::{Context, ErrorCode, ServiceError};
use crate::model::{Activation, ActivationKind, Caller};

/// Activations and deactivations of CA sets.
#[derive(Clone, Copy, Debug)]
pub struct Activations<'c> {
    context: &'c Context,
}

impl<'c> Activations<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Asks a network to enforce a version, or to forget the CA set. The answer is in progress; a reconciler ends it.
    ///
    /// # Errors
    /// When the lifecycle rules forbid it, or the store fails.
    pub async fn request(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        version: VersionNumber,
        network: Network,
        kind: ActivationKind,
    ) -> Result<Activation, ServiceError> {
        let _ = (caller, ca_set, version, network, kind);
        Err(ServiceError::new(ErrorCode::CaSetNotFound, ""))
    }

    /// Wakes whoever waits for work.
    #[must_use]
    pub fn work(&self) -> Arc<Notify> {
        Arc::clone(&self.context.work)
    }
}
