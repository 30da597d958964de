//! An explanation on one page.

use countersign_api::v1::explain::{
    ExplainedCertificate, ExplainedDecision, ExplainedRule, ExplainedStatus, ExplainedVerdict,
    Explanation,
};
use countersign_api::v1::tls::ClientCertificateMode;

use crate::ca_set::network_name;
use crate::output::{Page, time};

/// The page, in the order in which an edge looks at things; what matters most comes last.
pub(super) fn text(answer: &Explanation) -> String {
    let mut page = Page::default();
    let network = network_name(answer.network);
    page.line(
        "network",
        &match answer.generation {
            Some(generation) => format!("{network}, generation {generation}"),
            None => format!("{network}, which enforces nothing yet"),
        },
    );
    let request = &answer.request;
    let query = request.query.as_ref();
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    page.line(
        "request",
        &format!(
            "{} https://{}{}{query} at {}",
            request.method,
            request.hostname,
            request.path,
            time(answer.time)
        ),
    );
    if request.server_name != request.hostname {
        page.line("", &format!("over a connection to {}", request.server_name));
    }
    for header in &request.removed_headers {
        page.line("", &format!("the edge removes the header {header}"));
    }
    certificates(&mut page, &answer.certificates);
    page.line(
        "binding",
        &match &answer.binding {
            None => "none".to_owned(),
            Some(binding) => format!(
                "{} {} ({}); a client certificate is {}",
                binding.kind.as_str(),
                binding.name,
                binding.binding_id,
                match binding.client_certificate {
                    ClientCertificateMode::Off => "never asked for",
                    ClientCertificateMode::Request => "asked for, and rules decide",
                    ClientCertificateMode::Require => "required",
                }
            ),
        },
    );
    for verdict in &answer.verdicts {
        verdict_lines(&mut page, verdict);
    }
    if let Some(rules) = &answer.rules {
        for (number, rule) in rules.rules.iter().enumerate() {
            rule_lines(&mut page, if number == 0 { "rules" } else { "" }, rule);
        }
    }
    decision(&mut page, &answer.decision);
    page.into_text()
}

fn certificates(page: &mut Page, certificates: &[ExplainedCertificate]) {
    if certificates.is_empty() {
        page.line("certificate", "none");
    }
    for (number, certificate) in certificates.iter().enumerate() {
        page.line(
            if number == 0 { "certificate" } else { "and" },
            &format!("{}, until {}", certificate.subject, certificate.not_after),
        );
        if number == 0 {
            page.line("", &format!("serial {}", certificate.serial_number));
            page.line("", &format!("sha256 {}", certificate.sha256));
        }
    }
}

fn verdict_lines(page: &mut Page, verdict: &ExplainedVerdict) {
    let outcome = match (&verdict.reason, &verdict.valid_until) {
        (_, Some(until)) => format!("{} until {until}", verdict.verdict),
        (Some(reason), None) if *reason != verdict.verdict => {
            format!("{}: {reason}", verdict.verdict)
        }
        _ => verdict.verdict.clone(),
    };
    page.line(
        "CA set",
        &format!(
            "{} version {}: {outcome}",
            verdict.ca_set_name, verdict.ca_set_version
        ),
    );
    let last = verdict.path.len().saturating_sub(1);
    for (index, certificate) in verdict.path.iter().enumerate() {
        let role = if index == last {
            "  (in the CA set)"
        } else {
            ""
        };
        let subject = &certificate.subject;
        page.line(
            if index == 0 { "  path" } else { "" },
            &format!("{}. {subject}{role}", index + 1),
        );
    }
    for (index, attempt) in verdict.tried.iter().enumerate() {
        page.line(
            if index == 0 { "  tried" } else { "" },
            &format!("{}: {}", attempt.reason, attempt.subjects.join(" <- ")),
        );
        page.line("", &format!("  {}", attempt.cause));
    }
    let looked = verdict
        .revocation
        .certificates
        .iter()
        .filter(|status| status.state != "not_asked");
    for (index, status) in looked.enumerate() {
        status_lines(page, if index == 0 { "  revocation" } else { "" }, status);
    }
}

fn status_lines(page: &mut Page, label: &str, status: &ExplainedStatus) {
    page.line(
        label,
        &format!("{}: {}. {}", status.subject, status.state, status.detail),
    );
    for source in &status.sources {
        let number = source.number.as_ref();
        let number = number
            .map(|number| format!(" {number}"))
            .unwrap_or_default();
        let next = source.next_update;
        let next = next.map_or_else(String::new, |next| format!(", next by {}", time(next)));
        page.line(
            "",
            &format!(
                "  {}{number} of {}, {} old{next}",
                source.kind,
                source.signer,
                age(source.age_seconds)
            ),
        );
    }
}

fn rule_lines(page: &mut Page, label: &str, rule: &ExplainedRule) {
    let indent = "  ".repeat(rule.depth as usize);
    let name = rule.rule.rsplit(" / ").next().unwrap_or_default();
    let outcome = rule.outcome.replace('_', " ");
    page.line(label, &format!("{indent}{name}: {outcome}"));
    for criterion in &rule.criteria {
        let mark = if criterion.matched { '✓' } else { '✗' };
        page.line(
            "",
            &format!(
                "{indent}  {mark} {}: wants {}; has {}",
                criterion.name, criterion.expected, criterion.actual
            ),
        );
    }
    for behavior in &rule.behaviors {
        page.line("", &format!("{indent}  → {behavior}"));
    }
}

fn decision(page: &mut Page, decision: &ExplainedDecision) {
    let mut outcome = decision.outcome.clone();
    if let Some(place) = &decision.refused_at {
        outcome.push_str(&format!(
            " {}",
            match place.as_str() {
                "handshake" => "in the handshake",
                "request" => "before the rules",
                _ => "by a rule",
            }
        ));
    }
    if let Some(reason) = &decision.reason {
        outcome.push_str(&format!(": {reason}"));
    }
    page.line("decision", &outcome);
    if let Some(rule) = &decision.rule {
        page.line("rule", rule);
    }
    page.line("cause", &decision.sentence);
    if let Some(limit) = &decision.rate_limit {
        page.line("counted", &format!("by the rate limit {limit}"));
    }
    if let Some(remedy) = &decision.remedy {
        page.line("remedy", remedy);
    }
    if let Some(command) = &decision.command {
        page.line("command", command);
    }
}

/// A duration in its largest whole unit.
fn age(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..120 => (seconds, "seconds"),
        120..7_200 => (seconds / 60, "minutes"),
        7_200..172_800 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit}")
}
