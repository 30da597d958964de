//! Name constraints that will surprise.

use super::{Check, Found, Rule, Severity, Subject, found};
use crate::GeneralSubtree;

/// RFC 5280 §4.2.1.10. Constraints of a CA in the set are honoured; many other servers ignore them on a trust anchor.
pub(super) const RULE: Rule = Rule {
    code: "name_constraints",
    severity: Severity::Warning,
    title: "CA may issue for some names only",
    check: Check::Certificate(check),
};

/// More are not listed.
const SHOWN: usize = 4;

fn check(subject: Subject<'_>) -> Option<Found> {
    let constraints = subject.certificate.name_constraints()?;
    let list = |subtrees: &[GeneralSubtree]| {
        let mut shown: Vec<_> = subtrees
            .iter()
            .take(SHOWN)
            .map(|subtree| crate::text::quote(&subtree.to_string()))
            .collect();
        if subtrees.len() > SHOWN {
            shown.push(format!("{} more", subtrees.len() - SHOWN));
        }
        shown.join(", ")
    };
    let permitted = (!constraints.permitted.is_empty())
        .then(|| format!("only for names inside {}", list(&constraints.permitted)));
    let excluded = (!constraints.excluded.is_empty())
        .then(|| format!("not for names inside {}", list(&constraints.excluded)));
    let limits: Vec<_> = permitted.into_iter().chain(excluded).collect();
    if limits.is_empty() {
        return None;
    }
    let unsupported = constraints
        .permitted
        .iter()
        .chain(&constraints.excluded)
        .any(|subtree| matches!(subtree, GeneralSubtree::Unsupported { .. }));
    let beware = if unsupported {
        " Names of the kinds that cannot be compared here are refused."
    } else {
        ""
    };
    found(
        format!(
            "{} may issue {}. Clients with other names are refused (`name_constraint`).{beware}",
            subject.name(),
            limits.join(", and ")
        ),
        "Check that the names of your clients are inside: subject, DNS names, e-mail addresses (those in the subject too), URIs and IP addresses.",
    )
}
