//! `countersign client-credential`: what the edge proves its own identity to origins with.

mod activate;
mod create;
mod delete;
mod list;
mod remove;
mod renew;
mod rollback;
mod show;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_api::Client;
use countersign_api::v1::client_credentials::{ClientCredential, ClientCredentialVersion};
use countersign_api::v1::deployment::Deployment;

use crate::ca_set::find::named;
use crate::ca_set::wait::Wait;
use crate::connection::{ConnectionOptions, Session};
use crate::deployed::{report, state};
use crate::output::{Page, Table};

/// Uploads, activates, rotates and rolls back client credentials: the certificates that the edge shows to origins.
///
/// A client credential is named by its name or its id. What uses it follows an activation by itself.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct ClientCredentialCommand {
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
    Activate(activate::Activate),
    Rollback(rollback::Rollback),
    Remove(remove::Remove),
    Delete(delete::Delete),
}

impl ClientCredentialCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.connection
            .run(async |session: &Session| match self.verb {
                Verb::Create(command) => command.run(session).await,
                Verb::List(command) => command.run(session).await,
                Verb::Show(command) => command.run(session).await,
                Verb::Renew(command) => command.run(session).await,
                Verb::Activate(command) => command.run(session).await,
                Verb::Rollback(command) => command.run(session).await,
                Verb::Remove(command) => command.run(session).await,
                Verb::Delete(command) => command.run(session).await,
            })
    }
}

async fn find(client: &Client, typed: &str) -> Result<ClientCredential> {
    let known = client.client_credentials().await?.client_credentials;
    let found = named("client-credential", typed, &known, |it| {
        (&it.name, &it.client_credential_id)
    })?;
    Ok(found.clone())
}

/// Waits for the end of what was asked of a network, if that is wanted, and says how it stands.
async fn end(
    session: &Session,
    credential: &ClientCredential,
    wait: Wait,
    deployment: Deployment,
) -> Result<ExitCode> {
    let (id, name) = (&credential.client_credential_id, &credential.name);
    let client = &session.client;
    let look = async |number| Ok(client.client_credential_deployment(id, number).await?);
    report(session, wait, name, deployment, look).await
}

fn page(credential: &ClientCredential) -> String {
    let mut page = Page::default();
    page.line("name", &credential.name);
    page.line("id", &credential.client_credential_id);
    page.line("reference", &credential.reference);
    page.line("staging", &state(credential.staging.as_ref()));
    page.line("production", &state(credential.production.as_ref()));
    let mut table = Table::new(["VERSION", "SUBJECT", "KEY", "UNTIL"], "");
    for version in &credential.versions {
        table.row([
            version.version.to_string(),
            version.subject.clone(),
            version.key_algorithm.clone(),
            until(version),
        ]);
    }
    page.table(&table);
    page.into_text()
}

fn until(version: &ClientCredentialVersion) -> String {
    let alarm = if version.expiring {
        " (expires soon)"
    } else {
        ""
    };
    format!("{}{alarm}", version.end_date)
}
