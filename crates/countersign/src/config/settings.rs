//! Layers of settings: defaults, then the file, then the environment, then flags. Each value knows where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Value;
use toml::de::{DeTable, DeValue};

use crate::nearest::nearest;

const ENVIRONMENT_PREFIX: &str = "COUNTERSIGN_";

/// Where a value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    Default,
    Environment(String),
    File { path: PathBuf, line: usize },
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// One value with its source.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    pub(crate) value: Value,
    pub(crate) source: Source,
}

/// Every known key, dotted, with its effective value.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) by_key: BTreeMap<String, Setting>,
    pub(crate) problems: Vec<String>,
}

impl Settings {
    /// Starts from a file that holds every key.
    pub(crate) fn from_defaults(text: &str) -> Self {
        let mut settings = Self {
            by_key: BTreeMap::new(),
            problems: Vec::new(),
        };
        for (key, value, _) in settings.parse("the built-in defaults", text) {
            let source = Source::Default;
            settings.by_key.insert(key, Setting { value, source });
        }
        settings
    }

    /// Lays a file over what is there. Unknown keys are problems that name the nearest known one.
    pub(crate) fn add_file(&mut self, path: &Path, text: &str) {
        for (key, value, line) in self.parse(&path.display().to_string(), text) {
            let source = Source::File {
                path: path.to_owned(),
                line,
            };
            self.set(&key, value, source);
        }
    }

    /// Lays environment variables over what is there: `COUNTERSIGN_` and the key's path in capitals.
    pub(crate) fn add_environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        let keys: BTreeMap<String, String> = self
            .by_key
            .keys()
            .map(|key| {
                let name = key.replace('.', "_").to_ascii_uppercase();
                (format!("{ENVIRONMENT_PREFIX}{name}"), key.clone())
            })
            .collect();
        for (name, text) in variables {
            if let Some(key) = keys.get(&name) {
                self.set_text(key, &text, Source::Environment(name));
            }
        }
    }

    /// Lays a flag over what is there.
    pub(crate) fn add_flag(&mut self, key: &str, text: &str) {
        self.set_text(key, text, Source::Flag);
    }

    /// Reads a text as the kind of value that the key has.
    fn set_text(&mut self, key: &str, text: &str, source: Source) {
        let value = match self.by_key.get(key).map(|setting| &setting.value) {
            Some(Value::Array(_)) => Value::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Value::String(item.to_owned()))
                    .collect(),
            ),
            Some(Value::Integer(_)) => match text.trim().parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::String(text.to_owned()),
            },
            _ => Value::String(text.to_owned()),
        };
        self.set(key, value, source);
    }

    fn set(&mut self, key: &str, value: Value, source: Source) {
        match self.by_key.get_mut(key) {
            Some(setting) if setting.value.type_str() == value.type_str() => {
                *setting = Setting { value, source };
            }
            Some(setting) => self.problems.push(format!(
                "{source}: `{key}` takes {}, not {}",
                article(setting.value.type_str()),
                article(value.type_str())
            )),
            None => {
                let nearest = self.nearest(key);
                self.problems
                    .push(format!("{source}: unknown key `{key}`{nearest}"));
            }
        }
    }

    fn nearest(&self, key: &str) -> String {
        nearest(key, self.by_key.keys().map(String::as_str))
            .map(|known| format!("; did you mean `{known}`?"))
            .unwrap_or_else(|| "; `countersign config default` lists the keys".to_owned())
    }

    fn parse(&mut self, name: &str, text: &str) -> Vec<(String, Value, usize)> {
        let mut leaves = Vec::new();
        match DeTable::parse(text) {
            Ok(table) => collect_leaves("", table.get_ref(), text, &mut leaves),
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, span.start));
                self.problems
                    .push(format!("{name}:{line}: {}", error.message()));
            }
        }
        leaves
    }
}

fn collect_leaves(
    prefix: &str,
    table: &DeTable<'_>,
    text: &str,
    leaves: &mut Vec<(String, Value, usize)>,
) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{prefix}.{}", name.get_ref())
        };
        match value.get_ref() {
            DeValue::Table(inner) => collect_leaves(&key, inner, text, leaves),
            leaf => leaves.push((key, to_value(leaf), line_of(text, name.span().start))),
        }
    }
}

fn to_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(
                |_| Value::String(number.as_str().to_owned()),
                Value::Integer,
            ),
        DeValue::Float(number) => Value::String(number.as_str().to_owned()),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| to_value(item.get_ref())).collect())
        }
        DeValue::Table(_) => Value::Table(toml::Table::new()),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

fn article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'i']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}
