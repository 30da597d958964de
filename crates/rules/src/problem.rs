//! What is wrong with a rule tree, where, and what to do about it.

use std::fmt;

use serde::Serialize;

/// Whether a [`Problem`] stops a tree from being compiled.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The tree cannot be compiled.
    Error,
    /// The tree compiles; it may not do what its author believes.
    Warning,
}

/// One finding about a rule tree.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// Whether it stops the tree.
    pub severity: Severity,
    /// JSON pointer (RFC 6901) into the document, for example `/rules/children/0/behaviors/1/options/reason`.
    pub pointer: String,
    /// A stable code in snake_case, for programs.
    pub code: &'static str,
    /// What is wrong, as one sentence with the offending value.
    pub detail: String,
    /// What to do about it, as one sentence.
    pub remedy: String,
}

impl Problem {
    pub(crate) fn error(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        Problem {
            severity: Severity::Error,
            pointer: pointer.into(),
            code,
            detail: detail.into(),
            remedy: remedy.into(),
        }
    }

    pub(crate) fn warning(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        Problem {
            severity: Severity::Warning,
            ..Problem::error(pointer, code, detail, remedy)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() {
            "/"
        } else {
            &self.pointer
        };
        write!(
            f,
            "{pointer}: {} ({}). {}",
            self.detail, self.code, self.remedy
        )
    }
}
