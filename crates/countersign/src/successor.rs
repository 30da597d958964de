//! Starting the process that takes over, with this process's listening sockets.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use command_fds::{CommandFdExt, FdMapping};
use tokio::net::UnixDatagram;
use tokio::time::{Instant, sleep, timeout_at};

use crate::notify;

/// For the new process to serve; a store of some size is opened within seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks whether it still runs.
const LOOK: Duration = Duration::from_millis(50);
/// `sd_listen_fds(3)`: the first socket.
const FIRST: i32 = 3;

/// How to start this program again.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// As it was started. To be called early: a file that is replaced has another name for the process that runs it.
    pub(crate) fn this() -> Result<Self> {
        Ok(Self {
            path: std::env::current_exe().context("cannot tell where this program is")?,
            arguments: std::env::args_os().skip(1).collect(),
        })
    }

    /// Starts it with these sockets, and returns when it serves.
    ///
    /// # Errors
    /// When it cannot be started, ends, or does not serve in time; then it does not run.
    pub(crate) async fn succeed(&self, sockets: Vec<OwnedFd>, words: &Path) -> Result<u32> {
        // One that was left by a process that was killed.
        let _ = std::fs::remove_file(words);
        let socket = UnixDatagram::bind(words)
            .with_context(|| format!("cannot listen at {}", words.display()))?;
        let mut child = self.start(sockets, words)?;
        let deadline = Instant::now() + PATIENCE;
        let result = loop {
            let mut said = [0; 64];
            let heard =
                timeout_at(deadline.min(Instant::now() + LOOK), socket.recv(&mut said)).await;
            if let Ok(Ok(length)) = heard
                && said.get(..length) == Some(notify::READY.as_bytes())
            {
                break Ok(child.id());
            }
            match child.try_wait() {
                Ok(None) if Instant::now() < deadline => sleep(LOOK).await,
                Ok(None) => {
                    break Err(anyhow::anyhow!(
                        "it did not serve within {} s",
                        PATIENCE.as_secs()
                    ));
                }
                Ok(Some(status)) => break Err(anyhow::anyhow!("it ended with {status}")),
                Err(error) => break Err(error.into()),
            }
        };
        let _ = std::fs::remove_file(words);
        if result.is_err() {
            // It only fails when the process has ended.
            let _ = child.kill();
            let _ = child.wait();
        }
        result
    }

    fn start(&self, sockets: Vec<OwnedFd>, words: &Path) -> Result<Child> {
        let mut command = Command::new(&self.path);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .env("LISTEN_FDS", sockets.len().to_string())
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDS_FIRST_FD")
            .env(notify::PREDECESSOR, words);
        let mappings = (FIRST..)
            .zip(sockets)
            .map(|(child_fd, parent_fd)| FdMapping {
                parent_fd,
                child_fd,
            })
            .collect();
        if command.fd_mappings(mappings).is_err() {
            bail!("the sockets cannot be handed over");
        }
        command
            .spawn()
            .with_context(|| format!("cannot start {}", self.path.display()))
    }
}
