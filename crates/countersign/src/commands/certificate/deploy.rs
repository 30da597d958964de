//! `countersign certificate deploy`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::v1::edge_certificates::EdgeCertificateImpact;

use crate::ca_set::impact::Consent;
use crate::ca_set::wait::Wait;
use crate::ca_set::{Network, network_name};
use crate::connection::Session;
use crate::deployed::report;

/// Makes a network present an edge certificate as it is now, with its settings.
///
/// Where that changes who may come in, the hostnames and what changes for them are shown, and `--yes` is wanted.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The edge certificate's name or id.
    edge_certificate: String,
    /// Where.
    #[arg(long, value_enum)]
    network: Network,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    wait: Wait,
}

impl Deploy {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let found = super::find(client, &self.edge_certificate).await?;
        let id = &found.edge_certificate_id;
        let impact = client
            .edge_certificate_impact(id, self.network.wire())
            .await?;
        if !impact.affected.is_empty() {
            self.consent.require(&told(&found.name, &impact))?;
        }
        let started = client
            .deploy_edge_certificate(id, self.network.wire())
            .await?;
        let look = async |number| Ok(client.edge_certificate_deployment(id, number).await?);
        report(session, self.wait, &found.name, started, look).await
    }
}

/// Who is affected, one hostname after the other.
fn told(name: &str, impact: &EdgeCertificateImpact) -> String {
    let mut text = format!(
        "Version {} of `{name}` changes who may come in on {}:\n",
        impact.version,
        network_name(impact.network)
    );
    for host in &impact.affected {
        let used_by = host.used_by.as_ref();
        let used_by = used_by.map_or_else(String::new, |it| format!(" (`{it}`)"));
        text.push_str(&format!("  {}{used_by}\n", host.hostname));
        for change in &host.changes {
            text.push_str(&format!("    {}\n", change.detail));
        }
    }
    text
}
