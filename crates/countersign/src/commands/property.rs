//! `countersign property`: hostnames with a rule tree, in versions.

mod activate;
mod activations;
mod create;
mod deactivate;
mod delete;
mod list;
mod rollback;
mod rules;
mod schema;
mod show;
mod update;
mod versions;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_api::Client;
use countersign_api::v1::properties::{Property, PropertyVersion, RuleProblem};

use crate::ca_set::find::named;
use crate::connection::{ConnectionOptions, Session};
use crate::deployed::state;
use crate::output::{Page, plain};

/// Makes, edits and activates properties: hostnames with a rule tree, in versions.
///
/// A property is named by its name or its id. A version can be edited until its first activation; `update` makes the next one when it
/// has to.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct PropertyCommand {
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
    Update(update::Update),
    Rules(rules::Rules),
    Versions(versions::Versions),
    Activate(activate::Activate),
    Deactivate(deactivate::Deactivate),
    Rollback(rollback::Rollback),
    Activations(activations::Activations),
    Delete(delete::Delete),
    Schema(schema::Schema),
}

impl PropertyCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.connection
            .run(async |session: &Session| match self.verb {
                Verb::Create(command) => command.run(session).await,
                Verb::List(command) => command.run(session).await,
                Verb::Show(command) => command.run(session).await,
                Verb::Update(command) => command.run(session).await,
                Verb::Rules(command) => command.run(session).await,
                Verb::Versions(command) => command.run(session).await,
                Verb::Activate(command) => command.run(session).await,
                Verb::Deactivate(command) => command.run(session).await,
                Verb::Rollback(command) => command.run(session).await,
                Verb::Activations(command) => command.run(session).await,
                Verb::Delete(command) => command.run(session).await,
                Verb::Schema(command) => command.run(session).await,
            })
    }
}

/// The property with that name or id.
async fn find(client: &Client, typed: &str) -> Result<Property> {
    let known = client.properties().await?.properties;
    let found = named("property", typed, &known, |it| {
        (&it.property_name, &it.property_id)
    })?;
    Ok(found.clone())
}

fn page(property: &Property, version: &PropertyVersion) -> String {
    let mut page = Page::default();
    page.line("name", &property.property_name);
    page.line("id", &property.property_id);
    page.line("staging", &state(property.staging.as_ref()));
    page.line("production", &state(property.production.as_ref()));
    let editable = if version.is_editable {
        "can be edited"
    } else {
        "frozen"
    };
    page.line(
        "version",
        &format!("{} ({editable})", version.property_version),
    );
    for hostname in &version.hostnames {
        let certificates = match hostname.edge_certificate_ids.as_slice() {
            [] => "the edge certificate that covers it".to_owned(),
            ids => format!("edge certificate {}", ids.join(", ")),
        };
        page.line(
            "hostname",
            &format!("{} ({certificates})", hostname.hostname),
        );
    }
    for (id, origin) in &version.origins {
        page.line("origin", &format!("{id}: {}", origin.url));
    }
    page.line("rules", &version.rule_format);
    page.into_text()
}

/// What is wrong with a version, on standard error; says whether something stands against its activation.
fn tell(errors: &[RuleProblem], warnings: &[RuleProblem]) -> bool {
    for (kind, problems) in [("error", errors), ("warning", warnings)] {
        for problem in problems {
            eprintln!(
                "{kind}: {}: {}\n  remedy: {}",
                plain(&problem.error_location),
                plain(&problem.detail),
                plain(&problem.remedy)
            );
        }
    }
    !errors.is_empty()
}
