//! `countersign crl remove`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::find;
use crate::ca_set::impact::Consent;
use crate::connection::Session;
use crate::output::Page;

/// Forgets a CRL of a CA set: what it alone said is not known any more.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The CA set's name or id.
    set: String,
    /// The CRL's id, as `countersign crl list` shows it.
    crl: String,
    #[command(flatten)]
    consent: Consent,
}

impl Remove {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let set = find::ca_set(&session.client, &self.set).await?;
        self.consent.require(&format!(
            "clients of `{}` that only this CRL lists as revoked may come in again",
            set.ca_set_name
        ))?;
        session.client.remove_crl(&set.ca_set_id, &self.crl).await?;
        let done = serde_json::json!({"crlId": self.crl, "removed": true});
        session.output.show(&done, || {
            let mut page = Page::default();
            page.line("removed", &self.crl);
            page.into_text()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
