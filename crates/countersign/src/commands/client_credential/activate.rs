//! `countersign client-credential activate`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::Network;
use crate::ca_set::wait::Wait;
use crate::connection::Session;

/// Makes a network show a version to origins: for the first time, or in the place of another one.
#[derive(Debug, Args)]
pub(crate) struct Activate {
    /// The credential's name or id.
    client_credential: String,
    /// Which version; the newest when absent.
    version: Option<u32>,
    /// On which network.
    #[arg(long, value_enum)]
    network: Network,
    #[command(flatten)]
    wait: Wait,
}

impl Activate {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let found = super::find(client, &self.client_credential).await?;
        let (id, network) = (&found.client_credential_id, self.network.wire());
        let asked = client
            .activate_client_credential(id, network, self.version)
            .await?;
        super::end(session, &found, self.wait, asked).await
    }
}
