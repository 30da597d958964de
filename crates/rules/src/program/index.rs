//! Finds the children of a rule that a request can match, without looking at the others.
//!
//! Each child is filed once: under the hosts it names, under the beginnings of the paths it names, under the values of
//! one part of the client's identity, or under nothing. Looking up never leaves out a child that matches; the criteria
//! themselves are still held against the request.

mod filing;
mod merged;
mod prefixes;

use std::collections::{BTreeMap, HashMap};

use crate::facts::{CertificateState, Facts};

use super::CompiledRule;
use super::criterion::{IdentityPart, Key};
use merged::Merged;
use prefixes::Prefixes;

/// Fewer children than this are just looked at.
const FEWEST_CHILDREN: usize = 8;

/// Sorted positions of children by exact value. The keys come from the document; a client chooses only what is looked up.
type ByValue = HashMap<Box<[u8]>, Vec<u32>>;

#[derive(Debug)]
pub(super) struct ChildIndex {
    /// In lower case.
    hosts: ByValue,
    prefixes: Prefixes,
    identities: Vec<(IdentityPart, ByValue)>,
    others: Vec<u32>,
    all: Vec<u32>,
}

impl ChildIndex {
    /// The index, if there are enough children to be worth it.
    pub(super) fn new(children: &[CompiledRule]) -> Option<ChildIndex> {
        if children.len() < FEWEST_CHILDREN {
            return None;
        }
        let mut filed: BTreeMap<Key, ByValue> = BTreeMap::new();
        let mut all = Vec::new();
        let mut others = Vec::new();
        for (position, filing) in (0_u32..).zip(filing::choose(children)) {
            all.push(position);
            match filing {
                None => others.push(position),
                Some((key, values)) => {
                    let by_value = filed.entry(key).or_default();
                    for value in values {
                        by_value.entry(value).or_default().push(position);
                    }
                }
            }
        }
        if others.len() == all.len() {
            return None;
        }
        let hosts = filed.remove(&Key::Host).unwrap_or_default();
        let prefixes = Prefixes::new(filed.remove(&Key::PathPrefix).unwrap_or_default())?;
        let identities = filed.into_iter().filter_map(|(key, values)| match key {
            Key::Identity(part) => Some((part, values)),
            Key::Host | Key::PathPrefix => None,
        });
        Some(ChildIndex {
            hosts,
            prefixes,
            identities: identities.collect(),
            others,
            all,
        })
    }

    /// Positions of the children that may match, in the order of the document.
    ///
    /// What counts as verified may change from one child to the next, so it is not asked here; without a valid
    /// certificate, though, no check passes. A client with more names in the rules than are merged has every child
    /// looked at.
    pub(super) fn candidates<'a>(&'a self, facts: &impl Facts) -> Merged<'a> {
        let mut found = Merged::of(&self.others);
        found.add(self.prefixes.children(facts.path().as_bytes()));
        if let Some(children) = self.hosts.get(facts.hostname().as_bytes()) {
            found.add(children);
        }
        let valid = facts.certificate_state() == CertificateState::Valid;
        let too_many = self
            .identities
            .iter()
            .filter(|(part, _)| valid || !part.needs_verified())
            .any(|(part, by_value)| {
                part.any_value(facts, &mut |octets| {
                    by_value
                        .get(octets)
                        .is_some_and(|children| !found.add(children))
                })
            });
        if too_many {
            Merged::of(&self.all)
        } else {
            found
        }
    }
}
