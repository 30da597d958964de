//! Why a program decided as it did: rule by rule, with the values compared.

use std::fmt;

use serde::Serialize;

use crate::tree::Satisfy;

/// Everything that happened while a program decided on one request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Trace {
    /// One entry per rule, in the order of the document; a parent comes before its children.
    pub rules: Vec<RuleTrace>,
    /// The decision as one sentence.
    pub conclusion: String,
}

/// Whether a rule took part.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleOutcome {
    /// Its criteria and those of its ancestors held; its behaviors applied.
    Matched,
    /// Its own criteria did not hold.
    NotMatched,
    /// An ancestor did not match, so this rule was not looked at.
    NotReached,
}

/// What happened at one rule.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RuleTrace {
    /// Names from the top rule to this one, joined by ` / `.
    pub rule: String,
    /// Its own name.
    pub name: String,
    /// JSON pointer to the rule in the document.
    pub pointer: String,
    /// How deep it stands; 0 is the top rule.
    pub depth: usize,
    /// Whether it took part.
    pub outcome: RuleOutcome,
    /// Whether all of its criteria must hold or any.
    pub satisfy: Satisfy,
    /// Each criterion with what it compared; empty if the rule was not reached.
    pub criteria: Vec<CriterionTrace>,
    /// What its behaviors did, as sentences; empty unless it matched.
    pub behaviors: Vec<String>,
}

/// What happened at one criterion.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CriterionTrace {
    /// Its name in the rule format.
    pub name: &'static str,
    /// Whether it held.
    pub matched: bool,
    /// What the rule asks for.
    pub expected: String,
    /// What the request had.
    pub actual: String,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rule in &self.rules {
            let indent = "  ".repeat(rule.depth);
            let name = &rule.name;
            let outcome = match rule.outcome {
                RuleOutcome::Matched => "matched",
                RuleOutcome::NotMatched => "not matched",
                RuleOutcome::NotReached => "not reached",
            };
            writeln!(f, "{indent}{name}: {outcome}")?;
            for criterion in &rule.criteria {
                let mark = if criterion.matched { '✓' } else { '✗' };
                writeln!(
                    f,
                    "{indent}  {mark} {}: wants {}; has {}",
                    criterion.name, criterion.expected, criterion.actual
                )?;
            }
            for behavior in &rule.behaviors {
                writeln!(f, "{indent}  → {behavior}")?;
            }
        }
        writeln!(f, "{}", self.conclusion)
    }
}
