//! `countersign ca-set extended-key-usage`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use countersign_api::Timestamp;
use countersign_api::v1::extended_key_usage::ExtendedKeyUsage as Wire;

use crate::ca_set::find;
use crate::ca_set::impact::Consent;
use crate::connection::Session;
use crate::output::{Page, time};

/// Shows or sets what the extended key usage of a CA set's clients must say, in all its versions.
///
/// A stricter rule is in force on a network within seconds and ends the connections of clients that do not satisfy it: it wants `--yes`.
#[derive(Debug, Args)]
pub(crate) struct ExtendedKeyUsage {
    /// The CA set's name or id.
    set: String,
    /// The rule from now on; without it the rule is shown.
    #[arg(long, value_enum)]
    rule: Option<Rule>,
    /// Until when `serverAuth` will do, as `2027-03-15T00:00:00Z`.
    #[arg(
        long,
        requires = "rule",
        required_if_eq("rule", "accept-server-auth-until")
    )]
    until: Option<Timestamp>,
    #[command(flatten)]
    consent: Consent,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Rule {
    /// `clientAuth` or `anyExtendedKeyUsage` where the extension is there; absent is good (RFC 5280 §4.2.1.12).
    AcceptAbsent,
    /// As `accept-absent`, and until a time `serverAuth` will do: for clients that still use a public web server's certificate.
    AcceptServerAuthUntil,
    /// Anything.
    Any,
    /// The extension must be there and name `clientAuth`.
    RequireClientAuth,
}

impl Rule {
    const fn wire(self) -> &'static str {
        match self {
            Self::AcceptAbsent => "acceptAbsent",
            Self::AcceptServerAuthUntil => "acceptServerAuthUntil",
            Self::Any => "any",
            Self::RequireClientAuth => "requireClientAuth",
        }
    }
}

impl ExtendedKeyUsage {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let set = find::ca_set(client, &self.set).await?;
        let mut shown = client.extended_key_usage(&set.ca_set_id).await?;
        if let Some(rule) = self.rule {
            let wanted = Wire {
                rule: rule.wire().to_owned(),
                until: self.until,
            };
            if wanted != shown && rule != Rule::Any {
                self.consent.require(&format!(
                    "clients of `{}` whose certificates do not satisfy `{}` lose access on every network where the set is active",
                    set.ca_set_name, wanted.rule
                ))?;
            }
            shown = client
                .set_extended_key_usage(&set.ca_set_id, &wanted)
                .await?;
        }
        session.output.show(&shown, || {
            let mut page = Page::default();
            page.line("rule", &shown.rule);
            if let Some(until) = shown.until {
                page.line("until", &time(until));
            }
            page.into_text()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
