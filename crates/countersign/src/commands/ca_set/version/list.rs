//! `countersign ca-set version list`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::VersionQuery;

use crate::ca_set::find;
use crate::connection::Session;

/// Lists the versions of a CA set, newest first.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The CA set's name or id.
    set: String,
    /// Only those that a network enforces.
    #[arg(long)]
    active: bool,
    /// With their certificates; for `--output json`.
    #[arg(long)]
    certificates: bool,
}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let set = find::ca_set(&session.client, &self.set).await?;
        let query = VersionQuery {
            include_certificates: self.certificates,
            active_only: self.active,
            status: None,
        };
        let versions = session.client.versions(&set.ca_set_id, &query).await?;
        session
            .output
            .show(&versions, || super::table(&versions.versions).to_string())?;
        Ok(ExitCode::SUCCESS)
    }
}
