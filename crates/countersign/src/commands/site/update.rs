//! `countersign site update`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::v1::Network;

use super::options::SiteOptions;
use crate::ca_set::impact::Consent;
use crate::ca_set::wait::Wait;
use crate::connection::Session;
use crate::deployed::settle;
use crate::output::warn;

/// Changes a site and deploys it where it is deployed, or where `--deploy` says. What is not given stays as it is.
///
/// Other CAs, another mode or other paths may take access away: `--yes` is wanted when who may come in changes.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Its name, hostname or id.
    site: String,
    /// All server names that it is to have.
    #[arg(long, value_name = "HOSTNAME")]
    hostname: Vec<String>,
    /// Where requests go.
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
    #[command(flatten)]
    options: SiteOptions,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    wait: Wait,
}

impl Update {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let known = super::find(client, &self.site).await?;
        let mut settings = known.settings.clone();
        if !self.hostname.is_empty() {
            settings.hostnames = self.hostname;
        }
        if let Some(origin) = self.origin {
            settings.origin.url = origin;
        }
        let mut deployed = Vec::new();
        for (network, state) in [
            (Network::Staging, &known.staging),
            (Network::Production, &known.production),
        ] {
            if state.is_some() {
                deployed.push(network);
            }
        }
        let input = self.options.request(client, settings, deployed).await?;
        let before = &known.settings;
        let changes_access = input.client_ca_pem.is_some()
            || input.settings.mutual_authentication != before.mutual_authentication
            || input.settings.denied_paths != before.denied_paths
            || input.settings.hostnames != before.hostnames;
        if changes_access && !input.deploy_to.is_empty() {
            self.consent.require(&format!(
                "Who may come in to `{}` ({}) changes.",
                known.name,
                before.hostnames.join(", ")
            ))?;
        }
        let changed = client.update_site(&known.site_id, &input).await?;
        warn(&changed.validation.clone().unwrap_or_default().warnings);
        let look = async || Ok(client.site(&known.site_id).await?);
        let site = settle(self.wait, &known.name, changed, super::networks, look).await?;
        session.output.show(&site, || super::page(&site))?;
        Ok(ExitCode::SUCCESS)
    }
}
