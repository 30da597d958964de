//! `countersign property list`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;
use crate::deployed::state;
use crate::output::Table;

/// Lists the properties of the account.
#[derive(Debug, Args)]
pub(crate) struct List {}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let answer = session.client.properties().await?;
        session.output.show(&answer, || {
            let mut table = Table::new(
                ["ID", "NAME", "LATEST", "STAGING", "PRODUCTION"],
                "there are no properties; `countersign property create --help` shows how to make one",
            );
            for property in &answer.properties {
                table.row([
                    property.property_id.clone(),
                    property.property_name.clone(),
                    property.latest_version.to_string(),
                    state(property.staging.as_ref()),
                    state(property.production.as_ref()),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
