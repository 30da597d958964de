//! How much the process says, also while it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What SIGUSR1 switches to: everything of our own, and of others what matters.
const VERBOSE: &str = "info,countersign=debug,countersign_controller=debug,countersign_edge=debug,countersign_tls=debug";

/// The level of the log, which signals change.
pub(crate) struct LogLevel {
    configured: Mutex<String>,
    set: Box<dyn Fn(EnvFilter) + Send + Sync>,
}

impl LogLevel {
    /// Starts logging to the standard error output.
    ///
    /// # Errors
    /// When the level cannot be read, or something logs already.
    pub(crate) fn start(configured: &str) -> Result<Self> {
        let builder = tracing_subscriber::fmt()
            .with_env_filter(configured.parse::<EnvFilter>()?)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .with_filter_reloading();
        let handle = builder.reload_handle();
        builder.try_init().map_err(|error| anyhow!(error))?;
        Ok(Self {
            configured: Mutex::new(configured.to_owned()),
            set: Box::new(move |filter| {
                // It only fails when nothing logs any more.
                let _ = handle.reload(filter);
            }),
        })
    }

    /// SIGUSR1: debug, and as configured again.
    pub(crate) async fn follow_signals(self: Arc<Self>) {
        let Ok(mut other) = signal(SignalKind::user_defined1()) else {
            return;
        };
        let mut is_verbose = false;
        while other.recv().await.is_some() {
            is_verbose = !is_verbose;
            let level = if is_verbose {
                VERBOSE.to_owned()
            } else {
                self.configured().clone()
            };
            self.change(&level);
        }
    }

    /// Another level is configured.
    pub(crate) fn configure(&self, level: &str) {
        let mut configured = self.configured();
        if *configured != level {
            level.clone_into(&mut configured);
            drop(configured);
            self.change(level);
        }
    }

    fn configured(&self) -> MutexGuard<'_, String> {
        self.configured
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, level: &str) {
        if let Ok(filter) = level.parse() {
            (self.set)(filter);
            tracing::warn!(level, "log level changed");
        }
    }
}
