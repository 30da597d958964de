//! `countersign revoke show`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;

/// Shows a revocation.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its id.
    id: String,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let revocation = session.client.revocation(&self.id).await?;
        session
            .output
            .show(&revocation, || super::page(&revocation))?;
        Ok(ExitCode::SUCCESS)
    }
}
