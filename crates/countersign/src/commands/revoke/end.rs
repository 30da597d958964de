//! `countersign revoke end`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;

/// Ends a revocation: what it was about is let in again, if nothing else speaks against it. It stays on record.
#[derive(Debug, Args)]
pub(crate) struct End {
    /// Its id.
    id: String,
}

impl End {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let revocation = session.client.end_revocation(&self.id).await?;
        session
            .output
            .show(&revocation, || super::page(&revocation))?;
        Ok(ExitCode::SUCCESS)
    }
}
