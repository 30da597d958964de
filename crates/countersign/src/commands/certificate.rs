//! `countersign certificate`: what the edge presents to clients.

mod create;
mod delete;
mod deploy;
mod install;
mod list;
mod options;
mod remove;
mod renew;
mod request;
mod show;
mod update;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_api::Client;
use countersign_api::v1::edge_certificates::{CertificateDescription, EdgeCertificate};

use crate::ca_set::find::named;
use crate::connection::{ConnectionOptions, Session};
use crate::deployed::state;
use crate::output::{Page, Table};

/// Uploads, shows, renews and deploys edge certificates: what the edge presents to clients.
///
/// An edge certificate is named by its name or its id.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct CertificateCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(Box<create::Create>),
    Request(Box<request::Request>),
    Install(install::Install),
    List(list::List),
    Show(show::Show),
    Renew(renew::Renew),
    Update(Box<update::Update>),
    Deploy(deploy::Deploy),
    Remove(remove::Remove),
    Delete(delete::Delete),
}

impl CertificateCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.connection
            .run(async |session: &Session| match self.verb {
                Verb::Create(command) => command.run(session).await,
                Verb::Request(command) => command.run(session).await,
                Verb::Install(command) => command.run(session).await,
                Verb::List(command) => command.run(session).await,
                Verb::Show(command) => command.run(session).await,
                Verb::Renew(command) => command.run(session).await,
                Verb::Update(command) => command.run(session).await,
                Verb::Deploy(command) => command.run(session).await,
                Verb::Remove(command) => command.run(session).await,
                Verb::Delete(command) => command.run(session).await,
            })
    }
}

async fn find(client: &Client, typed: &str) -> Result<EdgeCertificate> {
    let known = client.edge_certificates().await?.edge_certificates;
    let found = named("certificate", typed, &known, |it| {
        (&it.name, &it.edge_certificate_id)
    })?;
    Ok(found.clone())
}

fn page(certificate: &EdgeCertificate) -> String {
    let mut page = Page::default();
    page.line("name", &certificate.name);
    page.line("id", &certificate.edge_certificate_id);
    page.line("version", &certificate.version.to_string());
    page.line("staging", &state(certificate.staging.as_ref()));
    page.line("production", &state(certificate.production.as_ref()));
    if let Some(site) = &certificate.owner_site_id {
        page.line("site", site);
    }
    if !certificate.key_requests.is_empty() {
        let waiting = certificate.key_requests.len();
        page.line("waiting", &format!("{waiting} keys for their certificates"));
    }
    let settings = &certificate.settings;
    if let Some(clients) = &settings.mutual_authentication {
        let first = std::iter::once(&clients.ca_set_id);
        let ca_sets: Vec<_> = first
            .chain(&clients.additional_ca_set_ids)
            .cloned()
            .collect();
        page.line("CA sets", &ca_sets.join(", "));
        page.line("asks", &format!("{:?}", clients.mode).to_lowercase());
    }
    if settings.https.redirect {
        page.line("without TLS", "redirected to HTTPS");
    }
    if let Some(hsts) = &settings.https.strict_transport_security {
        page.line("HSTS", &format!("{} s", hsts.max_age_seconds));
    }
    let mut table = Table::new(
        ["SUBJECT", "NAMES", "KEY", "UNTIL"],
        "there is no certificate",
    );
    for held in &certificate.certificates {
        table.row([
            held.subject.clone(),
            held.names.join(", "),
            held.key_algorithm.clone(),
            until(held),
        ]);
    }
    page.table(&table);
    page.into_text()
}

/// When it ends, and whether that is soon.
fn until(held: &CertificateDescription) -> String {
    let soon = if held.expiring { " (soon)" } else { "" };
    format!("{}{soon}", held.end_date)
}
