//! `countersign site`: a hostname, who may come in, and where requests go.

mod create;
mod delete;
mod deploy;
mod list;
mod options;
mod remove;
mod show;
mod update;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_api::Client;
use countersign_api::v1::deployment::Deployed;
use countersign_api::v1::origins::HealthCheckKind;
use countersign_api::v1::sites::{ProxyProtocol, Site};

use crate::ca_set::find::named;
use crate::connection::{ConnectionOptions, Session};
use crate::deployed::state;
use crate::output::Page;

/// Makes, shows and deploys sites: a hostname, who may come in, and where requests go.
///
/// A site is named by its name or its id.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct SiteCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(Box<create::Create>),
    List(list::List),
    Show(show::Show),
    Update(Box<update::Update>),
    Deploy(deploy::Deploy),
    Remove(remove::Remove),
    Delete(delete::Delete),
}

impl SiteCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.connection
            .run(async |session: &Session| match self.verb {
                Verb::Create(command) => command.run(session).await,
                Verb::List(command) => command.run(session).await,
                Verb::Show(command) => command.run(session).await,
                Verb::Update(command) => command.run(session).await,
                Verb::Deploy(command) => command.run(session).await,
                Verb::Remove(command) => command.run(session).await,
                Verb::Delete(command) => command.run(session).await,
            })
    }
}

/// The site with that name, hostname or id.
async fn find(client: &Client, typed: &str) -> Result<Site> {
    let known = client.sites().await?.sites;
    let has = |site: &&Site| site.settings.hostnames.iter().any(|name| name == typed);
    let found = match named("site", typed, &known, |it| (&it.name, &it.site_id)) {
        Ok(found) => found,
        Err(missing) => known.iter().find(has).ok_or(missing)?,
    };
    Ok(found.clone())
}

fn networks(site: &Site) -> [Option<&Deployed>; 2] {
    [site.staging.as_ref(), site.production.as_ref()]
}

fn page(site: &Site) -> String {
    let settings = &site.settings;
    let mut page = Page::default();
    page.line("name", &site.name);
    page.line("id", &site.site_id);
    page.line("version", &site.version.to_string());
    page.line("hostnames", &settings.hostnames.join(", "));
    page.line("origin", &settings.origin.url);
    if !settings.origin.addresses.is_empty() {
        let addresses = settings.origin.addresses.iter().map(|address| {
            let port = address.port.map(|port| format!(":{port}"));
            let weight = (address.weight != 1).then(|| format!("={}", address.weight));
            let rest = [port, weight].into_iter().flatten().collect::<String>();
            format!("{}{rest}", address.host)
        });
        page.line("addresses", &addresses.collect::<Vec<_>>().join(", "));
    }
    if let Some(protocol) = settings.origin.protocol {
        page.line("speaks", &format!("{protocol:?}").to_lowercase());
    }
    if let Some(check) = &settings.origin.health_check {
        let every = check.interval_ms;
        let asked = match (check.kind, &check.service) {
            (HealthCheckKind::Grpc, None) => "gRPC health",
            (HealthCheckKind::Grpc, Some(service)) => &format!("gRPC health of {service}"),
            (HealthCheckKind::Http, _) => &check.path,
            (HealthCheckKind::Tcp, _) => "a connection",
        };
        page.line("checked", &format!("{asked} every {every} ms"));
    }
    if let Some(tcp) = &settings.tcp {
        let header = match tcp.proxy_protocol {
            ProxyProtocol::Off => "no PROXY header",
            ProxyProtocol::V1 => "PROXY v1",
            ProxyProtocol::V2 => "PROXY v2",
            ProxyProtocol::V2Certificate => "PROXY v2 with the client's certificate",
        };
        let idle = tcp.idle_seconds;
        page.line(
            "protocol",
            &format!("TCP, {header}, closed after {idle} s without a byte"),
        );
    }
    if settings.plain_http {
        page.line("TLS", "none");
    }
    if settings.terminate_only {
        page.line("TLS", "ends at the edge; the origin is reached without it");
    }
    page.line("certificates", &settings.edge_certificate_ids.join(", "));
    match &settings.mutual_authentication {
        Some(clients) => {
            page.line("CA sets", &clients.ca_set_ids.join(", "));
            page.line("asks", &format!("{:?}", clients.mode).to_lowercase());
            page.line(
                "without",
                &format!("{:?}", clients.enforcement).to_lowercase(),
            );
            if !clients.open_paths.is_empty() {
                page.line("open paths", &clients.open_paths.join(", "));
            }
        }
        None if settings.plain_http || !site.hidden.is_empty() => {}
        None => page.line("CA sets", "- (the edge certificate says who may come in)"),
    }
    if let Some(credential) = &settings.origin.client_credential_id {
        page.line(
            "shows",
            &format!("client credential {credential}, to the origin"),
        );
    }
    if !site.hidden.is_empty() {
        page.line("mutual TLS", "not shown: the account does not have the feature site-config-mtls; what is enforced stays");
    }
    if !settings.forward_identity.is_empty() {
        page.line("identity", &settings.forward_identity.join(", "));
    }
    if settings.sign_requests {
        page.line("signs", "requests, by the network's forwarding key");
    }
    page.line("staging", &state(site.staging.as_ref()));
    page.line("production", &state(site.production.as_ref()));
    page.into_text()
}
