//! `countersign completions`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Command, ValueEnum};
use clap_complete::{Shell, generate};

use crate::output::print;

/// Prints completions for a shell.
///
/// For bash: countersign completions bash > ~/.local/share/bash-completion/completions/countersign
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// For which shell.
    #[arg(value_enum)]
    shell: KnownShell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KnownShell {
    Bash,
    Fish,
    Zsh,
}

impl Completions {
    pub(crate) fn run(self, mut command: Command) -> Result<ExitCode> {
        let shell = match self.shell {
            KnownShell::Bash => Shell::Bash,
            KnownShell::Fish => Shell::Fish,
            KnownShell::Zsh => Shell::Zsh,
        };
        let mut script = Vec::new();
        generate(shell, &mut command, "countersign", &mut script);
        print(&String::from_utf8_lossy(&script))?;
        Ok(ExitCode::SUCCESS)
    }
}
