//! `countersign certificate delete`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::impact::Consent;
use crate::connection::Session;
use crate::deployed::deleted;

/// Deletes an edge certificate with its key. Refused while something uses it.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Its name or id.
    edge_certificate: String,
    #[command(flatten)]
    consent: Consent,
}

impl Delete {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let found = super::find(&session.client, &self.edge_certificate).await?;
        let (id, name) = (&found.edge_certificate_id, &found.name);
        self.consent.require(&format!(
            "`{name}` and its private key are deleted for good."
        ))?;
        session.client.delete_edge_certificate(id).await?;
        deleted(session, "edgeCertificateId", id, name)
    }
}
