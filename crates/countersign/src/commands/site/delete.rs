//! `countersign site delete`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::impact::Consent;
use crate::connection::Session;
use crate::deployed::deleted;

/// Deletes a site that no network has.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Its name, hostname or id.
    site: String,
    #[command(flatten)]
    consent: Consent,
}

impl Delete {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let site = super::find(&session.client, &self.site).await?;
        let name = &site.name;
        self.consent
            .require(&format!("The site `{name}` is deleted for good."))?;
        session.client.delete_site(&site.site_id).await?;
        deleted(session, "siteId", &site.site_id, name)
    }
}
