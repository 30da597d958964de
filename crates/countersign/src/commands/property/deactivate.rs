//! `countersign property deactivate`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::Network;
use crate::ca_set::impact::Consent;
use crate::ca_set::wait::Wait;
use crate::complaint::Complaint;
use crate::connection::Session;
use crate::deployed::report;

/// Makes a network forget a property; its hostnames are unknown there afterwards.
#[derive(Debug, Args)]
pub(crate) struct Deactivate {
    /// The property's name or id.
    property: String,
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
        let property = super::find(client, &self.property).await?;
        let (id, name) = (&property.property_id, &property.property_name);
        let on_network = match self.network {
            Network::Production => &property.production,
            Network::Staging => &property.staging,
        };
        let Some(active) = on_network.as_ref().and_then(|it| it.version) else {
            return Err(Complaint::new(
                format!("no version of `{name}` is active there"),
                format!("`countersign property show {name}` shows what is active where"),
            )
            .into());
        };
        let version = client.property_version(id, active).await?;
        let names: Vec<_> = version
            .hostnames
            .iter()
            .map(|it| it.hostname.as_str())
            .collect();
        self.consent.require(&format!(
            "Nobody reaches {} on this network any more.",
            names.join(", ")
        ))?;
        let started = client
            .deactivate_property(id, active, self.network.wire())
            .await?;
        let look = async |activation| Ok(client.property_activation(id, activation).await?);
        report(session, self.wait, name, started.deployment, look).await
    }
}
