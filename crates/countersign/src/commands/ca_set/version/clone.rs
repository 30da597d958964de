//! `countersign ca-set version clone`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::find::{self, VersionChoice};
use crate::connection::Session;
use crate::output::warn;

/// Makes the next version out of another, to be edited.
#[derive(Debug, Args)]
pub(crate) struct Clone {
    /// The CA set's name or id.
    set: String,
    /// A number, `latest`, `staging` or `production`.
    version: VersionChoice,
}

impl Clone {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let set = find::ca_set(&session.client, &self.set).await?;
        let number = self.version.of(&set)?;
        let version = session.client.clone_version(&set.ca_set_id, number).await?;
        if let Some(validation) = &version.validation {
            warn(&validation.warnings);
        }
        session.output.show(&version, || super::page(&version))?;
        Ok(ExitCode::SUCCESS)
    }
}
