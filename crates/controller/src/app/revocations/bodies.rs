//! CRLs and OCSP responses as files named by their SHA-256: they may be far larger than a database likes.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use countersign_snapshot::{BodyDigest, RevocationBodies};

/// A directory of bodies. The store refers to them; a body is durable before the row that refers to it.
#[derive(Debug)]
pub(crate) struct BodyFiles {
    directory: PathBuf,
}

impl BodyFiles {
    /// Names the directory; it is made when there is something to keep.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self {
            directory: data_dir.join("revocation-bodies"),
        }
    }

    /// Keeps a body (invariant I8: whole and durable, or not at all).
    pub(crate) fn keep(&self, body: &[u8]) -> io::Result<BodyDigest> {
        let digest = BodyDigest::of(body);
        let path = self.directory.join(digest.to_string());
        if self.read(&digest).is_ok() {
            return Ok(digest);
        }
        fs::create_dir_all(&self.directory)?;
        let temporary = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(body)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, &path)?;
        File::open(&self.directory)?.sync_all()?;
        Ok(digest)
    }

    /// Removes what nothing refers to. A file that stays costs disk and nothing else.
    pub(crate) fn retain(&self, needed: &HashSet<String>) {
        for entry in fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            if !name.to_str().is_some_and(|name| needed.contains(name)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl RevocationBodies for BodyFiles {
    fn read(&self, body: &BodyDigest) -> io::Result<Vec<u8>> {
        let bytes = fs::read(self.directory.join(body.to_string()))?;
        if BodyDigest::of(&bytes) == *body {
            Ok(bytes)
        } else {
            Err(io::ErrorKind::InvalidData.into())
        }
    }
}
