//! `countersign pki`: certificates for people without a CA.

mod crl;
mod export;
mod init;
mod issue;
mod openssl;
mod refusal;
mod revoke;
mod revoked;
mod sign;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use countersign_pki::{Authority, Name, Profile, Validity};
use countersign_trust::Clock as _;

use crate::clock::SystemClock;
use crate::complaint::Complaint;
use crate::deployed::read_text;

const DAY: i64 = 86_400;
/// Clocks differ: what is made now is valid since an hour ago.
const EARLIER: i64 = 3_600;

/// Issues certificates for people without a CA: a root, an authority below it, servers and clients.
///
/// Exit code 0: done; 1: refused or failed; 2: usage.
#[derive(Debug, Subcommand)]
pub(crate) enum PkiCommand {
    Init(init::Init),
    Issue(issue::Issue),
    Sign(sign::Sign),
    Revoke(revoke::Revoke),
    Crl(crl::Crl),
    Export(export::Export),
}

impl PkiCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Init(command) => command.run(),
            Self::Issue(command) => command.run(),
            Self::Sign(command) => command.run(),
            Self::Revoke(command) => command.run(),
            Self::Crl(command) => command.run(),
            Self::Export(command) => command.run(),
        }
    }
}

/// What a certificate is for.
#[derive(Debug, Args)]
pub(crate) struct Purpose {
    /// It proves a client's identity.
    #[arg(long, conflicts_with = "server", required_unless_present = "server")]
    client: bool,
    /// It proves a server's identity; wants at least one `--san`.
    #[arg(long)]
    server: bool,
    /// Alternative names: a DNS name, an IP address, an e-mail address or a URI such as spiffe://….
    #[arg(long, value_name = "NAME")]
    san: Vec<Name>,
    /// How long it is valid; a server at most 800 days.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: i64,
    /// The directory that `countersign pki init` made.
    #[arg(long, value_name = "DIR", default_value = "pki")]
    dir: PathBuf,
    /// Print the openssl commands that do the same, and do nothing.
    #[arg(long)]
    explain: bool,
}

impl Purpose {
    fn profile(&self) -> Profile {
        if self.server {
            Profile::server(self.san.iter().cloned())
        } else {
            Profile::client(self.san.iter().cloned())
        }
    }

    /// The extensions in openssl's words.
    fn extensions(&self, rsa: bool) -> String {
        let (purpose, usage) = match (self.server, rsa) {
            (true, true) => ("serverAuth", "digitalSignature,keyEncipherment"),
            (true, false) => ("serverAuth", "digitalSignature"),
            (false, _) => ("clientAuth", "digitalSignature"),
        };
        let mut text = format!(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,{usage}\nextendedKeyUsage={purpose}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid"
        );
        if !self.san.is_empty() {
            let names: Vec<String> = self
                .san
                .iter()
                .map(|name| match name {
                    Name::Dns(_) => name.to_string().replacen("dns:", "DNS:", 1),
                    Name::Ip(_) => name.to_string().replacen("ip:", "IP:", 1),
                    Name::Uri(_) => name.to_string().replacen("uri:", "URI:", 1),
                    Name::Email(_) => name.to_string(),
                })
                .collect();
            text.push_str(&format!("\nsubjectAltName={}", names.join(",")));
        }
        text
    }
}

fn validity(days: i64) -> Result<Validity> {
    let now = SystemClock.now().as_secs();
    Ok(Validity::new(now - EARLIER, now + days * DAY)?)
}

/// The authority that issues.
fn issuing(dir: &Path) -> Result<Authority> {
    let certificates = read_text(&dir.join("issuing.pem"))?;
    let key = read_text(&dir.join("issuing.key"))?;
    Authority::from_pem(&certificates, &key)
        .with_context(|| format!("the authority in {} cannot be used", dir.display()))
}

/// What is there is somebody's: nothing is written over.
fn refuse_existing(paths: &[PathBuf]) -> Result<()> {
    match paths.iter().find(|path| path.exists()) {
        None => Ok(()),
        Some(path) => Err(Complaint::new(
            format!("{} is there already; nothing was changed", path.display()),
            "name another place, or move it away",
        )
        .into()),
    }
}
