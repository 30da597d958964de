//! How much the process says, also while it runs.

use anyhow::{Result, anyhow};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What SIGUSR1 switches to: everything of our own, and of others what matters.
const VERBOSE: &str = "info,countersign=debug,countersign_controller=debug,countersign_edge=debug,countersign_tls=debug";

/// The level of the log, which signals change.
pub(crate) struct LogLevel {
    configured: String,
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
            configured: configured.to_owned(),
            set: Box::new(move |filter| {
                // It only fails when nothing logs any more.
                let _ = handle.reload(filter);
            }),
        })
    }

    /// SIGUSR1: debug. SIGUSR2: as configured.
    pub(crate) async fn follow_signals(self) {
        let (Ok(mut more), Ok(mut less)) = (
            signal(SignalKind::user_defined1()),
            signal(SignalKind::user_defined2()),
        ) else {
            return;
        };
        loop {
            let level = tokio::select! {
                _ = more.recv() => VERBOSE,
                _ = less.recv() => &self.configured,
            };
            if let Ok(filter) = level.parse() {
                (self.set)(filter);
                tracing::warn!(level, "log level changed");
            }
        }
    }
}
