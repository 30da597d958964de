//! `countersign ca-set activate`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::Network;
use crate::ca_set::find::{self, VersionChoice};
use crate::ca_set::impact::{self, Consent};
use crate::ca_set::wait::Wait;
use crate::connection::Session;
use crate::output::warn;

/// Makes a network enforce a version. It is frozen from then on.
///
/// When clients would lose access (a CA is missing or ends earlier than in the active version), the impact is shown and `--yes` wanted.
#[derive(Debug, Args)]
pub(crate) struct Activate {
    /// The CA set's name or id.
    set: String,
    /// A number, `latest`, `staging` or `production` (what is active there).
    version: VersionChoice,
    /// Where.
    #[arg(long, value_enum)]
    network: Network,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    wait: Wait,
}

impl Activate {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let set = find::ca_set(client, &self.set).await?;
        let version = self.version.of(&set)?;
        let network = self.network.wire();
        if let Some(impact) = impact::of_activation(client, &set, version, network).await? {
            self.consent.require(&impact)?;
        }
        let activation = client.activate(&set.ca_set_id, version, network).await?;
        if let Some(validation) = &activation.validation {
            warn(&validation.warnings);
        }
        self.wait.activation(session, activation).await
    }
}
