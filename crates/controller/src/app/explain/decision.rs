//! The same steps as at the edge, in its order: name, handshake, request, rules.

use countersign_api::v1::explain::{
    ExplainedCriterion, ExplainedDecision, ExplainedRule, ExplainedRules,
};
use countersign_rules::{
    LimitKey, Outcome, RateLimit, RuleOutcome, RuleTrace, Satisfy, Trace, path,
};
use countersign_snapshot::{CheckedBinding, Refused, RequestFacts, Service, Verdicts, is_served};
use countersign_trust::Reason;

use super::case::Case;

/// Decides about a request for `host` on a connection that was judged by the binding of its own name. The refusal is beside, for whoever looks
/// for its remedy.
pub(super) fn decide(
    case: &Case,
    has_snapshot: bool,
    judged: Option<(&CheckedBinding, &Verdicts)>,
    host: Option<&CheckedBinding>,
) -> (Option<ExplainedRules>, Option<Refused>, ExplainedDecision) {
    let before_rules = |refused: Refused, place: &str| {
        let decision = refusal(&refused, place);
        (None, Some(refused), decision)
    };
    if !has_snapshot {
        return before_rules(Refused::new(Reason::TrustUnavailable), "handshake");
    }
    let Some((binding, verdicts)) = judged else {
        return before_rules(Refused::new(Reason::UnknownServerName), "handshake");
    };
    if let Some(refused) = Refused::by_binding(binding, verdicts) {
        return before_rules(refused, "handshake");
    }
    let passes_bytes =
        |binding: &CheckedBinding| matches!(binding.binding.service, Service::Tcp(_));
    if passes_bytes(binding) {
        let seen = (RequestFacts::METHOD_OF_BYTES, RequestFacts::PATH_OF_BYTES);
        return by_rules(case, seen, binding, verdicts);
    }
    if !is_served(&case.method) {
        let refused = Refused::because(Reason::MalformedRequest, "the method is not served");
        return before_rules(refused, "request");
    }
    if !(case.method == "OPTIONS" && case.path == "*")
        && let Err(ambiguity) = path::check(&case.path)
    {
        let refused = Refused::because(Reason::AmbiguousPath, ambiguity.as_str());
        return before_rules(refused, "request");
    }
    let Some(host) = host else {
        return before_rules(Refused::new(Reason::UnknownServerName), "request");
    };
    if passes_bytes(host) || host.policy_identity != binding.policy_identity {
        return before_rules(Refused::new(Reason::MisdirectedRequest), "request");
    }
    by_rules(case, (&case.method, &case.path), host, verdicts)
}

fn by_rules(
    case: &Case,
    (method, path): (&str, &str),
    binding: &CheckedBinding,
    verdicts: &Verdicts,
) -> (Option<ExplainedRules>, Option<Refused>, ExplainedDecision) {
    let facts = RequestFacts {
        binding,
        verdicts,
        peer: &case.peer,
        fingerprints: RequestFacts::fingerprints_of(&case.peer),
        host: &case.name,
        method,
        path,
        query: case.query.as_deref(),
        headers: &case.headers,
        client: case.client,
        now: case.now,
    };
    let (decided, trace) = binding.program.explain(&facts);
    let (outcome, refused) = match decided.outcome {
        _ if matches!(binding.binding.service, Service::Tcp(_)) => {
            let refused = Refused::of_bytes(decided.outcome, binding, verdicts);
            ("forwarded", refused)
        }
        Outcome::Forward => ("forwarded", None),
        Outcome::Respond(_) => ("answered", None),
        Outcome::Redirect(_) => ("redirected", None),
        Outcome::Deny(denial) => ("refused", Some(Refused::by_rule(denial, binding, verdicts))),
    };
    let forwarded = matches!(decided.outcome, Outcome::Forward);
    let decision = match &refused {
        Some(refused) => refusal(refused, "rules"),
        None => ExplainedDecision {
            outcome: outcome.to_owned(),
            refused_at: None,
            reason: None,
            sentence: match decided.rate_limit {
                None => format!("{}.", trace.conclusion),
                Some(limit) => format!("{}. {}", trace.conclusion, limited(limit)),
            },
            remedy: None,
            command: None,
            rule: decided.enforced.map(|enforced| enforced.rule.to_owned()),
            origin: forwarded.then(|| {
                decided
                    .origin
                    .unwrap_or(binding.binding.origin.as_str())
                    .to_owned()
            }),
            rate_limit: decided.rate_limit.map(|limit| limit.name.clone()),
        },
    };
    (Some(rules(trace)), refused, decision)
}

/// How often this is let in: only nodes know how often it was.
fn limited(limit: &RateLimit) -> String {
    let of = match limit.key {
        LimitKey::Fingerprint => "certificate",
        LimitKey::Spki => "public key",
        LimitKey::Subject => "subject",
    };
    format!(
        "Each node lets {} requests of one {of} in within {} s; one more is refused: {} (`{}`).",
        limit.requests,
        limit.seconds,
        Reason::RateLimited.code(),
        limit.name
    )
}

fn refusal(refused: &Refused, place: &str) -> ExplainedDecision {
    let reason = refused.reason;
    let detail = refused.detail.as_deref();
    // An explanation is a sentence by itself; a rule's own words and other details are not.
    let sentence = match detail {
        Some(detail) if detail.ends_with('.') => detail.to_owned(),
        Some(detail) => format!("{}: {detail}.", reason.sentence().trim_end_matches('.')),
        None => reason.sentence().to_owned(),
    };
    ExplainedDecision {
        outcome: "refused".to_owned(),
        refused_at: Some(place.to_owned()),
        reason: Some(reason.code().to_owned()),
        sentence,
        remedy: Some(reason.remedy().to_owned()),
        command: None,
        rule: refused.rule.clone(),
        origin: None,
        rate_limit: None,
    }
}

fn rules(trace: Trace) -> ExplainedRules {
    ExplainedRules {
        conclusion: format!("{}.", trace.conclusion),
        rules: trace.rules.into_iter().map(rule).collect(),
    }
}

fn rule(rule: RuleTrace) -> ExplainedRule {
    ExplainedRule {
        rule: rule.rule,
        pointer: rule.pointer,
        depth: u32::try_from(rule.depth).unwrap_or(u32::MAX),
        outcome: match rule.outcome {
            RuleOutcome::Matched => "matched",
            RuleOutcome::NotMatched => "not_matched",
            RuleOutcome::NotReached => "not_reached",
        }
        .to_owned(),
        criteria_must_satisfy: match rule.satisfy {
            Satisfy::All => "all",
            Satisfy::Any => "any",
        }
        .to_owned(),
        criteria: rule
            .criteria
            .into_iter()
            .map(|criterion| ExplainedCriterion {
                name: criterion.name.to_owned(),
                matched: criterion.matched,
                expected: criterion.expected,
                actual: criterion.actual,
            })
            .collect(),
        behaviors: rule.behaviors,
    }
}
