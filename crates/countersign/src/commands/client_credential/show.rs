//! `countersign client-credential show`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;

/// Shows a client credential with its versions.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its name or id.
    client_credential: String,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let found = super::find(&session.client, &self.client_credential).await?;
        session.output.show(&found, || super::page(&found))?;
        Ok(ExitCode::SUCCESS)
    }
}
