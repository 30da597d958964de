//! From a verdict or a decision to the one reason that everybody is told.

use std::borrow::Cow;

use countersign_rules::{Denial, Outcome};
use countersign_trust::{Reason, Verdict};

use super::Verdicts;
use crate::{CheckedBinding, ClientAuthMode};

/// A refusal: the reason, what exactly, and the rule that decided, where one did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// The one reason.
    pub reason: Reason,
    /// For the log: what exactly.
    pub detail: Option<Cow<'static, str>>,
    /// Names from the top rule to the rule that decided, joined by ` / `.
    pub rule: Option<String>,
}

impl Refused {
    /// A refusal of which the reason says everything.
    #[must_use]
    pub const fn new(reason: Reason) -> Self {
        Self {
            reason,
            detail: None,
            rule: None,
        }
    }

    /// A refusal with its particulars.
    #[must_use]
    pub fn because(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::new(reason)
        }
    }

    /// A verdict that was not good enough.
    #[must_use]
    pub fn by_verdict(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Invalid(refusal) => Self::because(refusal.reason(), refusal.explanation()),
            Verdict::Missing => Self::new(Reason::Missing),
            // Valid, and not for what was asked.
            Verdict::Valid(_) => Self::new(Reason::NotInCaSet),
        }
    }

    /// What a binding says to a client before any rule does: where a certificate is required, one of the CA sets has to find it valid.
    #[must_use]
    pub fn by_binding(binding: &CheckedBinding, verdicts: &Verdicts) -> Option<Self> {
        let required = binding.binding.client_auth.mode == ClientAuthMode::Require;
        (required && !verdicts.any_valid()).then(|| Self::by_verdict(verdicts.overall()))
    }

    /// What the rules say to a connection whose bytes are passed on: there is no request that an answer could be given to.
    #[must_use]
    pub fn of_bytes(
        outcome: Outcome<'_>,
        binding: &CheckedBinding,
        verdicts: &Verdicts,
    ) -> Option<Self> {
        match outcome {
            Outcome::Forward => None,
            Outcome::Deny(denial) => Some(Self::by_rule(denial, binding, verdicts)),
            Outcome::Respond(_) | Outcome::Redirect(_) => Some(Self::because(
                Reason::DeniedByRule,
                "the rules answer with a response of HTTP, and the connection passes bytes on",
            )),
        }
    }

    /// What a rule refused.
    #[must_use]
    pub fn by_rule(denial: Denial<'_>, binding: &CheckedBinding, verdicts: &Verdicts) -> Self {
        let refused = match denial {
            Denial::AccessDenied { reason, .. } => {
                Self::because(Reason::DeniedByRule, reason.to_owned())
            }
            Denial::CertificateRequired {
                revocation_only: true,
                ..
            } => Self::new(Reason::RevocationUnknown),
            Denial::CertificateRequired { ca_sets, .. } => {
                Self::by_verdict(verdicts.for_any_of(binding, ca_sets))
            }
        };
        Self {
            rule: Some(denial.rule().to_owned()),
            ..refused
        }
    }
}

/// Whether requests with this method are served: `CONNECT` would make a tunnel past the rules, `TRACE` would show a client the headers
/// that only origins see.
#[must_use]
pub fn is_served(method: &str) -> bool {
    !matches!(method, "CONNECT" | "TRACE")
}
