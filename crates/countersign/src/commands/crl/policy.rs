//! `countersign crl policy`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::ca_set::find;
use crate::ca_set::impact::Consent;
use crate::connection::Session;
use crate::output::Page;

/// Shows or sets what is done about revocation for the clients of a CA set, in all its versions.
///
/// `require` refuses clients about whom nothing is known, on every network where the set is active: it wants `--yes`.
#[derive(Debug, Args)]
pub(crate) struct Policy {
    /// The CA set's name or id.
    set: String,
    /// Whether revocation data is looked at, and whether it must be there; without it the policy is shown.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Which certificates `require` wants data about: the client's, or also the intermediates.
    #[arg(long, value_enum, requires = "mode")]
    scope: Option<Scope>,
    /// How long data is used after newer was promised.
    #[arg(long, value_name = "SECONDS", requires = "mode")]
    stale_grace: Option<u64>,
    #[command(flatten)]
    consent: Consent,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Mode {
    /// It is not looked at, except for revocations by hand.
    Off,
    /// Who is known as revoked is refused.
    Prefer,
    /// Who is not known as good is refused.
    Require,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Scope {
    /// The client's.
    Leaf,
    /// Also the intermediates.
    Path,
}

impl Policy {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let set = find::ca_set(client, &self.set).await?;
        let mut shown = client.revocation_policy(&set.ca_set_id).await?;
        if let Some(mode) = self.mode {
            let mut wanted = shown.clone();
            wanted.mode = word(mode);
            wanted.scope = self.scope.map_or(wanted.scope, word);
            wanted.stale_grace_seconds = self.stale_grace.unwrap_or(wanted.stale_grace_seconds);
            if wanted != shown && mode == Mode::Require {
                self.consent.require(&format!(
                    "clients of `{}` about whom no CRL and no OCSP responder says anything lose access on every network where the set is active",
                    set.ca_set_name
                ))?;
            }
            shown = client
                .set_revocation_policy(&set.ca_set_id, &wanted)
                .await?;
        }
        session.output.show(&shown, || {
            let mut page = Page::default();
            page.line("mode", &shown.mode);
            page.line("scope", &shown.scope);
            page.line("stale grace", &format!("{} s", shown.stale_grace_seconds));
            page.into_text()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn word(value: impl ValueEnum) -> String {
    value
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}
