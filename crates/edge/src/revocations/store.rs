//! The last good revocations on disk: the manifest, and its bodies by their digests.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use countersign_snapshot::{BodyDigest, Network};

use crate::store::private_file;

/// The files of one network. What is read from them is believed no more than what comes from the network.
#[derive(Debug)]
pub(crate) struct RevocationStore {
    directory: PathBuf,
    manifest: PathBuf,
    bodies: PathBuf,
}

impl RevocationStore {
    /// Names the files and makes the directories.
    pub(crate) fn open(directory: &Path, network: Network) -> io::Result<Self> {
        let bodies = directory.join(format!("{network}.revocation-bodies"));
        fs::create_dir_all(&bodies)?;
        Ok(Self {
            directory: directory.to_owned(),
            manifest: directory.join(format!("{network}.revocations")),
            bodies,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.manifest
    }

    /// Reads the manifest; `None` when there never was one.
    pub(crate) fn load(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.manifest) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a manifest in the place of the old one; its bodies are there already (invariant I8).
    pub(crate) fn save(&self, manifest: &[u8]) -> io::Result<()> {
        replace(&self.directory, &self.manifest, manifest)
    }

    /// Reads a body; one that was damaged is none.
    pub(crate) fn body(&self, digest: &BodyDigest) -> Option<Vec<u8>> {
        let bytes = fs::read(self.bodies.join(digest.to_string())).ok()?;
        (BodyDigest::of(&bytes) == *digest).then_some(bytes)
    }

    pub(crate) fn keep(&self, digest: &BodyDigest, body: &[u8]) -> io::Result<()> {
        replace(&self.bodies, &self.bodies.join(digest.to_string()), body)
    }

    /// Removes the bodies that nothing needs any more. One that stays costs disk and nothing else.
    pub(crate) fn retain(&self, needed: impl Fn(&BodyDigest) -> bool) {
        for entry in fs::read_dir(&self.bodies).into_iter().flatten().flatten() {
            let digest = entry.file_name().to_str().and_then(parse);
            if !digest.is_some_and(|digest| needed(&digest)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn parse(name: &str) -> Option<BodyDigest> {
    let mut bytes = [0; 32];
    let (pairs, rest) = name.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(BodyDigest::from_bytes(bytes))
}

/// After a crash at any point there is the old file or the new one, whole.
fn replace(directory: &Path, path: &Path, contents: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = private_file(&temporary)?;
    file.write_all(contents)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    File::open(directory)?.sync_all()
}
