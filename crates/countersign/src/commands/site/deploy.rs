//! `countersign site deploy`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::Network;
use crate::ca_set::wait::Wait;
use crate::connection::Session;
use crate::deployed::report;

/// Makes a network enforce a site as it is now.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// Its name, hostname or id.
    site: String,
    /// Where.
    #[arg(long, value_enum)]
    network: Network,
    #[command(flatten)]
    wait: Wait,
}

impl Deploy {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let site = super::find(client, &self.site).await?;
        let started = client
            .deploy_site(&site.site_id, self.network.wire())
            .await?;
        let look = async |id| Ok(client.site_deployment(&site.site_id, id).await?);
        report(session, self.wait, &site.name, started, look).await
    }
}
