//! The `countersign` command: runs an instance, and answers questions about certificates and configuration.
//!
//! It composes the controller and the edges and starts and stops them; every decision is made in the crates it composes.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod access_log;
mod api_server;
mod ca_set;
mod clock;
mod commands;
mod complaint;
mod config;
mod connection;
mod data_dir;
mod demo;
mod deployed;
mod instance;
mod instance_authority;
mod log_level;
mod nearest;
mod notify;
mod otlp;
mod output;
mod panic_report;
#[cfg(test)]
mod reference;
mod shell;
mod sockets;
mod stopped_instance;
mod successor;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use commands::{
    api_client::ApiClientCommand,
    apply::{Apply, Export},
    audit::AuditCommand,
    ca_set::CaSetCommand,
    certificate::CertificateCommand,
    client_credential::ClientCredentialCommand,
    completions::Completions,
    config::ConfigCommand,
    crl::CrlCommand,
    explain::Explain,
    feature::FeatureCommand,
    forwarding_key::ForwardingKeyCommand,
    logs::LogsCommand,
    pki::PkiCommand,
    property::PropertyCommand,
    quickstart::Quickstart,
    revoke::RevokeCommand,
    serve::Serve,
    site::SiteCommand,
};

/// Connections and requests are many small allocations of a few sizes, made and freed on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A self-hosted mutual-TLS edge: decides who may come in, tells the origin who came, explains every refusal.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, about, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Quickstart(Quickstart),
    Serve(Serve),
    Explain(Explain),
    CaSet(CaSetCommand),
    ApiClient(ApiClientCommand),
    Site(SiteCommand),
    Property(PropertyCommand),
    Apply(Apply),
    Export(Export),
    Certificate(CertificateCommand),
    Crl(CrlCommand),
    Revoke(RevokeCommand),
    ClientCredential(ClientCredentialCommand),
    Audit(AuditCommand),
    Feature(FeatureCommand),
    ForwardingKey(ForwardingKeyCommand),
    #[command(subcommand)]
    Logs(LogsCommand),
    #[command(subcommand)]
    Pki(PkiCommand),
    Completions(Completions),
    #[command(subcommand)]
    Config(ConfigCommand),
}

fn main() -> ExitCode {
    let result = match CommandLine::parse().command {
        Command::Quickstart(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::CaSet(command) => command.run(),
        Command::ApiClient(command) => command.run(),
        Command::Site(command) => command.run(),
        Command::Property(command) => command.run(),
        Command::Apply(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Certificate(command) => command.run(),
        Command::Crl(command) => command.run(),
        Command::Revoke(command) => command.run(),
        Command::ClientCredential(command) => command.run(),
        Command::Logs(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Feature(command) => command.run(),
        Command::ForwardingKey(command) => command.run(),
        Command::Pki(command) => command.run(),
        Command::Completions(command) => command.run(CommandLine::command()),
        Command::Config(command) => command.run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprint!("{}", complaint::text(&error));
            ExitCode::FAILURE
        }
    }
}
