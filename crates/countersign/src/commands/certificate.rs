//! `countersign certificate`: what the edge presents to clients.

mod create;
mod delete;
mod list;
mod renew;
mod show;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_api::Client;
use countersign_api::v1::edge_certificates::EdgeCertificate;

use crate::ca_set::find::named;
use crate::connection::{ConnectionOptions, Session};
use crate::deployed::state;
use crate::output::{Page, Table};

/// Uploads, shows and renews edge certificates: what the edge presents to clients.
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
    Create(create::Create),
    List(list::List),
    Show(show::Show),
    Renew(renew::Renew),
    Delete(delete::Delete),
}

impl CertificateCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.connection
            .run(async |session: &Session| match self.verb {
                Verb::Create(command) => command.run(session).await,
                Verb::List(command) => command.run(session).await,
                Verb::Show(command) => command.run(session).await,
                Verb::Renew(command) => command.run(session).await,
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
    let mut table = Table::new(
        ["SUBJECT", "NAMES", "KEY", "UNTIL"],
        "there is no certificate",
    );
    for held in &certificate.certificates {
        table.row([
            held.subject.clone(),
            held.names.join(", "),
            held.key_algorithm.clone(),
            held.end_date.to_string(),
        ]);
    }
    page.table(&table);
    page.into_text()
}
