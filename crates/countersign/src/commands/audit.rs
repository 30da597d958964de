//! `countersign audit`: who changed what.

mod list;
mod verify;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::connection::{ConnectionOptions, block_on};
use crate::stopped_instance::StoppedInstance;

/// Shows and checks the audit log: every change with who, when, from where, before and after.
///
/// On the machine of a stopped instance this works on its data directory; otherwise through the API, which wants an approver.
///
/// Exit code 0: done, and for `verify` intact; 1: refused, failed, or broken; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct AuditCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::List),
    Verify(verify::Verify),
}

impl AuditCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let connection = &self.connection;
        block_on(async {
            let stopped = connection.stopped_instance().await?;
            let done = match self.verb {
                Verb::List(command) => command.run(connection, stopped.as_ref()).await,
                Verb::Verify(command) => command.run(connection, stopped.as_ref()).await,
            };
            StoppedInstance::close(stopped).await;
            done
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
