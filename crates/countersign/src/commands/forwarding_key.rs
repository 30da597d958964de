//! `countersign forwarding-key`: what edges sign the requests with that they forward.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_api::v1::forwarding_keys::{ForwardingKeyRotation, ForwardingKeys};

use crate::ca_set::Network;
use crate::connection::{ConnectionOptions, Session};
use crate::output::Table;

/// Shows and rotates the keys with which the edges of a network sign requests to origins, where sites and rules ask for it.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct ForwardingKeyCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Rotate(Rotate),
}

/// Shows the public keys; with `--output json` as the JWK Set that origins read.
#[derive(Debug, Args)]
struct List {
    /// Whose keys.
    #[arg(value_enum)]
    network: Network,
}

/// Makes the next key. Origins see it at once, edges sign with it after a while.
#[derive(Debug, Args)]
struct Rotate {
    /// Whose key.
    #[arg(value_enum)]
    network: Network,
    /// Seconds until edges sign with it.
    #[arg(long, value_name = "SECONDS", default_value_t = ForwardingKeyRotation::default().use_after_seconds)]
    after: u32,
}

impl ForwardingKeyCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.connection.run(async |session: &Session| {
            let keys = match &self.verb {
                Verb::List(List { network }) => {
                    session.client.forwarding_keys(network.wire()).await?
                }
                Verb::Rotate(Rotate { network, after }) => {
                    let rotation = ForwardingKeyRotation {
                        use_after_seconds: *after,
                    };
                    let client = &session.client;
                    client
                        .rotate_forwarding_key(network.wire(), &rotation)
                        .await?
                }
            };
            session.output.show(&keys, || table(&keys))?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn table(keys: &ForwardingKeys) -> String {
    let mut table = Table::new(["ID", "USED FROM", "UNTIL"], "there are no keys");
    for key in &keys.keys {
        let until = key.used_until.map(|until| until.to_string());
        table.row([
            key.kid.clone(),
            key.used_from.to_string(),
            until.unwrap_or_default(),
        ]);
    }
    table.to_string()
}
