//! `countersign quickstart`: an instance with a demo, ready for the first curl.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::config::{Config, Layers};
use crate::demo::{Demo, story};
use crate::instance::{self, Instance, Operator};
use crate::sockets::Inherited;

/// Runs everything in one process with a demo: certificates, a CA set, a site and an origin, and curl commands to try.
#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    /// Where everything is kept; found and reused at the next start.
    #[arg(long, value_name = "DIR", default_value = "countersign-data")]
    data: PathBuf,
    /// Where the control API listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8440")]
    api: SocketAddr,
    /// Where the production edge listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    production: SocketAddr,
    /// Where the staging edge listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8444")]
    staging: SocketAddr,
    /// Where the demo's origin listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8441")]
    origin: SocketAddr,
    /// Where access records go: `stdout`, `stderr`, `off` or a file; a file in the data directory by default.
    #[arg(long, value_name = "OUTPUT")]
    access_log: Option<String>,
}

impl Quickstart {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let access_log = self
            .access_log
            .unwrap_or_else(|| self.data.join("access.log").display().to_string());
        let config = Config::load(&Layers {
            file: None,
            environment: std::env::vars().collect(),
            flags: vec![
                ("data_dir", self.data.display().to_string()),
                ("api.listen", self.api.to_string()),
                ("edge.production.listen", self.production.to_string()),
                ("edge.staging.listen", self.staging.to_string()),
                ("access_log.output", access_log),
                ("log.level", "warn".to_owned()),
            ],
        })?;
        instance::block_on(&config.log_level, |_| async {
            let mut operator = Operator::listen()?;
            let instance = Instance::start(&config, Inherited::default()).await?;
            let demo = Demo::set_up(&instance, self.origin).await?;
            print!("{}", story::tell(&instance, instance.control()?, &demo));
            operator.stop().await;
            println!("stopping");
            instance.stop(config.drain_deadline).await
        })
    }
}
