//! `countersign client-credential rollback`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::Network;
use crate::ca_set::wait::Wait;
use crate::connection::Session;

/// Makes a network show the version again that it had before the present one.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The credential's name or id.
    client_credential: String,
    /// On which network.
    #[arg(long, value_enum)]
    network: Network,
    #[command(flatten)]
    wait: Wait,
}

impl Rollback {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let found = super::find(client, &self.client_credential).await?;
        let id = &found.client_credential_id;
        let asked = client
            .roll_back_client_credential(id, self.network.wire())
            .await?;
        super::end(session, &found, self.wait, asked).await
    }
}
