//! `countersign explain`: what an edge says to a client, and why.

mod network;
mod offline;
mod page;
mod record;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_trust::{Clock, Sha1Signatures, UnixTime};

use crate::ca_set::Network;
use crate::clock::SystemClock;
use crate::complaint::Complaint;
use crate::connection::ConnectionOptions;

pub(crate) use offline::client_chain;

/// Says what an edge says to a client and its request, along which path and by which rule, and if it refuses, why and what to do.
///
/// With `--host`, it asks what the network enforces now: the binding of the hostname, every CA set, what is known about revocation, the rules.
///
/// With `--log-record`, it takes host, request, time and certificate from a line of an access log, such as that of a refusal.
///
/// With `--ca`, it needs no controller and judges the certificate against files.
///
/// Exit code 0: let in; 1: refused, or a file cannot be used; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The client's certificate, with its intermediates if it sends them: PEM, DER or PKCS#7. Without it, the client sends none.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["host", "log_record"])]
    cert: Option<PathBuf>,
    /// The CA certificates that are trusted: PEM, DER or PKCS#7, one or several files.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["host", "log_record"], conflicts_with_all = ["host", "log_record"])]
    ca: Vec<PathBuf>,
    /// The host that the client asks for.
    #[arg(long, value_name = "NAME", conflicts_with = "log_record")]
    host: Option<String>,
    /// The name that the connection was made for, when the request comes over a connection to another name than `--host`.
    #[arg(
        long,
        value_name = "NAME",
        requires = "host",
        conflicts_with = "log_record"
    )]
    server_name: Option<String>,
    /// The path of the request, with the query if there is one.
    #[arg(long, default_value = "/", conflicts_with = "log_record")]
    path: String,
    /// The method of the request.
    #[arg(long, default_value = "GET", conflicts_with = "log_record")]
    method: String,
    /// A header of the request, such as 'Accept: text/html'.
    #[arg(long, value_name = "HEADER")]
    header: Vec<String>,
    /// The client's address.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "log_record")]
    client_address: Option<String>,
    /// Which network is asked.
    #[arg(long, value_enum, default_value_t = Network::Production, conflicts_with = "log_record")]
    network: Network,
    /// A file with an access log; `-` reads standard input. Its last refusal is explained, or the record that `--request-id` names.
    #[arg(long, value_name = "FILE")]
    log_record: Option<PathBuf>,
    /// Which record of `--log-record`: the id that the refused client was shown.
    #[arg(long, value_name = "ID", requires = "log_record")]
    request_id: Option<String>,
    /// The time of the decision, RFC 3339; now by default, and with `--log-record` the time of the record.
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
    /// Accept SHA-1 signatures, as a CA set version with `allowInsecureSha1` does.
    #[arg(long, requires = "ca")]
    allow_sha1: bool,
    #[command(flatten)]
    connection: ConnectionOptions,
}

impl Explain {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match (&self.log_record, &self.host) {
            (Some(_), _) => record::explain(&self),
            (None, Some(_)) => network::explain(&self),
            (None, None) => self.run_offline(),
        }
    }

    fn run_offline(&self) -> Result<ExitCode> {
        let Some(cert) = &self.cert else {
            return Err(Complaint::new(
                "there is no certificate to judge",
                "name it with `--cert FILE`, or a hostname with `--host NAME`",
            )
            .into());
        };
        let sha1 = if self.allow_sha1 {
            Sha1Signatures::Allow
        } else {
            Sha1Signatures::Refuse
        };
        let now = self.at.unwrap_or_else(|| SystemClock.now());
        offline::explain(cert, &self.ca, sha1, now, self.connection.output())
    }
}
