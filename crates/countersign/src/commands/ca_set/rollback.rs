//! `countersign ca-set rollback`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::truststore::{ActivationStatus, ActivationType};

use crate::ca_set::impact::{self, Consent, active_version};
use crate::ca_set::wait::Wait;
use crate::ca_set::{Network, find};
use crate::connection::Session;

/// Goes back to the version that a network enforced before, in one step.
///
/// When clients would lose access by that, the impact is shown and `--yes` wanted.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The CA set's name or id.
    set: String,
    /// Where.
    #[arg(long, value_enum)]
    network: Network,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    wait: Wait,
}

impl Rollback {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let set = find::ca_set(client, &self.set).await?;
        let network = self.network.wire();
        let active = active_version(&set, network);
        // The controller decides which version it is; this looks ahead for the impact only.
        let history = client.ca_set_activations(&set.ca_set_id).await?.activations;
        let previous = history
            .into_iter()
            .filter(|known| {
                known.network == network
                    && known.activation_type == ActivationType::Activate
                    && known.activation_status == ActivationStatus::Complete
            })
            .map(|known| known.version)
            .find(|version| Some(*version) != active);
        if let Some(previous) = previous
            && let Some(impact) = impact::of_activation(client, &set, previous, network).await?
        {
            self.consent.require(&impact)?;
        }
        let activation = client.roll_back(&set.ca_set_id, network).await?;
        self.wait.activation(session, activation).await
    }
}
