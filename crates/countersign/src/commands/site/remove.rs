//! `countersign site remove`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::Network;
use crate::ca_set::impact::Consent;
use crate::ca_set::wait::Wait;
use crate::connection::Session;
use crate::deployed::report;

/// Makes a network forget a site; its hostnames are unknown there afterwards.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Its name, hostname or id.
    site: String,
    /// Where.
    #[arg(long, value_enum)]
    network: Network,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    wait: Wait,
}

impl Remove {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let site = super::find(client, &self.site).await?;
        self.consent.require(&format!(
            "Nobody reaches {} on this network any more.",
            site.settings.hostnames.join(", ")
        ))?;
        let started = client
            .remove_site(&site.site_id, self.network.wire())
            .await?;
        let look = async |id| Ok(client.site_deployment(&site.site_id, id).await?);
        report(session, self.wait, &site.name, started, look).await
    }
}
