//! `countersign ca-set clone`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::truststore::CaSetRequest;

use crate::ca_set::find::{self, VersionChoice};
use crate::connection::Session;

/// Makes a new CA set whose version 1 is a copy of a version of another.
#[derive(Debug, Args)]
pub(crate) struct Clone {
    /// The name or id of the one to copy from.
    set: String,
    /// The name of the new one.
    name: String,
    /// Which version to copy.
    #[arg(long, value_name = "VERSION", default_value = "latest")]
    from: VersionChoice,
    /// 1 to 255 characters for people.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

impl Clone {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let source = find::ca_set(&session.client, &self.set).await?;
        let version = self.from.of(&source)?;
        let request = CaSetRequest {
            ca_set_name: self.name,
            description: self.description,
        };
        let set = session
            .client
            .clone_ca_set(&source.ca_set_id, Some(version), &request)
            .await?;
        session
            .output
            .show(&set, || super::page(&set).into_text())?;
        Ok(ExitCode::SUCCESS)
    }
}
