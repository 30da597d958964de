//! Declarations as files: YAML, TOML or JSON, with the files that they name.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use countersign_api::v1::declaration::Declaration;
use serde_json::{Map, Value};

use crate::complaint::Complaint;
use crate::deployed::read_text;

/// How a declaration is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Form {
    Json,
    Toml,
    Yaml,
}

/// Reads a declaration and everything that it names.
pub(super) fn read(path: &Path) -> Result<Declaration> {
    let (text, form, directory) = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("cannot read standard input")?;
        (text, Form::Yaml, Path::new("."))
    } else {
        let directory = path.parent().unwrap_or_else(|| Path::new("."));
        (read_text(path)?, form_of(path), directory)
    };
    let mut value =
        parse(&text, form).with_context(|| format!("{} cannot be read", path.display()))?;
    include(&mut value, directory, "")?;
    serde_json::from_value(value).with_context(|| format!("{} is no declaration", path.display()))
}

/// Writes a declaration.
pub(super) fn write(declaration: &Declaration, form: Form) -> Result<String> {
    let value = serde_json::to_value(declaration)?;
    Ok(match form {
        Form::Json => format!("{value:#}\n"),
        Form::Toml => toml::to_string_pretty(&without_nulls(value))?,
        Form::Yaml => serde_saphyr::to_string(&value)?,
    })
}

fn form_of(path: &Path) -> Form {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => Form::Json,
        Some("toml") => Form::Toml,
        _ => Form::Yaml,
    }
}

fn parse(text: &str, form: Form) -> Result<Value> {
    Ok(match form {
        Form::Json => serde_json::from_str(text)?,
        Form::Toml => toml::from_str(text)?,
        Form::Yaml => serde_saphyr::from_str(text)?,
    })
}

/// Puts the contents of files in the place of their names: `…File` for `…Pem`, and `rulesFile` for `rules`.
fn include(value: &mut Value, directory: &Path, at: &str) -> Result<()> {
    match value {
        Value::Array(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                include(value, directory, &format!("{at}/{index}"))?;
            }
        }
        Value::Object(fields) => {
            let names: Vec<String> = fields
                .keys()
                .filter(|name| name.ends_with("File"))
                .cloned()
                .collect();
            for name in names {
                read_field(fields, &name, directory, at)?;
            }
            for (name, value) in fields.iter_mut().filter(|(name, _)| *name != "rules") {
                include(value, directory, &format!("{at}/{name}"))?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn read_field(
    fields: &mut Map<String, Value>,
    name: &str,
    directory: &Path,
    at: &str,
) -> Result<()> {
    let files: Vec<String> = match fields.remove(name) {
        Some(Value::String(file)) => vec![file],
        Some(Value::Array(files)) => files
            .iter()
            .filter_map(|file| file.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    if files.is_empty() {
        return Err(Complaint::new(
            format!("{at}/{name} names no file"),
            "write a path, or a list of paths",
        )
        .into());
    }
    let (target, contents) = if name == "rulesFile" {
        let path = directory.join(files.first().map_or("", String::as_str));
        let rules = parse(&read_text(&path)?, form_of(&path))
            .with_context(|| format!("{} cannot be read", path.display()))?;
        ("rules".to_owned(), rules)
    } else {
        let mut text = String::new();
        for file in &files {
            text.push_str(read_text(&directory.join(file))?.trim_end());
            text.push('\n');
        }
        let stem = name.strip_suffix("File").unwrap_or(name);
        (format!("{stem}Pem"), Value::String(text))
    };
    if fields.insert(target.clone(), contents).is_some() {
        return Err(Complaint::new(
            format!("{at} has both `{name}` and `{target}`"),
            "keep one of them",
        )
        .into());
    }
    Ok(())
}

/// TOML has no null; what is null is left out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(without_nulls).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_take_the_place_of_their_names() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("one.pem"), "ONE\n").unwrap();
        std::fs::write(directory.path().join("two.pem"), "TWO").unwrap();
        std::fs::write(
            directory.path().join("rules.yaml"),
            "ruleFormat: latest\nrules: {name: default}\n",
        )
        .unwrap();
        let path = directory.path().join("declaration.yaml");
        std::fs::write(
            &path,
            "caSets:\n  partners:\n    certificatesFile: [one.pem, two.pem]\nproperties:\n  shop:\n    hostnames: [{hostname: a.test}]\n    rulesFile: rules.yaml\n",
        )
        .unwrap();
        let declaration = read(&path).unwrap();
        assert_eq!(
            declaration.ca_sets["partners"].certificates_pem,
            "ONE\nTWO\n"
        );
        assert_eq!(
            declaration.properties["shop"].rules["rules"]["name"],
            "default"
        );
    }

    #[test]
    fn every_form_is_read_as_it_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let text = r#"{"caSets": {"199": {"certificatesPem": "-----BEGIN X-----\nAA==\n-----END X-----\n", "networks": ["STAGING"]}},
            "properties": {"no": {"hostnames": [{"hostname": "*.a.test"}], "rules": {"ruleFormat": "latest", "rules": {"name": "default",
                "behaviors": [{"name": "denyAccess", "options": {"reason": "yes", "enabled": true}}]}}}}}"#;
        let declaration: Declaration = serde_json::from_str(text).unwrap();
        for (form, ending) in [
            (Form::Json, "json"),
            (Form::Toml, "toml"),
            (Form::Yaml, "yaml"),
        ] {
            let path = directory.path().join(format!("declaration.{ending}"));
            std::fs::write(&path, write(&declaration, form).unwrap()).unwrap();
            assert_eq!(read(&path).unwrap(), declaration, "{ending}");
        }
    }

    #[test]
    fn a_field_that_is_not_known_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("declaration.yaml");
        std::fs::write(
            &path,
            "caSets:\n  partners:\n    certificatesPem: x\n    network: [STAGING]\n",
        )
        .unwrap();
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(error.contains("unknown field `network`"), "{error}");
    }
}
