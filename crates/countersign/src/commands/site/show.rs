//! `countersign site show`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;

/// Shows a site.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its name, hostname or id.
    site: String,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let site = super::find(&session.client, &self.site).await?;
        session.output.show(&site, || super::page(&site))?;
        Ok(ExitCode::SUCCESS)
    }
}
