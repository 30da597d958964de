//! The last good snapshot on disk, so that a node serves without any controller (design: "edges keep the last good snapshot").

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use countersign_snapshot::{Network, SignedSnapshot, VerifyError};

/// The file of one network in the state directory. What is read from it is believed no more than what comes from the network: it is
/// verified and checked like an offer.
#[derive(Debug)]
pub(crate) struct LastGood {
    directory: PathBuf,
    path: PathBuf,
}

/// Why the file gives no snapshot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("the file cannot be read")]
    Read(#[from] io::Error),
    #[error("the file is no snapshot")]
    Malformed(#[from] VerifyError),
}

impl LastGood {
    /// Names the file and makes the directory.
    pub(crate) fn open(directory: &Path, network: Network) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            path: directory.join(format!("{network}.snapshot")),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the snapshot; `None` when there never was one.
    pub(crate) fn load(&self) -> Result<Option<SignedSnapshot>, LoadError> {
        let mut bytes = Vec::new();
        match File::open(&self.path) {
            Ok(mut file) => file.read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(SignedSnapshot::from_bytes(&bytes)?))
    }

    /// Puts a snapshot in the place of the old one. Invariant I8: after a crash at any point there is the old one or the new one, whole.
    pub(crate) fn save(&self, snapshot: &SignedSnapshot) -> io::Result<()> {
        let temporary = self.path.with_extension("snapshot.new");
        let mut file = private_file(&temporary)?;
        file.write_all(&snapshot.to_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, &self.path)?;
        // The rename itself is durable only with its directory.
        File::open(&self.directory)?.sync_all()
    }
}

/// The private keys in it are sealed; who is trusted is still nobody else's business.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
