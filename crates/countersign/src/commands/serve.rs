//! `countersign serve`: controller and edges in one process.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;

use crate::config::{Config, Layers};
use crate::instance::{self, Asked, Instance, Operator};
use crate::log_level::LogLevel;
use crate::notify;
use crate::sockets::Inherited;
use crate::successor::Program;

/// Runs the controller and the edges of both networks in one process until SIGINT or SIGTERM.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The configuration file; `countersign config default` prints one to start from.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Serve {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let config = Served::load(self.config.as_deref())?;
        // Before there are threads, since it takes them out of the environment.
        let inherited = Inherited::from_environment()?;
        let program = Program::this()?;
        instance::block_on(&config.log_level.clone(), |log_level| async move {
            let mut operator = Operator::listen()?;
            let instance = Instance::start(&config, inherited).await?;
            instance.announce();
            notify::ready();
            let mut served = Served {
                instance,
                config,
                file: self.config,
                program,
                log_level,
            };
            loop {
                let ends = match operator.asked().await {
                    Asked::Stop => true,
                    Asked::Reload => served.reload().await,
                    Asked::Upgrade => served.hand_over(None).await,
                };
                if ends {
                    break;
                }
            }
            tracing::info!("stopping");
            notify::stopping();
            served.instance.stop(served.config.drain_deadline).await
        })
    }
}

/// What an operator can change of a running process.
struct Served {
    instance: Instance,
    config: Config,
    file: Option<PathBuf>,
    program: Program,
    log_level: Arc<LogLevel>,
}

impl Served {
    fn load(file: Option<&Path>) -> Result<Config> {
        Ok(Config::load(&Layers {
            file,
            environment: std::env::vars().collect(),
            flags: Vec::new(),
        })?)
    }

    /// Takes up the configuration as it is now. What a running process cannot change is taken up by a new one that gets its sockets; `true`
    /// when that is so, and this one is to end.
    async fn reload(&mut self) -> bool {
        notify::reloading();
        let ends = match Self::load(self.file.as_deref()) {
            Err(error) => {
                tracing::error!(
                    error = &*error as &dyn std::error::Error,
                    "the configuration is not taken up; everything stays as it is"
                );
                false
            }
            Ok(config) if self.config.differs_at_rest(&config) => {
                self.hand_over(Some(config)).await
            }
            Ok(config) => {
                self.log_level.configure(&config.log_level);
                if let Some(files) = &config.api_certificate
                    && let Err(error) = self.instance.reload_certificate(files)
                {
                    tracing::error!(
                        error = &*error as &dyn std::error::Error,
                        "the control API keeps its certificate"
                    );
                }
                self.config = config;
                tracing::info!("configuration read again");
                false
            }
        };
        if !ends {
            notify::ready();
        }
        ends
    }

    /// `true` when another process has taken over.
    async fn hand_over(&mut self, config: Option<Config>) -> bool {
        let result = self.instance.hand_over(&self.config, &self.program).await;
        match result {
            Ok(()) => {
                if let Some(config) = config {
                    self.config.drain_deadline = config.drain_deadline;
                }
                true
            }
            Err(error) => {
                tracing::error!("{error:#}");
                false
            }
        }
    }
}
