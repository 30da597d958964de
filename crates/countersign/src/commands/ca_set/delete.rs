//! `countersign ca-set delete`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::truststore::ActivationStatus;

use crate::ca_set::find;
use crate::ca_set::impact::{self, Consent};
use crate::ca_set::wait::{Progress, Wait};
use crate::complaint::Complaint;
use crate::connection::Session;

/// Deletes a CA set that no network enforces and nothing uses. Its name is free afterwards.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Its name or id.
    set: String,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    wait: Wait,
}

impl Delete {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let set = find::ca_set(client, &self.set).await?;
        let versions = set.latest_version.unwrap_or(0);
        let users = impact::users(client, &set, None).await?;
        let name = &set.ca_set_name;
        self.consent.require(&format!(
            "`{name}` and its versions (the latest is {versions}) are deleted for good.\n{users}"
        ))?;
        client.delete_ca_set(&set.ca_set_id).await?;
        let mut status = client.deletion_status(&set.ca_set_id).await?;
        if self.wait.wait {
            let mut progress = Progress::new(self.wait.timeout);
            while status.status == ActivationStatus::InProgress {
                let percent = status
                    .deletions
                    .iter()
                    .map(|part| part.percent_complete)
                    .min();
                progress
                    .step(&format!("deletion of `{name}`"), percent.unwrap_or(0))
                    .await?;
                status = client.deletion_status(&set.ca_set_id).await?;
            }
            progress.end();
        }
        if status.status == ActivationStatus::Failed {
            let reason = status.failure_reason.unwrap_or_default();
            return Err(Complaint::new(
                format!("`{name}` could not be deleted everywhere: {reason}"),
                "repeat the command; what is deleted stays deleted",
            )
            .into());
        }
        session.output.show(&status, || match status.status {
            ActivationStatus::Complete => format!("`{name}` is deleted\n"),
            _ => format!("the deletion of `{name}` is in progress\n"),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
