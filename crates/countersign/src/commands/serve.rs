//! `countersign serve`: controller and edges in one process.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::config::{Config, Layers};
use crate::instance::{self, Instance};

/// Runs the controller and the edges of both networks in one process until SIGINT or SIGTERM.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The configuration file; `countersign config default` prints one to start from.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Serve {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let config = Config::load(&Layers {
            file: self.config.as_deref(),
            environment: std::env::vars().collect(),
            flags: Vec::new(),
        })?;
        instance::block_on(&config, async {
            let instance = Instance::start(&config).await?;
            instance.announce();
            instance::wait_for_stop().await?;
            instance.stop(config.drain_deadline).await
        })
    }
}
