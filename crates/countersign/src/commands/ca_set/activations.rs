//! `countersign ca-set activations`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::truststore::{ActivationStatus, ActivationType};

use crate::ca_set::{find, network_name};
use crate::connection::Session;
use crate::output::{Table, time};

/// Lists the activations and deactivations of a CA set, newest first.
#[derive(Debug, Args)]
pub(crate) struct Activations {
    /// Its name or id.
    set: String,
}

impl Activations {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let set = find::ca_set(&session.client, &self.set).await?;
        let answer = session.client.ca_set_activations(&set.ca_set_id).await?;
        session.output.show(&answer, || {
            let mut table = Table::new(
                [
                    "ID", "VERSION", "NETWORK", "WHAT", "STATUS", "DONE", "WHEN", "BY", "REASON",
                ],
                "the CA set was never activated",
            );
            for known in &answer.activations {
                table.row([
                    known.activation_id.to_string(),
                    known.version.to_string(),
                    network_name(known.network).to_owned(),
                    match known.activation_type {
                        ActivationType::Activate => "activate",
                        ActivationType::Deactivate => "deactivate",
                    }
                    .to_owned(),
                    match known.activation_status {
                        ActivationStatus::Complete => "complete",
                        ActivationStatus::Failed => "FAILED",
                        ActivationStatus::InProgress => "in progress",
                    }
                    .to_owned(),
                    format!("{} %", known.percent_complete),
                    time(known.created_date),
                    known.created_by.clone(),
                    known.failure_reason.clone().unwrap_or_default(),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
