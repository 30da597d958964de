//! `countersign ca-set show`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::VersionQuery;

use super::version;
use crate::ca_set::find;
use crate::connection::Session;

/// Shows a CA set with its versions.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its name or id.
    set: String,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let set = find::ca_set(&session.client, &self.set).await?;
        let query = VersionQuery::default();
        let versions = session
            .client
            .versions(&set.ca_set_id, &query)
            .await?
            .versions;
        session.output.show(&set, || {
            let mut page = super::page(&set);
            page.table(&version::table(&versions));
            page.into_text()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
