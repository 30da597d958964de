//! What changes meanwhile, one thing after the other: none of it concerns the clients.

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::instance::{DEMO, Instance};

pub(super) struct Changes<'a> {
    instance: &'a Instance,
    done: u32,
    failures: Vec<String>,
}

impl<'a> Changes<'a> {
    pub(super) async fn prepare(instance: &'a Instance) -> Result<Self> {
        let (own, other) = (instance.demo("ca.pem"), instance.demo("other-ca.pem"));
        let mut command = instance.command(&["ca-set", "version", "create", DEMO]);
        command.arg("--ca").arg(own).arg("--ca").arg(other);
        carry_out(command).await?;
        Ok(Self {
            instance,
            done: 0,
            failures: Vec::new(),
        })
    }

    /// A version of the CA set that trusts another CA as well, and then again one that does not; other settings of the site; the
    /// configuration read again.
    pub(super) async fn next(&mut self) {
        let timeout = (10_000 + self.done).to_string();
        let activate = [
            "ca-set",
            "activate",
            DEMO,
            "--network",
            "production",
            "--yes",
            "--wait",
        ];
        let deploy = [
            "site",
            "update",
            DEMO,
            "--deploy",
            "production",
            "--yes",
            "--wait",
            "--first-byte-timeout",
            &timeout,
        ];
        let change = match self.done % 6 {
            0 => self.instance.command(&[&activate[..], &["2"]].concat()),
            3 => self.instance.command(&[&activate[..], &["1"]].concat()),
            1 | 4 => self.instance.command(&deploy),
            _ => self.instance.reload(),
        };
        self.done += 1;
        if let Err(error) = carry_out(change).await {
            self.failures
                .push(format!("change {}: {error:#}", self.done));
        }
    }

    pub(super) fn so_far(&self) -> String {
        format!("{:7}  {:6}", self.done, self.failures.len())
    }

    pub(super) fn end(self) -> Vec<String> {
        self.failures
    }
}

async fn carry_out(mut command: Command) -> Result<()> {
    let done = command.output().await.context("cannot start it")?;
    if !done.status.success() {
        bail!("{}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(())
}
