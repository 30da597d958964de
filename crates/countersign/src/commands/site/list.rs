//! `countersign site list`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;
use crate::deployed::state;
use crate::output::Table;

/// Lists the sites of the account.
#[derive(Debug, Args)]
pub(crate) struct List {}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let answer = session.client.sites().await?;
        session.output.show(&answer, || {
            let mut table = Table::new(
                [
                    "ID",
                    "NAME",
                    "HOSTNAMES",
                    "ORIGIN",
                    "VERSION",
                    "STAGING",
                    "PRODUCTION",
                ],
                "there are no sites; `countersign site create --help` shows how to make one",
            );
            for site in &answer.sites {
                table.row([
                    site.site_id.clone(),
                    site.name.clone(),
                    site.settings.hostnames.join(", "),
                    site.settings.origin.url.clone(),
                    site.version.to_string(),
                    state(site.staging.as_ref()),
                    state(site.production.as_ref()),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
