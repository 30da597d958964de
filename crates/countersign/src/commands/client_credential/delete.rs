//! `countersign client-credential delete`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::impact::Consent;
use crate::connection::Session;
use crate::deployed::deleted;

/// Deletes a client credential with its keys. Refused while a network has it.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Its name or id.
    client_credential: String,
    #[command(flatten)]
    consent: Consent,
}

impl Delete {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let found = super::find(&session.client, &self.client_credential).await?;
        let (id, name) = (&found.client_credential_id, &found.name);
        self.consent.require(&format!(
            "`{name}` and its private keys are deleted for good."
        ))?;
        session.client.delete_client_credential(id).await?;
        deleted(session, "clientCredentialId", id, name)
    }
}
