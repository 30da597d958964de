//! The register of what was revoked: `revoked.txt` in the directory of the authority, one line each, for people and `git` as well.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use countersign_pki::{RevocationReason, Revoked};
use countersign_trust::UnixTime;

use crate::data_dir::write_private;
use crate::deployed::read_text;

const HEAD: &str = "# serial\trevoked at\treason\tsubject\n";

/// The register, as it is on disk.
#[derive(Debug)]
pub(super) struct Register {
    path: PathBuf,
    text: String,
}

impl Register {
    pub(super) fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("revoked.txt");
        let text = if path.exists() {
            read_text(&path)?
        } else {
            HEAD.to_owned()
        };
        Ok(Self { path, text })
    }

    pub(super) fn entries(&self) -> Result<Vec<Revoked>> {
        let lines = self.text.lines().zip(1..);
        lines
            .filter(|(line, _)| !line.starts_with('#') && !line.trim().is_empty())
            .map(|(line, number)| {
                entry(line)
                    .with_context(|| format!("{} line {number} is no entry", self.path.display()))
            })
            .collect()
    }

    /// Adds an entry and writes the register whole, beside and renamed.
    pub(super) fn add(&mut self, revoked: &Revoked, subject: &str) -> Result<()> {
        let serial: String = revoked
            .serial
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect();
        let at = UnixTime::from_secs(revoked.at);
        // A subject may hold anything; the register has lines and columns.
        let subject = crate::output::plain(subject);
        self.text.push_str(&format!(
            "{serial}\t{at}\t{}\t{subject}\n",
            revoked.reason.name()
        ));
        let beside = self.path.with_extension("new");
        // Left behind by a run that was interrupted.
        let _ = std::fs::remove_file(&beside);
        write_private(&beside, self.text.as_bytes())?;
        std::fs::rename(&beside, &self.path)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn entry(line: &str) -> Result<Revoked> {
    let mut columns = line.split('\t');
    let (Some(serial), Some(at), Some(reason)) = (columns.next(), columns.next(), columns.next())
    else {
        bail!("it has no serial number, time and reason between tabulators");
    };
    let octets = serial.as_bytes();
    if octets.is_empty() || octets.len() > 40 || !octets.len().is_multiple_of(2) {
        bail!("`{serial}` is no serial number");
    }
    let serial = (0..octets.len())
        .step_by(2)
        .map(|place| {
            let pair = serial.get(place..place + 2).unwrap_or_default();
            u8::from_str_radix(pair, 16)
        })
        .collect::<Result<_, _>>()
        .with_context(|| format!("`{serial}` is no serial number"))?;
    let at: UnixTime = at.parse().with_context(|| format!("`{at}` is no time"))?;
    let reason = RevocationReason::ALL
        .into_iter()
        .find(|known| known.name() == reason)
        .with_context(|| format!("`{reason}` is no reason"))?;
    Ok(Revoked {
        serial,
        at: at.as_secs(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_read_again_and_what_is_broken_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut register = Register::read(dir.path()).unwrap();
        let revoked = Revoked {
            serial: vec![0, 0xff],
            at: 1_780_272_000,
            reason: RevocationReason::KeyCompromise,
        };
        register.add(&revoked, "CN=a\tb\nc").unwrap();
        register.add(&revoked, "CN=d").unwrap();
        let again = Register::read(dir.path()).unwrap();
        assert_eq!(again.entries().unwrap(), [revoked.clone(), revoked]);
        for broken in [
            "00ff",
            "0\t2026-06-01T00:00:00Z\tunspecified",
            "zz\t2026-06-01T00:00:00Z\tunspecified",
            "00\tnow\tunspecified",
            "00\t2026-06-01T00:00:00Z\tmood",
            "ü\t2026-06-01T00:00:00Z\tunspecified",
        ] {
            assert!(entry(broken).is_err(), "{broken}");
        }
    }
}
