//! The directory where an instance keeps everything, and the rules for its files: owner only, whole or absent, one process at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use countersign_snapshot::{Network, SealingKey, Secret, SigningKey};

/// An instance's directory, locked for this process until dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
    lock: File,
}

impl DataDir {
    /// Opens or makes the directory and locks it.
    ///
    /// # Errors
    /// When it cannot be made or another process runs on it.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        match Self::open_unless_in_use(root)? {
            Some(data) => Ok(data),
            None => bail!(
                "another countersign process runs on {}; stop it, or name another directory",
                root.display()
            ),
        }
    }

    /// As [`open`](Self::open); `None` when another process runs on it.
    pub(crate) fn open_unless_in_use(root: &Path) -> Result<Option<Self>> {
        make_dir(root)?;
        let path = root.join("instance.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self {
                root: root.to_owned(),
                lock,
            })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// Lets another process have it, which [`lock`](Self::lock) takes back.
    pub(crate) fn unlock(&self) -> Result<()> {
        self.lock
            .unlock()
            .context("cannot unlock the data directory")
    }

    /// Takes it back.
    pub(crate) fn lock(&self) -> Result<()> {
        self.lock
            .try_lock()
            .context("cannot lock the data directory again")
    }

    /// A path inside.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A directory inside, made when absent.
    pub(crate) fn dir(&self, relative: &str) -> Result<PathBuf> {
        let path = self.root.join(relative);
        make_dir(&path)?;
        Ok(path)
    }

    /// Where the edge of a network keeps its last good snapshot.
    pub(crate) fn edge_dir(&self, network: Network) -> Result<PathBuf> {
        self.dir(&format!("edge/{network}"))
    }

    /// The key that seals private keys, made at the first start.
    pub(crate) fn sealing_key(&self) -> Result<SealingKey> {
        let path = self.dir("keys")?.join("sealing.key");
        let stored = read_or_make(&path, || Ok(SealingKey::generate()?.to_secret()))?;
        SealingKey::from_bytes(stored.expose())
            .with_context(|| format!("{} is damaged; restore it from a backup", path.display()))
    }

    /// The key that signs snapshots, made at the first start.
    pub(crate) fn signing_key(&self) -> Result<SigningKey> {
        let path = self.dir("keys")?.join("snapshot-signing.key");
        let stored = read_or_make(&path, || Ok(SigningKey::generate()?.1))?;
        SigningKey::from_pkcs8(&stored)
            .with_context(|| format!("{} is damaged; restore it from a backup", path.display()))
    }
}

/// Writes a file that only the owner can read, whole or not at all: a crash leaves the old file or the new one.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => File::open(".")?.sync_all(),
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn read_or_make(path: &Path, make: impl FnOnce() -> Result<Secret>) -> Result<Secret> {
    match fs::read(path) {
        Ok(bytes) => Ok(Secret::new(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = make()?;
            write_private(path, secret.expose())?;
            Ok(secret)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn make_dir(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the directory {}", path.display()))?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o022 != 0 {
        bail!(
            "{} can be written by others; run `chmod go-w {}`",
            path.display(),
            path.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_readable_by_the_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        let first = DataDir::open(&root).unwrap();
        let key = first.signing_key().unwrap().verifying_key();
        let sealing = first.sealing_key().unwrap().to_secret();
        drop(first);
        let second = DataDir::open(&root).unwrap();
        assert_eq!(second.signing_key().unwrap().verifying_key(), key);
        assert_eq!(
            second.sealing_key().unwrap().to_secret().expose(),
            sealing.expose()
        );
        for file in ["keys/sealing.key", "keys/snapshot-signing.key"] {
            let mode = fs::metadata(root.join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[test]
    fn two_processes_do_not_share_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let _first = DataDir::open(dir.path()).unwrap();
        let error = DataDir::open(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("another countersign process runs on"),
            "{error}"
        );
    }

    #[test]
    fn a_directory_that_others_can_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = DataDir::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("chmod go-w"), "{error}");
    }
}
