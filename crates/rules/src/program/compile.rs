//! From a tree to a program.

use crate::problem::{Problem, Severity};
use crate::tree::{Generation, MAX_DEPTH, Rule, RuleTree};

use super::behavior::Behavior;
use super::criterion::Criterion;
use super::index::ChildIndex;
use super::tables::Tables;
use super::{CompiledRule, Program};

/// At most this many rules in one tree.
const MAX_RULES: usize = 5_000;
/// At most this many criteria, and as many behaviors, in one rule.
const MAX_FEATURES: usize = 100;

/// Checks a tree and compiles it.
///
/// # Errors
/// Every problem with the tree; at least one of them is an error. Warnings alone do not stop a tree: they are at
/// [`Program::warnings`].
pub fn compile(tree: &RuleTree) -> Result<Program, Vec<Problem>> {
    let mut compiler = Compiler {
        generation: tree.rule_format.generation(),
        problems: Vec::new(),
        tables: Tables::default(),
        rules: 0,
        enforcement_seen: false,
    };
    compiler.top(&tree.rules);
    let root = compiler.rule(&tree.rules, "/rules", String::new(), 0);
    let Compiler {
        problems, tables, ..
    } = compiler;
    match root {
        Some(root)
            if problems
                .iter()
                .all(|problem| problem.severity == Severity::Warning) =>
        {
            Ok(Program {
                root,
                origins: tables.origins,
                ca_sets: tables.ca_sets,
                credentials: tables.credentials,
                asks_for_revocation_status: tables.asks_for_revocation_status,
                signs: tables.signs,
                warnings: problems,
            })
        }
        _ => Err(problems),
    }
}

struct Compiler {
    generation: Generation,
    problems: Vec<Problem>,
    tables: Tables,
    rules: usize,
    /// Whether an `enforceMtlsSettings` stands somewhere before this point of the document.
    enforcement_seen: bool,
}

impl Compiler {
    fn top(&mut self, rule: &Rule) {
        if rule.name != "default" {
            self.problems.push(Problem::error(
                "/rules/name",
                "top_rule_name",
                "The top rule is not called `default`",
                "Call it `default`, and give other names to its children",
            ));
        }
        if !rule.criteria.is_empty() {
            self.problems.push(Problem::error(
                "/rules/criteria",
                "top_rule_has_criteria",
                "The top rule has criteria, but it holds for every request",
                "Move them into a child",
            ));
        }
    }

    fn rule(
        &mut self,
        rule: &Rule,
        at: &str,
        parents: String,
        depth: usize,
    ) -> Option<CompiledRule> {
        self.rules += 1;
        if depth > MAX_DEPTH {
            self.problems.push(Problem::error(
                at,
                "too_deep",
                format!("The rule is nested more than {MAX_DEPTH} levels below the top rule"),
                "Join the criteria of rules that have one child each",
            ));
            return None;
        }
        if self.rules > MAX_RULES {
            // Said once: the rest of the tree is not looked at.
            if self.rules == MAX_RULES + 1 {
                self.problems.push(Problem::error(
                    at,
                    "too_many_rules",
                    format!("The tree has more than {MAX_RULES} rules"),
                    "Split the property by hostname",
                ));
            }
            return None;
        }
        self.features_limit(rule, at);
        let path = if parents.is_empty() {
            rule.name.clone()
        } else {
            format!("{parents} / {}", rule.name)
        };
        let criteria = self.criteria(rule, at);
        let behaviors = self.behaviors(rule, at, &path, &criteria);
        let children: Vec<CompiledRule> = rule
            .children
            .iter()
            .enumerate()
            .filter_map(|(index, child)| {
                self.rule(
                    child,
                    &format!("{at}/children/{index}"),
                    path.clone(),
                    depth + 1,
                )
            })
            .collect();
        let index = ChildIndex::new(&children);
        let (name, pointer, satisfy) =
            (rule.name.clone(), at.to_owned(), rule.criteria_must_satisfy);
        Some(CompiledRule {
            name,
            path,
            pointer,
            criteria,
            satisfy,
            behaviors,
            children,
            index,
        })
    }

    fn features_limit(&mut self, rule: &Rule, at: &str) {
        for (what, count) in [
            ("criteria", rule.criteria.len()),
            ("behaviors", rule.behaviors.len()),
        ] {
            if count > MAX_FEATURES {
                self.problems.push(Problem::error(
                    format!("{at}/{what}"),
                    "too_many_features",
                    format!("The rule has {count} {what}; at most {MAX_FEATURES} are allowed"),
                    "Put several values into one criterion, or split the rule",
                ));
            }
        }
    }

    fn criteria(&mut self, rule: &Rule, at: &str) -> Vec<Criterion> {
        let mut criteria = Vec::new();
        for (index, feature) in rule.criteria.iter().enumerate().take(MAX_FEATURES) {
            let at = format!("{at}/criteria/{index}");
            let Some(criterion) =
                Criterion::parse(feature, &at, self.generation, &mut self.problems)
            else {
                continue;
            };
            if criterion.reads_enforcement() && !self.enforcement_seen {
                self.problems.push(Problem::warning(
                    at,
                    "no_enforcement_before",
                    "The criterion asks for the result of `enforceMtlsSettings`, but none stands before it; \
                     a certificate of any CA set of the binding will count as passed",
                    "Put `enforceMtlsSettings` into a parent or into an earlier rule",
                ));
            }
            criteria.push(criterion);
        }
        criteria
    }

    fn behaviors(
        &mut self,
        rule: &Rule,
        at: &str,
        path: &str,
        criteria: &[Criterion],
    ) -> Vec<Behavior> {
        let mut behaviors = Vec::new();
        for (index, feature) in rule.behaviors.iter().enumerate().take(MAX_FEATURES) {
            let at = format!("{at}/behaviors/{index}");
            let parsed = Behavior::parse(
                feature,
                &at,
                path,
                self.generation,
                &mut self.tables,
                &mut self.problems,
            );
            if let Some(Behavior::Enforce { check: Some(_), .. }) = parsed {
                self.enforcement_seen = true;
                if criteria.iter().any(Criterion::is_client_chosen) {
                    self.problems.push(Problem::warning(
                        &at,
                        "client_chooses_enforcement",
                        "Whether a certificate is asked for depends on a header or a parameter, which clients write as \
                         they like",
                        "Ask for the certificate by hostname or by path",
                    ));
                }
            }
            behaviors.extend(parsed);
        }
        behaviors
    }
}
