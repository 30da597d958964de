//! Evaluation: the tree from top to bottom, and the decision from what applied.

use crate::decision::{
    Decision, Denial, Enforced, EnforcementResult, ForwardHost, ForwardIdentity, HeaderChanges,
    OriginCredential, Outcome, RateLimit, Redirect, Response,
};
use crate::facts::{CertificateState, Facts};
use crate::template::Template;
use crate::tree::Satisfy;

use super::CompiledRule;
use super::behavior::{Behavior, Check, Denied, Direction, Forward, Host};
use super::tables::MAX_DENY_REASONS;

pub(super) fn decide<'p>(root: &'p CompiledRule, facts: &impl Facts) -> Decision<'p> {
    let mut state = State::new();
    visit(root, facts, &mut state);
    state.conclude(facts)
}

fn visit<'p>(rule: &'p CompiledRule, facts: &impl Facts, state: &mut State<'p>) {
    if !applies(rule, facts, state) {
        return;
    }
    state.apply_all(rule);
    match &rule.index {
        None => rule
            .children
            .iter()
            .for_each(|child| visit(child, facts, state)),
        Some(index) => {
            for position in index.candidates(facts) {
                if let Some(child) = rule.children.get(position) {
                    visit(child, facts, state);
                }
            }
        }
    }
}

fn applies(rule: &CompiledRule, facts: &impl Facts, state: &mut State<'_>) -> bool {
    let checked = state.checked(facts);
    match rule.satisfy {
        _ if rule.criteria.is_empty() => true,
        Satisfy::All => rule
            .criteria
            .iter()
            .all(|criterion| criterion.holds(facts, checked)),
        Satisfy::Any => rule
            .criteria
            .iter()
            .any(|criterion| criterion.holds(facts, checked)),
    }
}

/// What has applied so far; a later behavior takes the place of an earlier one of its name.
pub(super) struct State<'p> {
    enforced: Option<(&'p CompiledRule, &'p Check)>,
    /// The result of the check in force, once it was asked for.
    checked: Option<EnforcementResult>,
    denials: [Option<&'p Denied>; MAX_DENY_REASONS],
    /// Beyond these there are none.
    denials_end: usize,
    response: Option<&'p Response>,
    redirect: Option<&'p Redirect>,
    origin: Option<&'p str>,
    forward_host: Option<ForwardHost<'p>>,
    credential: Option<OriginCredential<'p>>,
    forward: Forward,
    enforce_forward: ForwardIdentity,
    auth_forward: ForwardIdentity,
    log: Option<&'p Template>,
    limit: Option<&'p RateLimit>,
    request_headers: HeaderChanges<'p>,
    response_headers: HeaderChanges<'p>,
}

impl<'p> State<'p> {
    pub(super) fn new() -> State<'p> {
        State {
            enforced: None,
            checked: None,
            denials: [None; MAX_DENY_REASONS],
            denials_end: 0,
            response: None,
            redirect: None,
            origin: None,
            forward_host: None,
            credential: None,
            forward: Forward::default(),
            enforce_forward: ForwardIdentity::default(),
            auth_forward: ForwardIdentity::default(),
            log: None,
            limit: None,
            request_headers: HeaderChanges::none(),
            response_headers: HeaderChanges::none(),
        }
    }

    /// The result of the check in force; without one, whether the certificate is valid for the binding at all.
    pub(super) fn checked(&mut self, facts: &impl Facts) -> EnforcementResult {
        *self.checked.get_or_insert_with(|| match self.enforced {
            Some((_, check)) => check.result(facts),
            None if facts.certificate_state() == CertificateState::Valid => {
                EnforcementResult::Passed
            }
            None => EnforcementResult::Failed,
        })
    }

    pub(super) fn apply_all(&mut self, rule: &'p CompiledRule) {
        rule.behaviors
            .iter()
            .for_each(|behavior| self.apply(rule, behavior));
    }

    fn apply(&mut self, rule: &'p CompiledRule, behavior: &'p Behavior) {
        match behavior {
            Behavior::AuthHeader(forward) => self.auth_forward = forward.unwrap_or_default(),
            Behavior::Credential(credential) => {
                self.credential = credential
                    .as_ref()
                    .map(|credential| credential.as_decision());
            }
            Behavior::Deny {
                slot,
                denied,
                enabled,
            } => {
                if let Some(denial) = self.denials.get_mut(*slot) {
                    *denial = enabled.then_some(denied);
                    self.denials_end = self.denials_end.max(*slot + 1);
                }
            }
            Behavior::Enforce { check, forward } => {
                self.enforced = check.as_ref().map(|check| (rule, check));
                self.checked = None;
                if let Some(forward) = forward {
                    self.enforce_forward = *forward;
                }
            }
            Behavior::Forward(forward) => self.forward = *forward,
            Behavior::Header {
                direction,
                slot,
                change,
            } => {
                let changes = match direction {
                    Direction::Request => &mut self.request_headers,
                    Direction::Response => &mut self.response_headers,
                };
                changes.choose(*slot, change.as_ref());
            }
            Behavior::Limit(limit) => self.limit = limit.as_ref(),
            Behavior::Log(template) => self.log = template.as_ref(),
            Behavior::Origin { key, host } => {
                self.origin = Some(key);
                self.forward_host = host.as_ref().map(Host::as_decision);
            }
            Behavior::Redirect(redirect) => self.redirect = Some(redirect),
            Behavior::Respond(response) => self.response = response.as_ref(),
        }
    }

    /// The decision. Denials are decided here and not on the way, so that later rules may override them.
    pub(super) fn conclude(mut self, facts: &impl Facts) -> Decision<'p> {
        let checked = self.checked(facts);
        let enforced = self.enforced.map(|(rule, check)| Enforced {
            rule: rule.path.as_str(),
            ca_sets: check.ca_sets.as_slice(),
            result: checked,
            denies: check.denies,
        });
        let outcome = match self.denial(checked, facts) {
            Some(denial) => Outcome::Deny(denial),
            None => match (self.response, self.redirect) {
                (Some(response), _) => Outcome::Respond(response),
                (None, Some(redirect)) => Outcome::Redirect(redirect),
                (None, None) => Outcome::Forward,
            },
        };
        let forward_identity = ForwardIdentity {
            presets: self.forward.presets
                | self.enforce_forward.presets
                | self.auth_forward.presets,
            attributes: self.enforce_forward.attributes | self.auth_forward.attributes,
            validation_status: self.auth_forward.validation_status,
            signed: self.forward.signed,
        };
        Decision {
            outcome,
            origin: self.origin,
            forward_host: self.forward_host,
            origin_credential: self.credential,
            forward_identity,
            client_verified: checked == EnforcementResult::Passed,
            custom_log: self.log,
            rate_limit: self.limit,
            request_headers: self.request_headers,
            response_headers: self.response_headers,
            enforced,
        }
    }

    fn denial(&self, checked: EnforcementResult, facts: &impl Facts) -> Option<Denial<'p>> {
        match self.enforced {
            Some((rule, check)) if check.denies && checked == EnforcementResult::Failed => {
                return Some(Denial::CertificateRequired {
                    rule: &rule.path,
                    ca_sets: &check.ca_sets,
                    revocation_only: check.has_certificate(facts),
                });
            }
            _ => {}
        }
        let denials = self.denials.iter().take(self.denials_end);
        let denied = denials.copied().flatten().next()?;
        Some(Denial::AccessDenied {
            rule: &denied.rule,
            reason: &denied.reason,
        })
    }
}
