//! `countersign logs report`.

mod summary;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use countersign_trust::{Reason, UnixTime};

use self::summary::{Group, Summary};
use crate::access_log::read_line;
use crate::output::{Output, Page, Table};

/// Summarises refusals by reason, host, issuer and client, with what to do about each reason.
///
/// Records that stand for several requests (sampling) count as many. Nothing is sent anywhere.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Access logs, rotated ones too, in any order; standard input when none or `-`.
    files: Vec<PathBuf>,
    /// Only records from this time on, RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<UnixTime>,
    /// Only records before this time, RFC 3339.
    #[arg(long, value_name = "TIME")]
    until: Option<UnixTime>,
    /// How many hosts, issuers and clients to show.
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    top: usize,
    /// For people or for programs.
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    output: Output,
}

impl Report {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut summary = Summary::new(self.since, self.until);
        let stdin = [PathBuf::from("-")];
        let files = if self.files.is_empty() {
            &stdin[..]
        } else {
            &self.files
        };
        for path in files {
            add(&mut summary, path)?;
        }
        let summary = summary.ranked(self.top);
        self.output.show(&summary.to_json(), || text(&summary))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn add(summary: &mut Summary, path: &Path) -> Result<()> {
    let mut input: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        Box::new(BufReader::new(file))
    };
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)
        .with_context(|| format!("cannot read {}", path.display()))?
    {
        summary.add(&line);
    }
    Ok(())
}

fn text(summary: &summary::Ranked) -> String {
    let mut page = Page::default();
    page.line(
        "records",
        &match (&summary.first, &summary.last) {
            (Some(first), Some(last)) => format!("{} from {first} to {last}", summary.records),
            _ => summary.records.to_string(),
        },
    );
    page.line("requests", &summary.requests.to_string());
    page.line("refused", &summary.refused.to_string());
    if summary.would_deny > 0 {
        page.line(
            "let through",
            &format!(
                "{} that a rule would refuse if it denied",
                summary.would_deny
            ),
        );
    }
    if summary.dropped > 0 {
        page.line(
            "missing",
            &format!("{} records that the log had no room for", summary.dropped),
        );
    }
    if summary.unreadable > 0 {
        page.line(
            "unreadable",
            &format!("{} lines are no records", summary.unreadable),
        );
    }
    for (name, groups) in [
        ("REASON", &summary.reasons),
        ("HOST", &summary.hosts),
        ("ISSUER", &summary.issuers),
        ("CLIENT", &summary.clients),
    ] {
        if !groups.is_empty() {
            page.table(&table(name, groups));
        }
    }
    let mut text = page.into_text();
    for group in &summary.reasons {
        if let Some(reason) = Reason::from_code(&group.name) {
            text.push_str(&format!(
                "\n{}: {}\n  {}\n",
                reason.code(),
                reason.sentence(),
                reason.remedy()
            ));
        }
    }
    if summary.refused > 0 {
        text.push_str(
            "\n`countersign explain --log-record FILE --request-id ID` explains a single one.\n",
        );
    }
    text
}

fn table(name: &'static str, groups: &[Group]) -> Table {
    let mut table = Table::new(
        ["REFUSED", name, "MOSTLY", "LAST", "REQUEST ID"],
        "nothing was refused",
    );
    for group in groups {
        table.row([
            group.refused.to_string(),
            group.name.clone(),
            group.mostly.clone(),
            group.last.clone(),
            group.last_request_id.clone(),
        ]);
    }
    table
}
