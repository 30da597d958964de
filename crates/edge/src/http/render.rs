//! Templates of the rules, filled in.

use countersign_rules::{HeaderChanges, HeaderOperation, Redirect, Template};
use http::header::{HeaderMap, HeaderName, HeaderValue};

use countersign_snapshot::RequestFacts;

/// The text of a template for the log; its encoding escapes what needs it.
pub(crate) fn for_log(template: &Template, facts: &RequestFacts<'_>) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = template.render_for_log(facts, &mut text);
    text
}

/// Where a client is sent.
pub(crate) fn location(redirect: &Redirect, facts: &RequestFacts<'_>) -> Option<HeaderValue> {
    let mut text = String::new();
    redirect.write_location(facts, &mut text).ok()?;
    HeaderValue::from_str(&text).ok()
}

/// Header changes with their values, so that they outlive the facts.
#[derive(Debug, Default)]
pub(crate) struct Changes(Vec<(HeaderName, Change)>);

#[derive(Debug)]
enum Change {
    Add(HeaderValue),
    Delete,
    Set(HeaderValue),
}

impl Changes {
    /// Fills the templates in. `allowed` names what rules may change: neither framing nor identity.
    pub(crate) fn of(
        changes: &HeaderChanges<'_>,
        facts: &RequestFacts<'_>,
        client_verified: bool,
        allowed: fn(&HeaderName) -> bool,
    ) -> Self {
        let value = |template: &Template| {
            let mut text = String::new();
            let _ = template.render_for_header(facts, client_verified, &mut text);
            HeaderValue::from_str(&text).ok()
        };
        let change = |change: &countersign_rules::HeaderChange| {
            let name = HeaderName::from_bytes(change.name.as_bytes())
                .ok()
                .filter(allowed)?;
            let change = match &change.operation {
                HeaderOperation::Add(template) => Change::Add(value(template)?),
                HeaderOperation::Delete => Change::Delete,
                HeaderOperation::Set(template) => Change::Set(value(template)?),
            };
            Some((name, change))
        };
        Self(changes.iter().filter_map(change).collect())
    }

    pub(crate) fn apply(self, headers: &mut HeaderMap) {
        for (name, change) in self.0 {
            match change {
                Change::Add(value) => drop(headers.append(name, value)),
                Change::Delete => drop(headers.remove(name)),
                Change::Set(value) => drop(headers.insert(name, value)),
            }
        }
    }
}
