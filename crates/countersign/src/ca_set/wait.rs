//! Following something until it has ended.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use countersign_api::truststore::{Activation, ActivationStatus, ActivationType};
use tokio::time::{Instant, sleep};

use super::network_name;
use crate::complaint::Complaint;
use crate::connection::Session;
use crate::output::plain;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Whether to wait for the end of something that takes its time.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Wait {
    /// Return when every edge node has it, or it failed; shows progress meanwhile.
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long to wait, in seconds; it goes on all the same.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, requires = "wait")]
    pub(crate) timeout: u64,
}

impl Wait {
    /// Follows an activation or deactivation if that was asked for, and says how it stands.
    pub(crate) async fn activation(
        self,
        session: &Session,
        started: Activation,
    ) -> Result<ExitCode> {
        let mut activation = started;
        if self.wait {
            let mut progress = Progress::new(self.timeout);
            while activation.activation_status == ActivationStatus::InProgress {
                progress
                    .step(&describe(&activation), activation.percent_complete)
                    .await?;
                activation = session
                    .client
                    .activation(
                        &activation.ca_set_id,
                        activation.version,
                        activation.activation_id,
                    )
                    .await?;
            }
            progress.end();
        }
        if activation.activation_status == ActivationStatus::Failed {
            let reason = activation.failure_reason.unwrap_or_default();
            return Err(Complaint::new(
                format!(
                    "version {} of `{}` could not be {}d on {}: {reason}",
                    activation.version,
                    activation.ca_set_name,
                    verb(activation.activation_type),
                    network_name(activation.network)
                ),
                "what was enforced before is enforced still",
            )
            .into());
        }
        session.output.show(&activation, || sentence(&activation))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn sentence(activation: &Activation) -> String {
    let (version, name) = (activation.version, plain(&activation.ca_set_name));
    let network = network_name(activation.network);
    match (activation.activation_status, activation.activation_type) {
        (ActivationStatus::Complete, ActivationType::Activate) => {
            format!("version {version} of `{name}` is active on {network}\n")
        }
        (ActivationStatus::Complete, ActivationType::Deactivate) => {
            format!("`{name}` is not active on {network} any more\n")
        }
        _ => format!(
            "{} is in progress; `countersign ca-set activations {name}` shows how far it is\n",
            describe(activation)
        ),
    }
}

fn describe(activation: &Activation) -> String {
    let what = match activation.activation_type {
        ActivationType::Activate => "activation",
        ActivationType::Deactivate => "deactivation",
    };
    format!(
        "{what} of version {} of `{}` on {}",
        activation.version,
        plain(&activation.ca_set_name),
        network_name(activation.network)
    )
}

const fn verb(kind: ActivationType) -> &'static str {
    match kind {
        ActivationType::Activate => "activate",
        ActivationType::Deactivate => "deactivate",
    }
}

/// Progress on standard error: one line that changes on a terminal, a line per change elsewhere.
#[derive(Debug)]
pub(crate) struct Progress {
    deadline: Instant,
    seconds: u64,
    pause: Duration,
    shown: Option<u8>,
    on_terminal: bool,
}

impl Progress {
    pub(crate) fn new(seconds: u64) -> Self {
        Self {
            deadline: Instant::now() + Duration::from_secs(seconds),
            seconds,
            pause: FIRST_PAUSE,
            shown: None,
            on_terminal: io::stderr().is_terminal(),
        }
    }

    /// Shows how far it is and lets some time pass.
    pub(crate) async fn step(&mut self, what: &str, percent: u8) -> Result<()> {
        if Instant::now() >= self.deadline {
            self.end();
            return Err(Complaint::new(
                format!(
                    "{what} has not ended after {} seconds; it goes on",
                    self.seconds
                ),
                "`--timeout SECONDS` waits longer",
            )
            .into());
        }
        if self.shown != Some(percent) {
            self.shown = Some(percent);
            if self.on_terminal {
                eprint!("\r\x1b[K{what}: {percent} %");
                // A terminal that takes no progress takes no complaint about it either.
                let _ = io::stderr().flush();
            } else {
                eprintln!("{what}: {percent} %");
            }
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) {
        if self.on_terminal && self.shown.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
