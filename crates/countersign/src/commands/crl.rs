//! `countersign crl`: what CAs say about revoked clients, and what is done about it.

mod add;
mod list;
mod ocsp;
mod policy;
mod remove;
mod sources;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::connection::{ConnectionOptions, Session};

/// Shows and adds what CAs say about revoked clients: CRLs and OCSP, whom to ask, and what is done about it.
///
/// A CA set is named by its name or its id. Revocations by hand are `countersign revoke`.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct CrlCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::List),
    Add(add::Add),
    Remove(remove::Remove),
    Policy(policy::Policy),
    Sources(sources::Sources),
    Ocsp(ocsp::Ocsp),
}

impl CrlCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.connection
            .run(async |session: &Session| match self.verb {
                Verb::List(command) => command.run(session).await,
                Verb::Add(command) => command.run(session).await,
                Verb::Remove(command) => command.run(session).await,
                Verb::Policy(command) => command.run(session).await,
                Verb::Sources(command) => command.run(session).await,
                Verb::Ocsp(command) => command.run(session).await,
            })
    }
}

/// An age, in the largest unit that says something.
fn age(seconds: Option<i64>) -> String {
    match seconds {
        None => String::new(),
        Some(seconds) if seconds < 120 => format!("{seconds} s"),
        Some(seconds) if seconds < 2 * 3_600 => format!("{} min", seconds / 60),
        Some(seconds) if seconds < 2 * 86_400 => format!("{} h", seconds / 3_600),
        Some(seconds) => format!("{} d", seconds / 86_400),
    }
}
