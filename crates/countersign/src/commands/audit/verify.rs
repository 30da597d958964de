//! `countersign audit verify`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::control::AuditCheck;

use crate::complaint::Complaint;
use crate::connection::ConnectionOptions;
use crate::stopped_instance::StoppedInstance;

/// Checks that no entry of the audit log was changed or removed since it was written.
///
/// The head is the hash of the last good entry. Keep it elsewhere: a log that was cut off has another.
#[derive(Debug, Args)]
pub(crate) struct Verify {}

impl Verify {
    pub(super) async fn run(
        self,
        connection: &ConnectionOptions,
        stopped: Option<&StoppedInstance>,
    ) -> Result<ExitCode> {
        let check = match stopped {
            Some(stopped) => {
                let check = stopped.controller.audit().verify().await?;
                AuditCheck {
                    intact: check.broken_at.is_none(),
                    entries: check.entries,
                    head: super::hexadecimal(&check.head),
                    broken_at: check.broken_at,
                    next_after: check.next_after,
                }
            }
            None => connection.session()?.client.verify_audit().await?,
        };
        connection.output().show(&check, || {
            let state = if check.intact { "intact" } else { "BROKEN" };
            format!(
                "{state}: {} good entries, head {}\n",
                check.entries, check.head
            )
        })?;
        match check.broken_at {
            None => Ok(ExitCode::SUCCESS),
            Some(sequence) => Err(Complaint::new(
                format!("entry {sequence} does not follow from the one before it: it was changed, or entries are missing"),
                "compare with a backup of the store; nothing from there on can be relied upon",
            )
            .into()),
        }
    }
}
