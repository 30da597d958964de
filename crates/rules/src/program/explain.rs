//! The same evaluation with every comparison written down. It does not use the index, so that rules which did not
//! match are shown too.

use crate::decision::{Decision, Denial, Outcome};
use crate::facts::Facts;
use crate::suggest::quote;
use crate::trace::{CriterionTrace, RuleOutcome, RuleTrace, Trace};
use crate::tree::Satisfy;

use super::CompiledRule;
use super::decide::State;

pub(super) fn explain<'p>(root: &'p CompiledRule, facts: &impl Facts) -> (Decision<'p>, Trace) {
    let mut state = State::new();
    let mut rules = Vec::new();
    visit(root, facts, &mut state, &mut rules, 0);
    let decision = state.conclude(facts);
    let conclusion = conclusion(&decision);
    (decision, Trace { rules, conclusion })
}

fn visit<'p>(
    rule: &'p CompiledRule,
    facts: &impl Facts,
    state: &mut State<'p>,
    rules: &mut Vec<RuleTrace>,
    depth: usize,
) {
    let checked = state.checked(facts);
    let criteria: Vec<CriterionTrace> = rule
        .criteria
        .iter()
        .map(|criterion| CriterionTrace {
            name: criterion.name(),
            matched: criterion.holds(facts, checked),
            expected: criterion.expected(),
            actual: criterion.actual(facts, checked),
        })
        .collect();
    let matched = match rule.satisfy {
        _ if criteria.is_empty() => true,
        Satisfy::All => criteria.iter().all(|criterion| criterion.matched),
        Satisfy::Any => criteria.iter().any(|criterion| criterion.matched),
    };
    let mut trace = blank(rule, depth);
    trace.criteria = criteria;
    if !matched {
        trace.outcome = RuleOutcome::NotMatched;
        rules.push(trace);
        rule.children
            .iter()
            .for_each(|child| skip(child, rules, depth + 1));
        return;
    }
    trace.outcome = RuleOutcome::Matched;
    trace.behaviors = rule
        .behaviors
        .iter()
        .map(|behavior| behavior.describe())
        .collect();
    rules.push(trace);
    state.apply_all(rule);
    rule.children
        .iter()
        .for_each(|child| visit(child, facts, state, rules, depth + 1));
}

fn skip(rule: &CompiledRule, rules: &mut Vec<RuleTrace>, depth: usize) {
    rules.push(blank(rule, depth));
    rule.children
        .iter()
        .for_each(|child| skip(child, rules, depth + 1));
}

fn blank(rule: &CompiledRule, depth: usize) -> RuleTrace {
    RuleTrace {
        rule: rule.path.clone(),
        name: rule.name.clone(),
        pointer: rule.pointer.clone(),
        depth,
        outcome: RuleOutcome::NotReached,
        satisfy: rule.satisfy,
        criteria: Vec::new(),
        behaviors: Vec::new(),
    }
}

fn conclusion(decision: &Decision<'_>) -> String {
    let mut text = match decision.outcome {
        Outcome::Deny(Denial::AccessDenied { rule, reason }) => {
            format!(
                "Denied by the rule {} with the reason {}",
                quote(rule),
                quote(reason)
            )
        }
        Outcome::Deny(Denial::CertificateRequired {
            rule,
            ca_sets,
            revocation_only,
        }) => {
            let ca_sets: Vec<String> = ca_sets.iter().map(|ca_set| quote(ca_set)).collect();
            let wanted = match (revocation_only, ca_sets.is_empty()) {
                (true, _) => "a good revocation status of the certificate".to_owned(),
                (false, true) => "a valid certificate with a good revocation status".to_owned(),
                (false, false) => format!("a valid certificate of {}", ca_sets.join(" or ")),
            };
            format!("Denied: the rule {} wants {wanted}", quote(rule))
        }
        Outcome::Forward => match decision.origin {
            Some(origin) => format!("Forwarded to the origin {}", quote(origin)),
            None => "Forwarded; no rule names an origin".to_owned(),
        },
        Outcome::Redirect(redirect) => format!("Redirected with status {}", redirect.status),
        Outcome::Respond(response) => {
            format!("Answered by the edge with status {}", response.status)
        }
    };
    if let Some(enforced) = decision.enforced
        && enforced.result == crate::EnforcementResult::Failed
        && !enforced.denies
    {
        text.push_str(&format!(
            "; the check of the rule {} failed and does not deny",
            quote(enforced.rule)
        ));
    }
    text
}
