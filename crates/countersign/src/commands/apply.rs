//! `countersign apply`: one document that says what is to be enforced.

mod document;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::v1::Network;
use countersign_api::v1::declaration::{ApplyAnswer, ApplyInput, ChangeSet};

use crate::ca_set::impact::Consent;
use crate::ca_set::network_name;
use crate::ca_set::wait::Progress;
use crate::complaint::Complaint;
use crate::connection::{ConnectionOptions, Session};
use crate::output::Table;

/// What a plan that would change something exits with, as `diff` does.
const DIFFERS: u8 = 3;

/// Makes a declaration true: CA sets, edge certificates, sites and properties, as a whole or not at all.
///
/// The file is YAML, TOML or JSON. What it does not name stays as it is. A field that ends in `Pem` may be given as a file (`caFile` for
/// `caPem`, several files as a list), and `rules` as `rulesFile`; paths are relative to the declaration.
///
/// Exit code 0: it is true; 1: refused or failed; 2: usage; 3: with --plan, something would change.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    connection: ConnectionOptions,
    /// The declaration; `-` reads YAML from standard input.
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    /// Only say what would change and for which hostnames; exit code 3 when something would.
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    consent: Consent,
    /// How long to wait for the networks, in seconds; they go on all the same.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
}

/// Prints what there is as a declaration, without keys; `countersign apply` of it changes nothing.
///
/// It describes the newest state of everything: where a network has an older one, `apply --plan` says so.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    connection: ConnectionOptions,
    /// The form.
    #[arg(long, value_enum, default_value_t = document::Form::Yaml)]
    form: document::Form,
}

impl Apply {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let declaration = document::read(&self.file)?;
        let connection = self.connection.clone();
        connection.run(async |session: &Session| {
            let mut input = ApplyInput {
                declaration,
                dry_run: true,
            };
            let plan = session.client.apply(&input).await?;
            if self.plan || plan.changes.is_empty() {
                session.output.show(&plan, || page(&plan))?;
                return Ok(if self.plan && !plan.changes.is_empty() {
                    ExitCode::from(DIFFERS)
                } else {
                    ExitCode::SUCCESS
                });
            }
            let touched: Vec<&str> = plan
                .affected
                .iter()
                .filter(|it| it.how != "ADDED")
                .map(|it| it.hostname.as_str())
                .collect();
            if !touched.is_empty() {
                self.consent.require(&format!(
                    "{}\nSomething else is enforced for {}; who may come in may change.",
                    page(&plan),
                    touched.join(", ")
                ))?;
            }
            input.dry_run = false;
            let applied = session.client.apply(&input).await?;
            if let Some(id) = applied.change_set_id {
                let ended = self.ended(session, id).await?;
                refuse_failed(&ended)?;
            }
            session.output.show(&applied, || page(&applied))?;
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn ended(&self, session: &Session, id: i64) -> Result<ChangeSet> {
        let mut progress = Progress::new(self.timeout);
        let mut change_set = session.client.change_set(id).await?;
        while change_set.status == "IN_PROGRESS" {
            let percent = change_set.networks.iter().map(|it| it.percent_complete);
            progress
                .step("the declaration", percent.min().unwrap_or_default())
                .await?;
            change_set = session.client.change_set(id).await?;
        }
        progress.end();
        Ok(change_set)
    }
}

impl Export {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.connection.run(async |session: &Session| {
            let declaration = session.client.export().await?;
            crate::output::print(&document::write(&declaration, self.form)?)?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn refuse_failed(change_set: &ChangeSet) -> Result<()> {
    let failed: Vec<String> = change_set
        .networks
        .iter()
        .filter(|it| it.status == "FAILED")
        .map(|it| {
            let why = it.failure_reason.as_deref().unwrap_or_default();
            format!("{}: {why}", network_name(it.network))
        })
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Complaint::new(
        format!("the declaration was refused by {}", failed.join("; ")),
        "that network enforces nothing of it, and what it enforced before still",
    )
    .into())
}

fn page(answer: &ApplyAnswer) -> String {
    if answer.changes.is_empty() {
        return "nothing changes: everything is as declared\n".to_owned();
    }
    let network = |network: Option<Network>| network.map_or("", network_name).to_owned();
    let mut changes = Table::new(["CHANGE", "WHAT", "NAME", "VERSION", "NETWORK"], "");
    for change in &answer.changes {
        changes.row([
            change.action.to_lowercase(),
            kind(&change.kind).to_owned(),
            change.name.clone(),
            match change.version {
                0 => String::new(),
                version => version.to_string(),
            },
            network(change.network),
        ]);
    }
    let mut affected = Table::new(
        ["HOSTNAME", "NETWORK", "HOW"],
        "no hostname is affected: what the networks enforce is the same",
    );
    for hostname in &answer.affected {
        affected.row([
            hostname.hostname.clone(),
            network(Some(hostname.network)),
            hostname.how.to_lowercase(),
        ]);
    }
    format!("{changes}\n{affected}")
}

fn kind(kind: &str) -> &str {
    match kind {
        "caSet" => "CA set",
        "edgeCertificate" => "edge certificate",
        "clientCredential" => "client credential",
        other => other,
    }
}
