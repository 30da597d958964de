//! Who loses access, shown before it is taken away.

use std::io::{self, Write as _};

use anyhow::{Context, Result};
use clap::Args;
use countersign_api::Client;
use countersign_api::truststore::{CaSet, Network};

use super::diff::Diff;
use super::network_name;
use crate::complaint::Complaint;
use crate::output::{can_ask, plain};

/// Consent to what takes access away.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Consent {
    /// Take access away without asking. Without it a person at a terminal is shown the impact and asked; anybody else is refused.
    #[arg(long, short)]
    pub(crate) yes: bool,
}

impl Consent {
    /// Shows the impact and makes sure that it is wanted.
    pub(crate) fn require(self, impact: &str) -> Result<()> {
        let shown: Vec<String> = impact.lines().map(plain).collect();
        eprintln!("{}", shown.join("\n"));
        if self.yes {
            return Ok(());
        }
        if !can_ask() {
            return Err(Complaint::new(
                "this changes who may come in and nobody confirmed it; nothing was changed",
                "look at the impact above, then repeat the command with `--yes`",
            )
            .into());
        }
        eprint!("Go on? [y/N] ");
        io::stderr()
            .flush()
            .context("cannot write to the terminal")?;
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .context("cannot read the answer")?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        Err(Complaint::new(
            "not confirmed; nothing was changed",
            "answer `y` to go on, or give `--yes`",
        )
        .into())
    }
}

/// What a network's clients lose when `version` takes the place of the active one. None when they lose nothing.
pub(crate) async fn of_activation(
    client: &Client,
    set: &CaSet,
    version: u32,
    network: Network,
) -> Result<Option<String>> {
    let Some(active) = active_version(set, network).filter(|active| *active != version) else {
        return Ok(None);
    };
    let before = client.version(&set.ca_set_id, active).await?;
    let after = client.version(&set.ca_set_id, version).await?;
    let diff = Diff::between(
        &before.certificates.unwrap_or_default(),
        &after.certificates.unwrap_or_default(),
    )?;
    if !diff.takes_away() {
        return Ok(None);
    }
    let mut text = format!(
        "Version {version} of `{}` instead of {active} takes access away on {}:\n",
        set.ca_set_name,
        network_name(network)
    );
    for line in diff.to_text().lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str(&users(client, set, Some(network)).await?);
    Ok(Some(text))
}

/// What is lost when a network forgets the set.
pub(crate) async fn of_deactivation(
    client: &Client,
    set: &CaSet,
    version: u32,
    network: Network,
) -> Result<String> {
    let known = client.version(&set.ca_set_id, version).await?;
    let mut text = format!(
        "Without `{}` on {} nobody comes in who chains to:\n",
        set.ca_set_name,
        network_name(network)
    );
    for certificate in known.certificates.unwrap_or_default() {
        text.push_str(&format!(
            "  {} (until {})\n",
            certificate.subject, certificate.end_date
        ));
    }
    text.push_str(&users(client, set, Some(network)).await?);
    Ok(text)
}

/// The hostnames and edge certificates that use a set, one line each.
pub(crate) async fn users(
    client: &Client,
    set: &CaSet,
    network: Option<Network>,
) -> Result<String> {
    let found = client.associations(&set.ca_set_id).await?.associations;
    let mut lines = Vec::new();
    for property in found.properties.unwrap_or_default() {
        for hostname in property.hostnames {
            if network.is_none_or(|network| network == hostname.network) {
                lines.push(format!(
                    "hostname {} on {}",
                    hostname.host_name,
                    network_name(hostname.network)
                ));
            }
        }
    }
    for enrollment in found.enrollments.unwrap_or_default() {
        for (slots, on) in [
            (&enrollment.staging_slots, Network::Staging),
            (&enrollment.production_slots, Network::Production),
        ] {
            if !slots.is_empty() && network.is_none_or(|network| network == on) {
                lines.push(format!(
                    "edge certificate {} on {}",
                    enrollment.cn,
                    network_name(on)
                ));
            }
        }
    }
    if lines.is_empty() {
        return Ok("Nothing uses the set.\n".to_owned());
    }
    Ok(format!("Used by:\n  {}\n", lines.join("\n  ")))
}

pub(crate) const fn active_version(set: &CaSet, network: Network) -> Option<u32> {
    match network {
        Network::Production => set.production_version,
        Network::Staging => set.staging_version,
    }
}
