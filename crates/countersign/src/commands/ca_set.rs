//! `countersign ca-set`: who may come in, as named and versioned sets of CA certificates.

mod activate;
mod activations;
mod activities;
mod associations;
mod clone;
mod create;
mod deactivate;
mod delete;
mod extended_key_usage;
mod list;
mod rollback;
mod show;
mod version;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_api::truststore::CaSet;

use crate::connection::ConnectionOptions;
use crate::output::{Page, Table, time};

/// Makes, shows and activates CA sets: named trust stores with numbered versions.
///
/// A set is named by its name or its id; a version by its number, or as `latest`, `staging` or `production`.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct CaSetCommand {
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
    Delete(delete::Delete),
    Clone(clone::Clone),
    #[command(subcommand)]
    Version(version::VersionCommand),
    Activate(activate::Activate),
    Deactivate(deactivate::Deactivate),
    Rollback(rollback::Rollback),
    Activations(activations::Activations),
    Associations(associations::Associations),
    Activities(activities::Activities),
    ExtendedKeyUsage(extended_key_usage::ExtendedKeyUsage),
}

impl CaSetCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.connection.run(async |session| match self.verb {
            Verb::Create(command) => command.run(session).await,
            Verb::List(command) => command.run(session).await,
            Verb::Show(command) => command.run(session).await,
            Verb::Delete(command) => command.run(session).await,
            Verb::Clone(command) => command.run(session).await,
            Verb::Version(command) => command.run(session).await,
            Verb::Activate(command) => command.run(session).await,
            Verb::Deactivate(command) => command.run(session).await,
            Verb::Rollback(command) => command.run(session).await,
            Verb::Activations(command) => command.run(session).await,
            Verb::Associations(command) => command.run(session).await,
            Verb::Activities(command) => command.run(session).await,
            Verb::ExtendedKeyUsage(command) => command.run(session).await,
        })
    }
}

fn page(set: &CaSet) -> Page {
    let mut page = Page::default();
    page.line("name", &set.ca_set_name);
    page.line("id", &set.ca_set_id);
    if let Some(description) = &set.description {
        page.line("description", description);
    }
    page.line("status", status(set));
    page.line("latest", &number(set.latest_version));
    page.line("staging", &number(set.staging_version));
    page.line("production", &number(set.production_version));
    page.line(
        "created",
        &format!("{} by {}", time(set.created_date), set.created_by),
    );
    if let (Some(date), Some(by)) = (set.deleted_date, &set.deleted_by) {
        page.line("deleted", &format!("{} by {by}", time(date)));
    }
    if let Some(date) = set.removal_date {
        page.line("removal", &time(date));
    }
    page
}

fn status(set: &CaSet) -> &'static str {
    use countersign_api::truststore::CaSetStatus;
    match set.ca_set_status {
        CaSetStatus::Deleted => "deleted",
        CaSetStatus::Deleting => "deleting",
        CaSetStatus::NotDeleted => "there",
    }
}

/// A version's number, or a dash where there is none.
fn number(version: Option<u32>) -> String {
    version.map_or_else(|| "-".to_owned(), |version| version.to_string())
}

fn table(sets: &[CaSet]) -> Table {
    let mut table = Table::new(
        [
            "ID",
            "NAME",
            "LATEST",
            "STAGING",
            "PRODUCTION",
            "STATUS",
            "DESCRIPTION",
        ],
        "there are no CA sets; `countersign ca-set create NAME --ca FILE` makes one",
    );
    for set in sets {
        table.row([
            set.ca_set_id.clone(),
            set.ca_set_name.clone(),
            number(set.latest_version),
            number(set.staging_version),
            number(set.production_version),
            status(set).to_owned(),
            set.description.clone().unwrap_or_default(),
        ]);
    }
    table
}
