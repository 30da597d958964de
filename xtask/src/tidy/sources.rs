//! What stands in the files.

use std::fs;

use super::{Failure, output};

/// Files longer than this are listed: would two concepts read better apart? No more than a question.
const LONG_LINES: usize = 400;

pub(super) fn check() -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    let mut long = Vec::new();
    let listed = output(
        "git",
        &[
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
    )?;
    for path in String::from_utf8(listed)?.split_terminator('\0') {
        let extension = path.rsplit('.').next();
        if !matches!(
            extension,
            Some("rs" | "toml" | "sql" | "sh" | "html" | "js" | "css" | "py")
        ) {
            continue;
        }
        // Gone from the work tree, but not yet from the index; or not text.
        let Ok(source) = fs::read_to_string(path) else {
            continue;
        };
        if path.ends_with("/mod.rs") {
            problems.push(format!(
                "{path}: modules are named after themselves, not mod.rs"
            ));
        }
        problems.extend(marks(path, &source));
        let lines = source.lines().count();
        if extension == Some("rs") && lines > LONG_LINES {
            long.push((lines, path.to_owned()));
        }
    }
    long.sort_unstable();
    for (lines, path) in long.iter().rev() {
        println!("tidy: {path} has {lines} lines");
    }
    Ok(problems)
}

/// Marks of unfinished work that say neither an issue, `(#12)`, nor a version, `(0.3)`, right after them.
fn marks(path: &str, source: &str) -> Vec<String> {
    // Written in two parts, so that this file is not full of them.
    let later = concat!("TO", "DO");
    let never = [concat!("FIX", "ME"), concat!("XX", "X")];
    let mut problems = Vec::new();
    for (number, line) in source.lines().enumerate() {
        let place = format!("{path}:{}", number + 1);
        if let Some(mark) = never.iter().find(|mark| has_word(line, mark)) {
            problems.push(format!(
                "{place}: {mark}: do it, or write {later} with an issue or a version"
            ));
        }
        if let Some((_, rest)) = line.split_once(later)
            && has_word(line, later)
            && !names_its_time(rest)
        {
            problems.push(format!(
                "{place}: {later} without an issue or a version, such as (#12) or (0.3)"
            ));
        }
    }
    problems
}

fn has_word(line: &str, word: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let after = line
            .get(start + word.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(letter) && !after.is_some_and(letter)
    })
}

fn names_its_time(after: &str) -> bool {
    after
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .is_some_and(|(inside, _)| {
            let digits = inside.strip_prefix('#').unwrap_or(inside);
            digits.starts_with(|c: char| c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_needs_an_issue_or_a_version() {
        let later = concat!("TO", "DO");
        for fine in [
            format!("// {later}(#12): x"),
            format!("// {later}(0.3)"),
            format!("{later}S"),
        ] {
            assert_eq!(marks("a.rs", &fine), [""; 0], "{fine}");
        }
        for bad in [
            format!("// {later}: x"),
            format!("// {later}(me)"),
            concat!("// FIX", "ME").to_owned(),
            concat!("// XX", "X ").to_owned(),
        ] {
            assert_eq!(marks("a.rs", &format!("\n{bad}")).len(), 1, "{bad}");
        }
        assert!(marks("a.rs", &format!("\n{later}"))[0].starts_with("a.rs:2: "));
    }
}
