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

mod api_server;
mod ca_set;
mod clock;
mod commands;
mod complaint;
mod config;
mod connection;
mod data_dir;
mod demo;
mod instance;
mod instance_authority;
mod nearest;
mod output;
mod stopped_instance;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{
    api_client::ApiClientCommand, audit::AuditCommand, ca_set::CaSetCommand, config::ConfigCommand,
    explain::Explain, quickstart::Quickstart, serve::Serve,
};

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
    Audit(AuditCommand),
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
        Command::Audit(command) => command.run(),
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
