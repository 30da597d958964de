//! What compilers do not check.

mod dependencies;
mod manifests;
mod sources;
mod vulnerabilities;

use std::{error::Error, process::Command, process::ExitCode};

use serde_json::Value;

/// Anything that keeps a check from being done.
type Failure = Box<dyn Error>;

/// Runs all checks and prints everything that is wrong.
pub(crate) fn run() -> ExitCode {
    match all() {
        Ok(problems) if problems.is_empty() => {
            println!("tidy: no problems");
            ExitCode::SUCCESS
        }
        Ok(problems) => {
            for problem in &problems {
                eprintln!("tidy: {problem}");
            }
            eprintln!("tidy: {} problems", problems.len());
            ExitCode::FAILURE
        }
        Err(failure) => {
            eprintln!("tidy: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn all() -> Result<Vec<String>, Failure> {
    let metadata: Value = serde_json::from_slice(&output(
        "cargo",
        &["metadata", "--no-deps", "--format-version", "1", "--locked"],
    )?)?;
    let root = metadata
        .get("workspace_root")
        .and_then(Value::as_str)
        .ok_or("cargo metadata has no workspace_root")?;
    std::env::set_current_dir(root)?;

    let mut problems = dependencies::check(&metadata)?;
    problems.extend(manifests::check(&metadata)?);
    problems.extend(sources::check()?);
    problems.extend(vulnerabilities::check()?);
    Ok(problems)
}

/// Standard output of a command that has to succeed.
fn output(program: &str, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
    let output = Command::new(program).args(arguments).output()?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{program} {}: {complaint}", arguments.join(" ")).into());
    }
    Ok(output.stdout)
}

/// Workspace members with the manifest path and dependencies that cargo reports.
fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// A text field of a JSON object; empty if it is absent or null.
fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
