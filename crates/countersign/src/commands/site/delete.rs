//! `countersign site delete`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::ca_set::impact::Consent;
use crate::connection::Session;
use crate::output::plain;

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
        let answer = json!({ "siteId": site.site_id, "deleted": true });
        session
            .output
            .show(&answer, || format!("`{}` is deleted\n", plain(name)))?;
        Ok(ExitCode::SUCCESS)
    }
}
