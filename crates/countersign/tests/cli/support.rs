//! An instance in a directory of its own, commands in that directory, and transcripts of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use countersign_testkit::process::{Program, free_address};
use tempfile::TempDir;

pub(crate) struct World {
    dir: TempDir,
    instance: Option<Program>,
}

impl World {
    /// Without an instance.
    pub(crate) fn empty() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            instance: None,
        }
    }

    /// With a quickstart that is ready.
    pub(crate) fn started() -> Self {
        let mut world = Self::empty();
        let mut command = world.command();
        command.arg("quickstart");
        for flag in ["--api", "--production", "--staging", "--origin"] {
            command.args([flag, &free_address().to_string()]);
        }
        let mut instance = Program::start(&mut command);
        instance.wait_for_line("# and back");
        world.instance = Some(instance);
        world
    }

    pub(crate) fn stop(&mut self) {
        let mut instance = self.instance.take().unwrap();
        instance.terminate();
        assert_eq!(instance.wait().code(), Some(0));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs one command with its arguments in a line, as a shell takes it.
    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.shell(&format!("countersign {arguments}"))
    }

    pub(crate) fn json(&self, arguments: &str) -> serde_json::Value {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs the commands of a transcript and compares.
    pub(crate) fn check(&self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/cli")
            .join(name);
        let expected = std::fs::read_to_string(&path).unwrap();
        let mut actual = String::new();
        for line in expected.lines() {
            if line.is_empty() || line.starts_with("# ") {
                writeln!(actual, "{line}").unwrap();
            } else if let Some(command) = line.strip_prefix("$ ") {
                writeln!(actual, "{line}").unwrap();
                actual.push_str(&self.transcript(command));
            }
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &actual).unwrap();
            return;
        }
        assert!(actual == expected, "{name} would be:\n{actual}");
    }

    fn transcript(&self, command: &str) -> String {
        let output = self.shell(command);
        let mut text = redact(&String::from_utf8_lossy(&output.stdout))
            // An empty line separates commands.
            .lines()
            .map(|line| {
                if line.is_empty() {
                    "|\n".to_owned()
                } else {
                    format!("{line}\n")
                }
            })
            .collect::<String>();
        for line in redact(&String::from_utf8_lossy(&output.stderr)).lines() {
            // How far it was when it was looked at is a matter of chance.
            if !line.ends_with(" %") {
                writeln!(text, "! {line}").unwrap();
            }
        }
        if output.status.code() != Some(0) {
            writeln!(text, "exit {}", output.status.code().unwrap()).unwrap();
        }
        text
    }

    /// Where the demo's production edge is.
    pub(crate) fn edge(&self) -> String {
        let instance = self.instance.as_ref().unwrap();
        let story = instance.stdout();
        let (_, rest) = story.split_once("site=").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }

    pub(crate) fn shell(&self, script: &str) -> Output {
        let binary = Path::new(env!("CARGO_BIN_EXE_countersign"))
            .parent()
            .unwrap();
        let mut command = Command::new("bash");
        command
            .args(["-c", script])
            .env("PATH", format!("{}:/usr/bin:/bin", binary.display()));
        self.hermetic(&mut command);
        command.output().unwrap()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        self.hermetic(&mut command);
        command
    }

    fn hermetic(&self, command: &mut Command) {
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars() {
            if name.starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
    }
}

/// Replaces what differs from run to run: times, hashes, secrets, ids of API clients, ports. Columns keep their widths.
fn redact(text: &str) -> String {
    let mut shown = String::new();
    for word in split(text) {
        shown.push_str(&redact_word(word));
    }
    shown
}

/// Words and what is between them.
fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let in_word =
        |character: char| character.is_ascii_alphanumeric() || "-_:+=".contains(character);
    let mut was_in_word = false;
    for (position, character) in text.char_indices() {
        if position > start && in_word(character) != was_in_word {
            words.push(&text[start..position]);
            start = position;
        }
        was_in_word = in_word(character);
    }
    words.push(&text[start..]);
    words
}

fn redact_word(word: &str) -> String {
    let fill = |name: &str| format!("{name:.<width$}", width = word.len());
    let is_time =
        [19, 20].contains(&word.len()) && word.as_bytes()[4] == b'-' && word.as_bytes()[10] == b'T';
    if is_time {
        return fill("TIME");
    }
    // A fraction of a second.
    if let Some(digits) = word.strip_suffix('Z')
        && digits.len() == 6
        && digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return "FRACTION".to_owned();
    }
    if word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return fill("SHA256");
    }
    // Sixteen random octets; one in 256 begins with a zero, which is not written.
    if (26..=32).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return format!("{:.<32}", "SERIAL");
    }
    if word.starts_with("csgn_") || word.starts_with("akab-") {
        return fill("SECRET");
    }
    if let Some((start, port)) = word.rsplit_once(':')
        && port.len() >= 4
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        return format!("{start}:PORT");
    }
    // Ids of API clients: twelve random octets in base64.
    if word.len() == 16
        && word.bytes().any(|byte| byte.is_ascii_uppercase())
        && word.bytes().any(|byte| byte.is_ascii_lowercase())
    {
        return fill("ID");
    }
    word.to_owned()
}
