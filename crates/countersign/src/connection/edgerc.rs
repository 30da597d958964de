//! `.edgerc`: EdgeGrid credentials as the vendor's clients read them.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use countersign_api::v1::SecretText;

use crate::complaint::Complaint;
use crate::data_dir::write_private;

/// One section.
#[derive(Debug)]
pub(crate) struct Edgerc {
    pub(crate) host: String,
    pub(crate) client_token: String,
    pub(crate) access_token: String,
    pub(crate) client_secret: SecretText,
}

impl Edgerc {
    /// Reads a section of a file.
    pub(crate) fn read(path: &Path, section: &str) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text, section).map_err(|problem| {
            Complaint::new(
                format!("{} {problem}", path.display()),
                "`countersign api-client create NAME --write-edgerc FILE` writes one",
            )
            .into()
        })
    }

    fn parse(text: &str, section: &str) -> Result<Self, String> {
        let mut sections = Vec::new();
        let mut found = false;
        let [
            mut host,
            mut client_token,
            mut access_token,
            mut client_secret,
        ] = [const { String::new() }; 4];
        for line in text.lines().map(str::trim) {
            if let Some(name) = section_name(line) {
                sections.push(name);
                continue;
            }
            if sections.last() != Some(&section) || line.starts_with(['#', ';']) {
                continue;
            }
            found = true;
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let value = value.trim().to_owned();
            match key.trim() {
                "host" => host = value,
                "client_token" => client_token = value,
                "access_token" => access_token = value,
                "client_secret" => client_secret = value,
                _ => {}
            }
        }
        if !found {
            let known = sections.join("`, `");
            return Err(format!("has no section `{section}`, but `{known}`"));
        }
        for (key, value) in [
            ("host", &host),
            ("client_token", &client_token),
            ("access_token", &access_token),
            ("client_secret", &client_secret),
        ] {
            if value.is_empty() {
                return Err(format!("has no `{key}` in its section `{section}`"));
            }
        }
        Ok(Self {
            host,
            client_token,
            access_token,
            client_secret: SecretText::new(client_secret),
        })
    }

    /// The controller's address; the vendor's files have hosts without scheme.
    pub(crate) fn url(&self) -> String {
        if self.host.contains("://") {
            self.host.clone()
        } else {
            format!("https://{}", self.host)
        }
    }

    /// Puts the section into a file, readable by its owner only, in place of one of the same name; other sections stay as they are.
    pub(crate) fn write(&self, path: &Path, section: &str) -> Result<()> {
        let known = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        write_private(path, self.put_into(&known, section).as_bytes())
    }

    fn put_into(&self, known: &str, section: &str) -> String {
        let mut text = String::new();
        let mut is_replaced = false;
        for line in known.lines() {
            if let Some(name) = section_name(line.trim()) {
                is_replaced = name == section;
            }
            if !is_replaced {
                text.push_str(line);
                text.push('\n');
            }
        }
        if !text.is_empty() && !text.ends_with("\n\n") {
            text.push('\n');
        }
        text.push_str(&format!(
            "[{section}]\nhost = {}\nclient_token = {}\naccess_token = {}\nclient_secret = {}\n",
            self.host,
            self.client_token,
            self.access_token,
            self.client_secret.expose()
        ));
        text
    }
}

fn section_name(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(']').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mine\n[other]\nhost = x\n\n[default]\nclient_secret = s=\nhost = akab-1.example\naccess_token = a\nclient_token = c\nmax_body = 131072\n";

    #[test]
    fn a_section_is_read_and_others_are_not() {
        let read = Edgerc::parse(TEXT, "default").unwrap();
        assert_eq!(read.url(), "https://akab-1.example");
        assert_eq!(read.client_secret.expose(), "s=");
        assert_eq!(
            Edgerc::parse(TEXT, "staging").unwrap_err(),
            "has no section `staging`, but `other`, `default`"
        );
        assert_eq!(
            Edgerc::parse(TEXT, "other").unwrap_err(),
            "has no `client_token` in its section `other`"
        );
    }

    #[test]
    fn writing_replaces_the_section_of_that_name_only() {
        let mut section = Edgerc::parse(TEXT, "default").unwrap();
        section.host = "new.example:8440".to_owned();
        let text = section.put_into(TEXT, "default");
        assert!(
            text.starts_with("# mine\n[other]\nhost = x\n\n[default]\nhost = new.example:8440\n"),
            "{text}"
        );
        assert_eq!(text.matches("[default]").count(), 1);
        assert_eq!(section.put_into(&text, "default"), text);
        assert_eq!(
            Edgerc::parse(&text, "default").unwrap().host,
            "new.example:8440"
        );
    }
}
