//! `countersign property activate`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::Network;
use crate::ca_set::impact::Consent;
use crate::ca_set::wait::Wait;
use crate::connection::Session;
use crate::deployed::report;
use crate::output::warn;

/// Makes a network enforce a version, which never changes from then on.
///
/// Where another version is active, who may come in may change: `--yes` is wanted then.
#[derive(Debug, Args)]
pub(crate) struct Activate {
    /// The property's name or id.
    property: String,
    /// Which version; the newest when absent.
    version: Option<u32>,
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
        let property = super::find(client, &self.property).await?;
        let (id, name) = (&property.property_id, &property.property_name);
        let number = self.version.unwrap_or(property.latest_version);
        let on_network = match self.network {
            Network::Production => &property.production,
            Network::Staging => &property.staging,
        };
        if let Some(active) = on_network.as_ref().and_then(|it| it.version)
            && active != number
        {
            self.consent.require(&format!(
                "Version {number} of `{name}` takes the place of version {active}; who may come in may change."
            ))?;
        }
        let started = client
            .activate_property(id, number, self.network.wire())
            .await?;
        warn(&started.validation.unwrap_or_default().warnings);
        let look = async |activation| Ok(client.property_activation(id, activation).await?);
        report(session, self.wait, name, started.deployment, look).await
    }
}
