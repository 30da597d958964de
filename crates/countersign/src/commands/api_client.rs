//! `countersign api-client`: who may call the control API.

mod create;
mod list;
mod revoke;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::connection::{ConnectionOptions, block_on};
use crate::stopped_instance::StoppedInstance;

/// Makes, lists and revokes credentials for the control API.
///
/// On the machine of a stopped instance this works on its data directory; otherwise through the API, which wants an admin.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct ApiClientCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(create::Create),
    List(list::List),
    Revoke(revoke::Revoke),
}

impl ApiClientCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let connection = &self.connection;
        block_on(async {
            let stopped = connection.stopped_instance().await?;
            let done = match self.verb {
                Verb::Create(command) => command.run(connection, stopped.as_ref()).await,
                Verb::List(command) => command.run(connection, stopped.as_ref()).await,
                Verb::Revoke(command) => command.run(connection, stopped.as_ref()).await,
            };
            StoppedInstance::close(stopped).await;
            done
        })
    }
}

async fn revoke(
    connection: &ConnectionOptions,
    stopped: Option<&StoppedInstance>,
    id: &str,
) -> Result<()> {
    match stopped {
        Some(stopped) => {
            let clients = stopped.controller.api_clients();
            clients.revoke(&stopped.caller(), id).await?;
        }
        None => connection.session()?.client.revoke_api_client(id).await?,
    }
    Ok(())
}
