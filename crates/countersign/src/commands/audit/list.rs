//! `countersign audit list`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::Timestamp;
use countersign_api::control::{AuditEntries, AuditEntry};
use serde_json::Value;

use crate::connection::ConnectionOptions;
use crate::output::{Table, time};
use crate::stopped_instance::StoppedInstance;

/// Lists changes, newest first. What was before and after is in `--output json`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those before this number.
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,
    /// How many.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl List {
    pub(super) async fn run(
        self,
        connection: &ConnectionOptions,
        stopped: Option<&StoppedInstance>,
    ) -> Result<ExitCode> {
        let mut answer = page(connection, stopped, self.before, self.limit).await?;
        // Pages end early when their entries are long.
        while let Some(before) = answer.next_before {
            let missing = self.limit.saturating_sub(answer.entries.len() as u32);
            if missing == 0 {
                break;
            }
            let more = page(connection, stopped, Some(before), missing).await?;
            answer.entries.extend(more.entries);
            answer.next_before = more.next_before;
        }
        connection.output().show(&answer, || {
            let mut table = Table::new(
                ["NUMBER", "WHEN", "WHO", "ROLE", "FROM", "WHAT", "TO WHAT"],
                "nothing was changed",
            );
            for entry in &answer.entries {
                table.row([
                    entry.sequence.to_string(),
                    time(entry.at),
                    entry.actor.clone(),
                    entry.role.clone(),
                    entry.source.clone(),
                    entry.action.clone(),
                    entry.resource.clone(),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn page(
    connection: &ConnectionOptions,
    stopped: Option<&StoppedInstance>,
    before: Option<u64>,
    limit: u32,
) -> Result<AuditEntries> {
    let Some(stopped) = stopped else {
        let client = connection.session()?.client;
        return Ok(client.audit(before, Some(limit)).await?);
    };
    let log = stopped.controller.audit();
    let entries = log.list(&stopped.caller(), before, limit).await?;
    let last = entries.last().map(|entry| entry.sequence);
    Ok(AuditEntries {
        entries: entries.into_iter().map(show).collect(),
        next_before: last.filter(|sequence| *sequence > 1),
    })
}

fn show(entry: countersign_controller::AuditEntry) -> AuditEntry {
    let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    AuditEntry {
        sequence: entry.sequence,
        at: Timestamp::from_micros(entry.at.as_micros()),
        actor: entry.actor,
        role: entry.role,
        source: entry.source,
        action: entry.action,
        resource: entry.resource,
        before: entry.before.map(json),
        after: entry.after.map(json),
        hash: super::hexadecimal(&entry.hash),
    }
}
