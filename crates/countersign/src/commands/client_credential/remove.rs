//! `countersign client-credential remove`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::Network;
use crate::ca_set::wait::Wait;
use crate::connection::Session;

/// Takes a credential from a network. Refused while a site or property uses it there.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The credential's name or id.
    client_credential: String,
    /// From which network.
    #[arg(long, value_enum)]
    network: Network,
    #[command(flatten)]
    wait: Wait,
}

impl Remove {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let found = super::find(client, &self.client_credential).await?;
        let id = &found.client_credential_id;
        let asked = client
            .remove_client_credential(id, self.network.wire())
            .await?;
        super::end(session, &found, self.wait, asked).await
    }
}
