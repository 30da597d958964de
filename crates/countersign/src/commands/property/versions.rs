//! `countersign property versions`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;
use crate::output::{Table, time};

/// Lists the versions of a property, newest first.
#[derive(Debug, Args)]
pub(crate) struct Versions {
    /// Its name or id.
    property: String,
}

impl Versions {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let property = super::find(client, &self.property).await?;
        let answer = client.property_versions(&property.property_id).await?;
        session.output.show(&answer, || {
            let mut table = Table::new(
                [
                    "VERSION",
                    "STAGING",
                    "PRODUCTION",
                    "EDITABLE",
                    "FORMAT",
                    "CREATED",
                    "BY",
                    "NOTE",
                ],
                "there are no versions",
            );
            for version in &answer.versions {
                table.row([
                    version.property_version.to_string(),
                    version.staging_status.to_lowercase(),
                    version.production_status.to_lowercase(),
                    if version.is_editable { "yes" } else { "no" }.to_owned(),
                    version.rule_format.clone(),
                    time(version.created_date),
                    version.created_by.clone(),
                    version.note.clone().unwrap_or_default(),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
