//! `countersign ca-set list`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::CaSetQuery;

use crate::ca_set::Network;
use crate::connection::Session;

/// Lists the CA sets of the account.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those whose names begin so.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only those with a version active on this network.
    #[arg(long, value_enum, value_name = "NETWORK")]
    active_on: Option<Network>,
    /// Deleted ones too, as long as they are kept.
    #[arg(long)]
    deleted: bool,
}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let query = CaSetQuery {
            name_prefix: self.prefix,
            activated_on: self
                .active_on
                .map(|network| network.wire().as_str().to_owned()),
            status: self
                .deleted
                .then(|| "NOT_DELETED,DELETING,DELETED".to_owned()),
        };
        let sets = session.client.ca_sets(&query).await?;
        session
            .output
            .show(&sets, || super::table(&sets.ca_sets).to_string())?;
        Ok(ExitCode::SUCCESS)
    }
}
