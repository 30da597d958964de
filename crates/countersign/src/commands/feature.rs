//! `countersign feature`: what the account may use or not.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};

use crate::connection::{ConnectionOptions, Session};
use crate::output::{Page, Table};

/// Shows and switches what the account may use; switching wants the role admin.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct FeatureCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Set(Set),
}

/// Lists the features with what they are about.
#[derive(Debug, Args)]
struct List {}

/// Switches a feature on or off. What networks enforce stays.
#[derive(Debug, Args)]
struct Set {
    /// Its name, such as site-config-mtls.
    feature: String,
    /// Whether the account may use it.
    #[arg(value_enum)]
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum State {
    On,
    Off,
}

const fn word(enabled: bool) -> &'static str {
    if enabled { "on" } else { "off" }
}

impl FeatureCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.connection
            .run(async |session: &Session| match self.verb {
                Verb::List(_) => list(session).await,
                Verb::Set(command) => command.run(session).await,
            })
    }
}

async fn list(session: &Session) -> Result<ExitCode> {
    let known = session.client.features().await?;
    session.output.show(&known, || {
        let mut table = Table::new(["FEATURE", "STATE", "ABOUT"], "there is no feature");
        for feature in &known.features {
            table.row([
                feature.name.clone(),
                word(feature.enabled).to_owned(),
                feature.description.clone(),
            ]);
        }
        table.to_string()
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Set {
    async fn run(self, session: &Session) -> Result<ExitCode> {
        let enabled = self.state == State::On;
        let changed = session.client.set_feature(&self.feature, enabled).await?;
        session.output.show(&changed, || {
            let mut page = Page::default();
            page.line(&changed.name, word(changed.enabled));
            page.into_text()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
