//! `countersign api-client list`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::control::{ApiClientKind, ApiClients};
use countersign_controller::api_client_document;

use crate::connection::ConnectionOptions;
use crate::output::{Table, time};
use crate::stopped_instance::StoppedInstance;

/// Lists who may call, oldest first.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Revoked ones too.
    #[arg(long)]
    revoked: bool,
}

impl List {
    pub(super) async fn run(
        self,
        connection: &ConnectionOptions,
        stopped: Option<&StoppedInstance>,
    ) -> Result<ExitCode> {
        let mut answer = match stopped {
            Some(stopped) => {
                let clients = stopped.controller.api_clients();
                let known = clients.list(&stopped.caller()).await?;
                ApiClients {
                    api_clients: known.into_iter().map(api_client_document).collect(),
                }
            }
            None => connection.session()?.client.api_clients().await?,
        };
        answer
            .api_clients
            .retain(|client| self.revoked || client.revoked_date.is_none());
        connection.output().show(&answer, || {
            let mut table = Table::new(
                ["ID", "NAME", "ROLE", "KIND", "CREATED", "BY", "REVOKED"],
                "nobody may call",
            );
            for client in &answer.api_clients {
                table.row([
                    client.id.clone(),
                    client.name.clone(),
                    client.role.clone(),
                    match client.kind {
                        ApiClientKind::Bearer => "bearer",
                        ApiClientKind::Edgegrid => "edgegrid",
                        ApiClientKind::Certificate => "certificate",
                    }
                    .to_owned(),
                    time(client.created_date),
                    client.created_by.clone(),
                    client.revoked_date.map(time).unwrap_or_default(),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
