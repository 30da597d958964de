//! `countersign logs`: what access logs say.

mod report;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// Reads access logs, as the edge writes them.
///
/// Exit code 0: done; 1: a file cannot be read; 2: usage.
#[derive(Debug, Subcommand)]
pub(crate) enum LogsCommand {
    Report(report::Report),
}

impl LogsCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Report(command) => command.run(),
        }
    }
}
