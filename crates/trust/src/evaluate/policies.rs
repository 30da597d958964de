//! Certificate policies (RFC 5280 §6.1.2 to §6.1.5), with the inputs that RFC 5280 §6.1.1 calls any-policy, and nothing else asked for from
//! outside: a path fails when its CAs ask for a policy (`requireExplicitPolicy`) and no policy is left that all of them allow.
//!
//! RFC 5280 keeps a tree of policies, which an attacker can make grow exponentially (CVE-2023-0464). What the tree is needed for here is only
//! whether its lowest level is empty, and there all nodes of one policy are alike: they have the same expected policies. So one level is
//! kept, with one node per policy, and it never has more nodes than the certificates have policies.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::Failure;
use super::search::Link;
use crate::oid::known::ANY_POLICY;
use crate::text;
use crate::{Certificate, ObjectIdentifier, Reason};

/// Judges the policies of a path, client's certificate first.
///
/// Deviation: RFC 5280 §6.1 does not look at the anchor. Its policy constraints hold here, as its other constraints do (RFC 5937 §3).
pub(super) fn check(links: &[Link<'_>], anchor: &Certificate) -> Option<Failure> {
    let (leaf, intermediates) = links.split_first()?;
    let mut state = State::new(links.len());
    state.constrain(anchor);
    for link in intermediates.iter().rev() {
        let certificate = link.certificate;
        let any = state.inhibit_any > 0 || certificate.is_self_issued();
        state.descend(certificate, any);
        if !state.is_good() {
            return Some(state.failure(certificate));
        }
        if !state.map(certificate) {
            let explanation = format!(
                "{} maps policies from or to anyPolicy.",
                text::subject(certificate)
            );
            return Some(Failure::new(
                Reason::CertificatePolicy,
                certificate,
                explanation,
            ));
        }
        if !certificate.is_self_issued() {
            state.count();
        }
        state.constrain(certificate);
    }
    let certificate = leaf.certificate;
    state.descend(certificate, state.inhibit_any > 0);
    if !state.is_good() {
        return Some(state.failure(certificate));
    }
    // RFC 5280 §6.1.5(a), (b)
    state.explicit = state.explicit.saturating_sub(1);
    if certificate.policy_constraints().require_explicit == Some(0) {
        state.explicit = 0;
    }
    (!state.is_good()).then(|| state.failure(certificate))
}

struct State {
    /// `explicit_policy`, `policy_mapping` and `inhibit_anyPolicy` of RFC 5280 §6.1.2: certificates to go until it holds.
    explicit: u32,
    mapping: u32,
    inhibit_any: u32,
    /// The lowest level of the tree: the valid policies, each with those that are expected below it. Empty is the RFC's NULL.
    level: BTreeMap<Policy, BTreeSet<Policy>>,
}

type Policy = Box<[u8]>;

impl State {
    fn new(length: usize) -> Self {
        let never = u32::try_from(length).unwrap_or(u32::MAX).saturating_add(1);
        Self {
            explicit: never,
            mapping: never,
            inhibit_any: never,
            level: BTreeMap::from([(any(), BTreeSet::from([any()]))]),
        }
    }

    /// RFC 5280 §6.1.3(f)
    fn is_good(&self) -> bool {
        self.explicit > 0 || !self.level.is_empty()
    }

    fn failure(&self, certificate: &Certificate) -> Failure {
        Failure::new(
            Reason::CertificatePolicy,
            certificate,
            format!(
                "The CAs above {} require a certificate policy, and it has none that all of them allow.",
                text::subject(certificate)
            ),
        )
    }

    /// RFC 5280 §6.1.3(d), (e): the level of this certificate. `any` says whether its anyPolicy counts.
    fn descend(&mut self, certificate: &Certificate, any_counts: bool) {
        let mut level = BTreeMap::new();
        let own = certificate.certificate_policies();
        let expected: BTreeSet<&Policy> = self.level.values().flatten().collect();
        let under_any = self.level.contains_key(ANY_POLICY);
        // (d)(1)
        for policy in own
            .iter()
            .map(octets)
            .filter(|policy| **policy != *ANY_POLICY)
        {
            if expected.contains(&policy) || under_any {
                level.insert(policy.clone(), BTreeSet::from([policy]));
            }
        }
        // (d)(2)
        if any_counts && own.iter().any(|policy| *policy == *ANY_POLICY) {
            for policy in expected {
                level
                    .entry(policy.clone())
                    .or_insert_with(|| BTreeSet::from([policy.clone()]));
            }
        }
        self.level = level;
    }

    /// RFC 5280 §6.1.4(a), (b); false when the mappings are not allowed.
    fn map(&mut self, certificate: &Certificate) -> bool {
        let mut mappings: BTreeMap<Policy, BTreeSet<Policy>> = BTreeMap::new();
        for (from, to) in certificate.policy_mappings() {
            if *from == *ANY_POLICY || *to == *ANY_POLICY {
                return false;
            }
            mappings.entry(octets(from)).or_default().insert(octets(to));
        }
        let under_any = self.level.contains_key(ANY_POLICY);
        for (from, to) in mappings {
            if self.mapping == 0 {
                self.level.remove(&from);
            } else if under_any || self.level.contains_key(&from) {
                self.level.insert(from, to);
            }
        }
        true
    }

    /// RFC 5280 §6.1.4(h)
    fn count(&mut self) {
        self.explicit = self.explicit.saturating_sub(1);
        self.mapping = self.mapping.saturating_sub(1);
        self.inhibit_any = self.inhibit_any.saturating_sub(1);
    }

    /// RFC 5280 §6.1.4(i), (j)
    fn constrain(&mut self, certificate: &Certificate) {
        let constraints = certificate.policy_constraints();
        let least = |known: u32, found: Option<u32>| found.map_or(known, |found| known.min(found));
        self.explicit = least(self.explicit, constraints.require_explicit);
        self.mapping = least(self.mapping, constraints.inhibit_mapping);
        self.inhibit_any = least(self.inhibit_any, constraints.inhibit_any);
    }
}

fn octets(policy: &ObjectIdentifier) -> Policy {
    policy.as_der_contents().into()
}

fn any() -> Policy {
    ANY_POLICY.into()
}
