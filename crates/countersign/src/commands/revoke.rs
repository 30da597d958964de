//! `countersign revoke`: certificates that are not to be seen again.

mod create;
mod end;
mod impact;
mod list;
mod show;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_api::v1::revocations::Revocation;

use crate::connection::{ConnectionOptions, Session};
use crate::output::{Page, time};

/// Revokes client certificates by hand, on every network at once: they are refused, and the connections that they opened end.
///
/// For CAs without CRLs, and for when it cannot wait. A revocation can have an end, and can be ended; it stays on record.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct RevokeCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one value of it, made once"
)]
enum Verb {
    Create(create::Create),
    List(list::List),
    Show(show::Show),
    End(end::End),
}

impl RevokeCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.connection
            .run(async |session: &Session| match self.verb {
                Verb::Create(command) => command.run(session).await,
                Verb::List(command) => command.run(session).await,
                Verb::Show(command) => command.run(session).await,
                Verb::End(command) => command.run(session).await,
            })
    }
}

/// Which certificates a revocation is about.
fn what(revocation: &Revocation) -> String {
    let issuer = revocation.issuer_spki_sha256.as_deref();
    let issuer = issuer.unwrap_or_default();
    if let Some(sha256) = &revocation.certificate_sha256 {
        format!("certificate {sha256}")
    } else if let Some(sha256) = &revocation.spki_sha256 {
        format!("key {sha256}")
    } else if let Some(serial) = &revocation.serial_number {
        format!("serial {serial} of the CA with the key {issuer}")
    } else if let Some(before) = revocation.issued_before {
        format!(
            "issued before {} by the CA with the key {issuer}",
            time(before)
        )
    } else {
        String::new()
    }
}

fn page(revocation: &Revocation) -> String {
    let mut page = Page::default();
    page.line("id", &revocation.revocation_id);
    page.line(
        "holds",
        match (revocation.active, revocation.end_date) {
            (true, None) => "for ever".to_owned(),
            (true, Some(end)) => format!("until {}", time(end)),
            (false, _) => "no more".to_owned(),
        }
        .as_str(),
    );
    page.line("revokes", &what(revocation));
    page.line("reason", &revocation.reason);
    if let Some(description) = &revocation.description {
        page.line("description", description);
    }
    page.line(
        "made",
        &format!(
            "{} by {}",
            time(revocation.created_date),
            revocation.created_by
        ),
    );
    if let Some(ended) = revocation.ended_date {
        let by = revocation.ended_by.as_deref().unwrap_or_default();
        page.line("ended", &format!("{} by {by}", time(ended)));
    }
    page.into_text()
}
