//! `countersign property rollback`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::Network;
use crate::ca_set::impact::Consent;
use crate::ca_set::wait::Wait;
use crate::connection::Session;
use crate::deployed::report;
use crate::output::warn;

/// Goes back to the version that a network enforced before, in one step.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
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

impl Rollback {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let property = super::find(client, &self.property).await?;
        let (id, name) = (&property.property_id, &property.property_name);
        self.consent.require(&format!(
            "`{name}` goes back to the version before; who may come in may change."
        ))?;
        let started = client.roll_back_property(id, self.network.wire()).await?;
        warn(&started.validation.unwrap_or_default().warnings);
        let look = async |activation| Ok(client.property_activation(id, activation).await?);
        report(session, self.wait, name, started.deployment, look).await
    }
}
