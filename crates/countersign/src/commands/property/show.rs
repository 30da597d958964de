//! `countersign property show`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;

/// Shows a version of a property: hostnames, origins, and where it is active.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its name or id.
    property: String,
    /// Which version; the newest when absent.
    version: Option<u32>,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let property = super::find(client, &self.property).await?;
        let number = self.version.unwrap_or(property.latest_version);
        let version = client
            .property_version(&property.property_id, number)
            .await?;
        session
            .output
            .show(&version, || super::page(&property, &version))?;
        Ok(ExitCode::SUCCESS)
    }
}
