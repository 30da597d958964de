//! `countersign property activations`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::network_name;
use crate::connection::Session;
use crate::output::{Table, time};

/// Lists the activations and deactivations of a property, newest first.
#[derive(Debug, Args)]
pub(crate) struct Activations {
    /// Its name or id.
    property: String,
}

impl Activations {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let property = super::find(client, &self.property).await?;
        let answer = client.property_activations(&property.property_id).await?;
        session.output.show(&answer, || {
            let mut table = Table::new(
                [
                    "ID", "VERSION", "NETWORK", "ACTION", "STATUS", "DONE", "ASKED", "BY", "REASON",
                ],
                "it was never activated",
            );
            for activation in &answer.deployments {
                table.row([
                    activation.deployment_id.to_string(),
                    activation.version.to_string(),
                    network_name(activation.network).to_owned(),
                    match activation.action.as_str() {
                        "REMOVE" => "deactivate".to_owned(),
                        _ => "activate".to_owned(),
                    },
                    activation.status.clone(),
                    format!("{} %", activation.percent_complete),
                    time(activation.created_date),
                    activation.created_by.clone(),
                    activation.failure_reason.clone().unwrap_or_default(),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
