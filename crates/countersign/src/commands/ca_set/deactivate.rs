//! `countersign ca-set deactivate`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::Network;
use crate::ca_set::find::{self, VersionChoice};
use crate::ca_set::impact::{self, Consent};
use crate::ca_set::wait::Wait;
use crate::connection::Session;

/// Makes a network forget a CA set. Refused while something there uses it.
#[derive(Debug, Args)]
pub(crate) struct Deactivate {
    /// Its name or id.
    set: String,
    /// Where.
    #[arg(long, value_enum)]
    network: Network,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    wait: Wait,
}

impl Deactivate {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let set = find::ca_set(client, &self.set).await?;
        let active = match self.network {
            Network::Production => VersionChoice::Production,
            Network::Staging => VersionChoice::Staging,
        };
        let (version, network) = (active.of(&set)?, self.network.wire());
        let impact = impact::of_deactivation(client, &set, version, network).await?;
        self.consent.require(&impact)?;
        let deactivation = client.deactivate(&set.ca_set_id, version, network).await?;
        self.wait.activation(session, deactivation).await
    }
}
