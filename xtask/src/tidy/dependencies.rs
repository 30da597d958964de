//! Who uses whom, against `xtask/dependencies.toml`.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use super::{Failure, packages, text};

const TABLE: &str = "xtask/dependencies.toml";

/// crate → names
type Names = BTreeMap<String, Vec<String>>;

struct Table {
    uses: Names,
    tests_use: Names,
    belongs_to: Names,
    stays_out: Names,
}

pub(super) fn check(metadata: &Value) -> Result<Vec<String>, Failure> {
    Ok(compare(
        metadata,
        &Table::parse(&fs::read_to_string(TABLE)?)?,
    ))
}

fn compare(metadata: &Value, table: &Table) -> Vec<String> {
    let mut problems = Vec::new();
    let ours: Vec<&str> = packages(metadata)
        .map(|package| short(text(package, "name")))
        .collect();
    for member in &ours {
        if !table.uses.contains_key(*member) {
            problems.push(format!("{member} is not in {TABLE}"));
        }
    }
    for listed in table
        .uses
        .keys()
        .filter(|name| !ours.contains(&name.as_str()))
    {
        problems.push(format!("{listed} is in {TABLE}, but not a member"));
    }
    for package in packages(metadata) {
        let user = short(text(package, "name"));
        let dependencies = package.get("dependencies").and_then(Value::as_array);
        for dependency in dependencies.into_iter().flatten() {
            let used = short(text(dependency, "name"));
            let in_tests = text(dependency, "kind") == "dev";
            if ours.contains(&used) {
                let allowed = lists(&table.uses, user, used)
                    || (in_tests && lists(&table.tests_use, user, used));
                if !allowed {
                    let what = if in_tests { "tests use" } else { "uses" };
                    problems.push(format!(
                        "{user} {what} {used}, which {TABLE} does not allow"
                    ));
                }
            }
            if let Some(owners) = table.belongs_to.get(used)
                && !owners.iter().any(|owner| owner == user)
            {
                let owners = owners.join(" and ");
                problems.push(format!(
                    "{user} names {used}, which belongs to {owners} ({TABLE})"
                ));
            }
            if !in_tests && lists(&table.stays_out, user, used) {
                problems.push(format!(
                    "{user} uses {used}, which stays out of it ({TABLE})"
                ));
            }
        }
    }
    problems
}

impl Table {
    fn parse(source: &str) -> Result<Self, Failure> {
        let mut sections: BTreeMap<String, Names> = BTreeMap::new();
        for (section, value) in source.parse::<toml::Table>()? {
            sections.insert(section, value.try_into()?);
        }
        let mut section = |name: &str| sections.remove(name).unwrap_or_default();
        let table = Self {
            uses: section("uses"),
            tests_use: section("tests-use"),
            belongs_to: section("belongs-to"),
            stays_out: section("stays-out"),
        };
        match sections.keys().next() {
            Some(unknown) => Err(format!("{TABLE} has an unknown section [{unknown}]").into()),
            None => Ok(table),
        }
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("countersign-").unwrap_or(name)
}

fn lists(names: &Names, key: &str, value: &str) -> bool {
    names
        .get(key)
        .is_some_and(|list| list.iter().any(|listed| listed == value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is wrong when `user` has this dependency.
    fn check(user: &str, used: &str, kind: Value) -> Vec<String> {
        let table = Table::parse(
            r#"
            [uses]
            trust = []
            tls = ["trust"]
            testkit = []
            [tests-use]
            trust = ["testkit"]
            [belongs-to]
            rustls = ["tls", "testkit"]
            [stays-out]
            trust = ["tokio"]
            "#,
        )
        .unwrap();
        let members = ["trust", "tls", "testkit"].map(|member| {
            let dependencies = if member == user {
                json!([{ "name": used, "kind": kind }])
            } else {
                json!([])
            };
            json!({ "name": format!("countersign-{member}"), "dependencies": dependencies })
        });
        compare(&json!({ "packages": members }), &table)
    }

    #[test]
    fn allowed_arrows_are_quiet() {
        assert_eq!(check("tls", "countersign-trust", json!(null)), [""; 0]);
        assert_eq!(check("trust", "countersign-testkit", json!("dev")), [""; 0]);
        assert_eq!(check("tls", "rustls", json!(null)), [""; 0]);
        assert_eq!(check("trust", "tokio", json!("dev")), [""; 0]);
    }

    #[test]
    fn every_other_arrow_is_named() {
        for (user, used, kind, words) in [
            ("trust", "countersign-tls", json!(null), "trust uses tls"),
            (
                "trust",
                "countersign-testkit",
                json!(null),
                "trust uses testkit",
            ),
            (
                "testkit",
                "countersign-trust",
                json!("dev"),
                "testkit tests use trust",
            ),
            (
                "trust",
                "rustls",
                json!("dev"),
                "trust names rustls, which belongs to tls and testkit",
            ),
            (
                "trust",
                "tokio",
                json!(null),
                "trust uses tokio, which stays out of it",
            ),
        ] {
            let problems = check(user, used, kind);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(words), "{problems:?}");
        }
    }

    #[test]
    fn members_and_table_have_to_agree() {
        let table = Table::parse("[uses]\ngone = []").unwrap();
        let metadata = json!({ "packages": [{ "name": "new", "dependencies": [] }] });
        let problems = compare(&metadata, &table);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(Table::parse("[use]\na = []").is_err());
    }
}
