//! `countersign certificate show`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;

/// Shows an edge certificate.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its name or id.
    edge_certificate: String,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let found = super::find(&session.client, &self.edge_certificate).await?;
        session.output.show(&found, || super::page(&found))?;
        Ok(ExitCode::SUCCESS)
    }
}
