//! `countersign certificate deploy`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::Network;
use crate::ca_set::wait::Wait;
use crate::connection::Session;
use crate::deployed::report;

/// Makes a network present an edge certificate as it is now, with its settings.
///
/// When it asks for client certificates that it did not ask for before, clients without one are refused from then on.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The edge certificate's name or id.
    edge_certificate: String,
    /// Where.
    #[arg(long, value_enum)]
    network: Network,
    #[command(flatten)]
    wait: Wait,
}

impl Deploy {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let found = super::find(client, &self.edge_certificate).await?;
        let id = &found.edge_certificate_id;
        let started = client
            .deploy_edge_certificate(id, self.network.wire())
            .await?;
        let look = async |number| Ok(client.edge_certificate_deployment(id, number).await?);
        report(session, self.wait, &found.name, started, look).await
    }
}
