//! `countersign ca-set version`.

mod clone;
mod create;
mod diff;
mod list;
mod show;
mod update;
mod validate;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use countersign_api::truststore::{ActiveStatus, Certificate, Version};

use crate::connection::Session;
use crate::output::{Page, Table, time};

/// Makes, edits and compares the versions of a CA set. A version can be edited until its first activation.
#[derive(Debug, Subcommand)]
pub(crate) enum VersionCommand {
    Create(create::Create),
    Update(update::Update),
    Diff(diff::DiffCommand),
    Clone(clone::Clone),
    Validate(validate::Validate),
    Show(show::Show),
    List(list::List),
}

impl VersionCommand {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        match self {
            Self::Create(command) => command.run(session).await,
            Self::Update(command) => command.run(session).await,
            Self::Diff(command) => command.run(session).await,
            Self::Clone(command) => command.run(session).await,
            Self::Validate(command) => command.run(session).await,
            Self::Show(command) => command.run(session).await,
            Self::List(command) => command.run(session).await,
        }
    }
}

pub(super) fn table(versions: &[Version]) -> Table {
    let mut table = Table::new(
        [
            "VERSION",
            "STAGING",
            "PRODUCTION",
            "CREATED",
            "BY",
            "DESCRIPTION",
        ],
        "there are no versions; `countersign ca-set version create SET --ca FILE` makes one",
    );
    for version in versions {
        table.row([
            version.version.to_string(),
            active(version.staging_status).to_owned(),
            active(version.production_status).to_owned(),
            time(version.created_date),
            version.created_by.clone(),
            version.description.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn active(status: ActiveStatus) -> &'static str {
    match status {
        ActiveStatus::Active => "active",
        ActiveStatus::Inactive => "-",
    }
}

fn certificates(certificates: &[Certificate]) -> Table {
    let mut table = Table::new(["SUBJECT", "UNTIL", "SHA256"], "there are no certificates");
    for certificate in certificates {
        table.row([
            certificate.subject.clone(),
            certificate.end_date.to_string(),
            certificate.fingerprint.clone(),
        ]);
    }
    table
}

fn page(version: &Version) -> String {
    let mut page = Page::default();
    page.line(
        "set",
        &format!("{} (id {})", version.ca_set_name, version.ca_set_id),
    );
    page.line("version", &version.version.to_string());
    if let Some(description) = &version.description {
        page.line("description", description);
    }
    page.line("staging", active(version.staging_status));
    page.line("production", active(version.production_status));
    page.line(
        "SHA-1",
        if version.allow_insecure_sha1 {
            "admitted"
        } else {
            "refused"
        },
    );
    page.line(
        "created",
        &format!("{} by {}", time(version.created_date), version.created_by),
    );
    if let (Some(date), Some(by)) = (version.modified_date, &version.modified_by) {
        page.line("modified", &format!("{} by {by}", time(date)));
    }
    page.table(&certificates(
        version.certificates.as_deref().unwrap_or_default(),
    ));
    page.into_text()
}
