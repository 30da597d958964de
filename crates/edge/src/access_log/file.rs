//! An access log in a file: put aside when it is full, made anew when someone else moved it away.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::num::{NonZeroU32, NonZeroU64};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that records go to, and when it is put aside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogFile {
    /// Where it is; made when it does not exist.
    pub path: PathBuf,
    /// Before it grows beyond this it becomes `path.1`, what was `path.1` becomes `path.2`, and so on. `None`: it only grows.
    pub max_bytes: Option<NonZeroU64>,
    /// So many files are kept beside the current one; older ones are removed.
    pub keep: NonZeroU32,
}

impl LogFile {
    /// A file that only grows.
    #[must_use]
    pub fn growing(path: PathBuf) -> Self {
        Self {
            path,
            max_bytes: None,
            keep: NonZeroU32::MIN,
        }
    }
}

/// The open file. Several writers, also of several processes, may share one path.
#[derive(Debug)]
pub(super) struct Writer {
    config: LogFile,
    file: File,
    /// Putting it aside failed, and was said.
    stuck: bool,
}

impl Writer {
    pub(super) fn open(config: LogFile) -> io::Result<Self> {
        Ok(Self {
            file: open(&config.path)?,
            config,
            stuck: false,
        })
    }

    /// Opens the path again, for whoever moved the file away.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.file = open(&self.config.path)?;
        Ok(())
    }

    /// Makes sure that the next bytes go to the file at the path, and that they do not make it too long.
    fn prepare(&mut self, bytes: usize) -> io::Result<()> {
        let Some(found) = self.current()? else {
            return self.reopen();
        };
        let Some(max_bytes) = self.config.max_bytes else {
            return Ok(());
        };
        if found.len() == 0 || found.len().saturating_add(bytes as u64) <= max_bytes.get() {
            return Ok(());
        }
        match self.put_aside() {
            Ok(()) => self.stuck = false,
            // A log that is too long is better than none.
            Err(error) if !self.stuck => {
                self.stuck = true;
                tracing::error!(
                    path = %self.config.path.display(),
                    error = &error as &dyn std::error::Error,
                    "the access log cannot be put aside; it grows on"
                );
            }
            Err(_) => {}
        }
        Ok(())
    }

    /// What is at the path; `None` when that is not the open file any more.
    fn current(&self) -> io::Result<Option<Metadata>> {
        let own = self.file.metadata()?;
        match std::fs::metadata(&self.config.path) {
            Ok(found) if found.dev() == own.dev() && found.ino() == own.ino() => Ok(Some(found)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn put_aside(&mut self) -> io::Result<()> {
        // One writer at a time: whoever comes second finds another file at the path. The lock ends with the file.
        self.file.lock()?;
        if self.current()?.is_some() {
            for number in (1..self.config.keep.get()).rev() {
                rename(&self.aside(number), &self.aside(number + 1))?;
            }
            rename(&self.config.path, &self.aside(1))?;
        }
        self.reopen()
    }

    fn aside(&self, number: u32) -> PathBuf {
        let mut name = self.config.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

impl Write for Writer {
    /// Takes whole records, and writes them whole.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.prepare(bytes.len())?;
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// What is not there needs no other name.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(directory: &Path, max_bytes: u64, keep: u32) -> LogFile {
        LogFile {
            path: directory.join("access.log"),
            max_bytes: NonZeroU64::new(max_bytes),
            keep: NonZeroU32::new(keep).unwrap(),
        }
    }

    fn contents(directory: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, std::fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    fn expect(directory: &Path, expected: &[(&str, &str)]) {
        let found = contents(directory);
        let found: Vec<_> = found
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(config(directory.path(), 8, 2)).unwrap();
        for record in ["one\n", "two\n", "three\n", "four\n", "longer than all\n"] {
            writer.write_all(record.as_bytes()).unwrap();
        }
        expect(
            directory.path(),
            &[
                ("access.log", "longer than all\n"),
                ("access.log.1", "four\n"),
                ("access.log.2", "three\n"),
            ],
        );
    }

    #[test]
    fn two_writers_of_one_path_lose_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path(), 64, 100);
        let threads: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|name| {
                let mut writer = Writer::open(config.clone()).unwrap();
                std::thread::spawn(move || {
                    for number in 0..100 {
                        // As the log does it: whole records.
                        let record = format!("{name}{number:03}\n");
                        writer.write_all(record.as_bytes()).unwrap();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let mut records: Vec<_> = contents(directory.path())
            .iter()
            .flat_map(|(_, text)| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        records.sort();
        let expected: Vec<_> = ["a", "b"]
            .into_iter()
            .flat_map(|name| (0..100).map(move |number| format!("{name}{number:03}")))
            .collect();
        assert_eq!(records, expected);
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(LogFile::growing(directory.path().join("a"))).unwrap();
        writer.write_all(b"one\n").unwrap();
        std::fs::rename(directory.path().join("a"), directory.path().join("b")).unwrap();
        writer.write_all(b"two\n").unwrap();
        std::fs::remove_file(directory.path().join("a")).unwrap();
        writer.write_all(b"three\n").unwrap();
        expect(directory.path(), &[("a", "three\n"), ("b", "one\n")]);
    }
}
