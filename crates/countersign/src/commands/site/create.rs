//! `countersign site create`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::v1::Network;
use countersign_api::v1::sites::{SiteOrigin, SiteSettings};

use super::options::SiteOptions;
use crate::ca_set::wait::Wait;
use crate::connection::Session;
use crate::deployed::settle;
use crate::output::warn;

/// Makes a site and deploys it to both networks, or where `--deploy` says.
///
/// For example: countersign site create www.example.com --origin https://10.0.0.5 --client-ca ca.pem --certificate chain.pem --key key.pem
///
/// Or bytes instead of HTTP: countersign site create db.example.com --tcp --origin 10.0.0.5:5432 --client-ca ca.pem --certificate chain.pem --key key.pem
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The server names; *.example.com is a wildcard for one label.
    #[arg(required = true, value_name = "HOSTNAME")]
    hostnames: Vec<String>,
    /// Where requests go: http://host[:port] or https://host[:port]; with --tcp host:port, tcp://host:port or tls://host:port.
    #[arg(long, value_name = "URL")]
    origin: String,
    /// Its name; the first hostname when absent. It never changes.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    options: SiteOptions,
    #[command(flatten)]
    wait: Wait,
}

impl Create {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let settings = SiteSettings {
            hostnames: self.hostnames,
            origin: SiteOrigin {
                url: self.origin,
                ..SiteOrigin::default()
            },
            ..SiteSettings::default()
        };
        let everywhere = vec![Network::Staging, Network::Production];
        let mut input = self.options.request(client, settings, everywhere).await?;
        input.name = self.name;
        let made = client.create_site(&input).await?;
        warn(&made.validation.clone().unwrap_or_default().warnings);
        let (id, name) = (made.site_id.clone(), made.name.clone());
        let look = async || Ok(client.site(&id).await?);
        let site = settle(self.wait, &name, made, super::networks, look).await?;
        session.output.show(&site, || super::page(&site))?;
        Ok(ExitCode::SUCCESS)
    }
}
