//! The tests that `docs/past-vulnerabilities.md` names exist.

use std::collections::BTreeSet;
use std::fs;

use super::{Failure, output};

const DOCUMENT: &str = "docs/past-vulnerabilities.md";

pub(super) fn check() -> Result<Vec<String>, Failure> {
    let document = fs::read_to_string(DOCUMENT)?;
    let listed = output("git", &["ls-files", "-z", "--", "*.rs"])?;
    let mut functions = BTreeSet::new();
    for path in String::from_utf8(listed)?.split_terminator('\0') {
        // Gone from the work tree, but not yet from the index.
        let source = fs::read_to_string(path).unwrap_or_default();
        functions.extend(tests(&source).map(str::to_owned));
    }
    Ok(missing(&document, &functions))
}

/// Names of functions that are a test.
fn tests(source: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    source.lines().filter_map(move |line| {
        let line = line.trim_start();
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            return None;
        }
        let (_, rest) = line
            .split_once("fn ")
            .filter(|(before, _)| ["", "async "].contains(before))?;
        // In the macros of property tests the attribute stands before a comment or nothing at all.
        std::mem::take(&mut is_test).then(|| rest.split('(').next().unwrap_or_default())
    })
}

/// What stands in backquotes in the last column of a row and is no test.
fn missing(document: &str, functions: &BTreeSet<String>) -> Vec<String> {
    let rows = document.lines().enumerate();
    rows.filter(|(_, line)| line.starts_with("| C"))
        .flat_map(|(number, line)| {
            let named = line.trim_end_matches([' ', '|']).rsplit(" | ").next();
            let named: Vec<_> = named
                .unwrap_or_default()
                .split('`')
                .skip(1)
                .step_by(2)
                .collect();
            let none = named
                .is_empty()
                .then(|| format!("{DOCUMENT}:{}: names no test", number + 1));
            let unknown = named
                .into_iter()
                .filter(|name| !functions.contains(*name))
                .map(move |name| format!("{DOCUMENT}:{}: there is no test {name}", number + 1));
            none.into_iter().chain(unknown.collect::<Vec<_>>())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_names_no_test_or_an_unknown_one_is_told() {
        let source = "#[test]\nfn one() {}\n\n#[tokio::test(flavor = \"x\")]\n#[ignore]\nasync fn two() {\n}\nfn three() {}\n";
        let functions: BTreeSet<_> = tests(source).map(str::to_owned).collect();
        assert_eq!(functions.into_iter().collect::<Vec<_>>(), ["one", "two"]);
        let functions = BTreeSet::from(["one".to_owned()]);
        let document =
            "| C1 | a `b` | c | `one` |\n| C2 | a | b | c |\n| C3 | a | b | `one`, `two` |\n";
        assert_eq!(
            missing(document, &functions),
            [
                "docs/past-vulnerabilities.md:2: names no test",
                "docs/past-vulnerabilities.md:3: there is no test two"
            ]
        );
    }
}
