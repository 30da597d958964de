//! How a failure is shown: `error:` with its causes, every problem that the controller named, then `hint:` with the command that helps.

mod hints;

use std::fmt;

use anyhow::Error;
use countersign_api::{ClientError, Problem};
use countersign_controller::ServiceError;

use crate::output::{plain, sentence};

/// A failure of a command's own making, with what helps against it.
#[derive(Debug)]
pub(crate) struct Complaint {
    message: String,
    hint: String,
}

impl Complaint {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Complaint {}

/// What to print about a failure.
pub(crate) fn text(error: &Error) -> String {
    let mut text = String::new();
    let mut hint = None;
    let mut label = "error";
    for cause in error.chain() {
        let mut say = |said: &str| {
            text.push_str(&format!("{label}: {}\n", lines(said)));
            label = "  because";
        };
        if let Some(ClientError::Transport(_)) = cause.downcast_ref() {
            // What is between it and its root names libraries only.
            say(&error.root_cause().to_string());
            hint = hint.or_else(|| Some(hints::UNREACHABLE.to_owned()));
            break;
        }
        if let Some(ClientError::Problem(problem)) = cause.downcast_ref() {
            say(&sentence(&problem.title, &problem.detail));
            items(problem, &mut text);
            hint = hint.or_else(|| hints::of(problem.slug(), &problem.context_info));
        } else if let Some(refused) = cause.downcast_ref::<ServiceError>() {
            say(&sentence(refused.code.title(), &refused.detail));
            hint = hint.or_else(|| hints::of(refused.code.slug(), &refused.context));
        } else {
            say(&cause.to_string());
            if let Some(complaint) = cause.downcast_ref::<Complaint>() {
                hint = hint.or_else(|| Some(complaint.hint.clone()));
            }
        }
    }
    if let Some(hint) = hint {
        text.push_str(&format!("hint: {}\n", plain(&hint)));
    }
    text
}

/// Messages of this program may have lines of their own; nothing else of them moves the cursor.
fn lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

/// Every problem with where it is, its cause and its remedy.
fn items(problem: &Problem, text: &mut String) {
    for item in &problem.errors {
        let place = item.pointer.as_deref().unwrap_or_default();
        let code = item.kind.rsplit('/').next().unwrap_or_default();
        let head = [place, code].map(plain).join(" ");
        text.push_str(&format!("  {}\n", head.trim()));
        text.push_str(&format!("    cause:  {}\n", plain(&item.detail)));
        let context = |name: &str| item.context_info.get(name).and_then(|value| value.as_str());
        if let Some(remedy) = context("remedy") {
            text.push_str(&format!("    remedy: {}\n", plain(remedy)));
        }
    }
    if problem.errors.is_empty()
        && let Some(pointer) = &problem.pointer
    {
        text.push_str(&format!("  at {}\n", plain(pointer)));
    }
}
