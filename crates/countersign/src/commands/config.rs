//! `countersign config`: default, check, show.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::config::{self, Config, Layers};

/// Prints, checks and shows configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Prints every key with its default and what it means.
    Default,
    /// Checks a file (and the environment) and reports every mistake with its line. Exit code 0: good; 1: not.
    Check {
        /// The configuration file; only the environment over the defaults when left out.
        file: Option<PathBuf>,
    },
    /// Prints the effective values, each with where it came from.
    Show {
        /// The configuration file; only the environment over the defaults when left out.
        file: Option<PathBuf>,
    },
}

impl ConfigCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Default => print!("{}", config::DEFAULT),
            Self::Check { file } => {
                Config::load(&layers(file.as_deref()))?;
                eprintln!("the configuration is good");
            }
            Self::Show { file } => print!("{}", config::show(&layers(file.as_deref()))?),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn layers(file: Option<&std::path::Path>) -> Layers<'_> {
    Layers {
        file,
        environment: std::env::vars().collect(),
        flags: Vec::new(),
    }
}
