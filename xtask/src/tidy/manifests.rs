//! What every manifest has to say.

use std::fs;

use serde_json::Value;
use toml::Table;

use super::{Failure, packages, text};

pub(super) fn check(metadata: &Value) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    let workspace: Table = fs::read_to_string("Cargo.toml")?.parse()?;
    let unsafe_code = at(&workspace, &["workspace", "lints", "rust", "unsafe_code"]);
    if unsafe_code.and_then(toml::Value::as_str) != Some("forbid") {
        problems.push("Cargo.toml does not forbid unsafe code".to_owned());
    }
    for package in packages(metadata) {
        let manifest: Table = fs::read_to_string(text(package, "manifest_path"))?.parse()?;
        problems.extend(member(text(package, "name"), &manifest));
    }
    Ok(problems)
}

/// A member takes the workspace's lints (which forbid unsafe code), and the versions of what it uses from the workspace.
fn member(name: &str, manifest: &Table) -> Vec<String> {
    let mut problems = Vec::new();
    if at(manifest, &["lints", "workspace"]) != Some(&toml::Value::Boolean(true)) {
        problems.push(format!("{name} does not take the workspace's lints"));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest.get(section).and_then(toml::Value::as_table);
        for (used, source) in dependencies.into_iter().flatten() {
            if source.get("workspace") != Some(&toml::Value::Boolean(true)) {
                problems.push(format!("{name} does not take {used} from the workspace"));
            }
        }
    }
    problems
}

fn at<'t>(table: &'t Table, path: &[&str]) -> Option<&'t toml::Value> {
    let (first, rest) = path.split_first()?;
    let start = table.get(*first)?;
    rest.iter().try_fold(start, |value, key| value.get(*key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_takes_lints_and_versions_from_the_workspace() {
        let good = "[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true";
        assert_eq!(member("a", &good.parse().unwrap()), [""; 0]);
        let bad = "[dependencies]\nserde = \"1\"\n[dev-dependencies]\ntime = { version = \"1\" }";
        assert_eq!(
            member("a", &bad.parse().unwrap()),
            [
                "a does not take the workspace's lints",
                "a does not take serde from the workspace",
                "a does not take time from the workspace",
            ]
        );
    }
}
