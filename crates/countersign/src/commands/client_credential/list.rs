//! `countersign client-credential list`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;
use crate::deployed::state;
use crate::output::Table;

/// Lists the client credentials of the account.
#[derive(Debug, Args)]
pub(crate) struct List {}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let answer = session.client.client_credentials().await?;
        session.output.show(&answer, || {
            let mut table = Table::new(
                ["ID", "NAME", "LATEST", "UNTIL", "STAGING", "PRODUCTION"],
                "there are no client credentials; `countersign client-credential create NAME --certificate FILE --key FILE` makes one",
            );
            for credential in &answer.client_credentials {
                let latest = credential.versions.last();
                table.row([
                    credential.client_credential_id.clone(),
                    credential.name.clone(),
                    latest.map(|it| it.version.to_string()).unwrap_or_default(),
                    latest.map(super::until).unwrap_or_default(),
                    state(credential.staging.as_ref()),
                    state(credential.production.as_ref()),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
