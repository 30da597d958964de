//! What commands print: tables and pages for people, JSON for programs; data on standard output, messages on standard error.

mod table;

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context, Result};
use clap::ValueEnum;
use countersign_api::{Timestamp, truststore::Warning};
use serde::Serialize;

pub(crate) use table::Table;

/// For whom the answer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Output {
    /// One JSON document, as the API has it.
    Json,
    /// For people.
    #[value(alias = "text")]
    Table,
}

impl Output {
    /// Prints a text for people, or the answer for programs.
    pub(crate) fn show(self, answer: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        match self {
            Self::Json => print(&format!("{}\n", serde_json::to_string_pretty(answer)?)),
            Self::Table => print(&text()),
        }
    }
}

/// Writes to standard output. A reader that has gone away, such as `head`, is no failure.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Labelled lines with the texts in one column.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn line(&mut self, label: &str, text: &str) {
        let line = format!("{label:<12}  {}", plain(text));
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    /// Lets a table follow after an empty line.
    pub(crate) fn table(&mut self, table: &Table) {
        self.0.push('\n');
        self.0.push_str(&table.to_string());
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// A text from outside as it may stand on a terminal: what could move the cursor or hide text is escaped.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let hides = matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || hides {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// A time to the second.
pub(crate) fn time(time: Timestamp) -> String {
    let text = time.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// What was done but deserves a look; on standard error.
pub(crate) fn warn(warnings: &[Warning]) {
    for warning in warnings {
        eprintln!(
            "warning: {}",
            plain(&sentence(&warning.title, &warning.detail))
        );
        if let Some(remedy) = warning
            .context_info
            .get("remedy")
            .and_then(|value| value.as_str())
        {
            eprintln!("  remedy: {}", plain(remedy));
        }
    }
}

/// A title with its detail, said once when both are the same.
pub(crate) fn sentence(title: &str, detail: &str) -> String {
    let title = title.trim_end_matches('.');
    if detail.is_empty() || detail.trim_end_matches('.') == title {
        return title.to_owned();
    }
    if title.is_empty() {
        return detail.to_owned();
    }
    format!("{title}: {detail}")
}

/// Whether a person can be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
