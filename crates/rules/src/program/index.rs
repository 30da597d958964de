//! Finds the children of a rule that a request can match, without looking at the others.
//!
//! Each child is filed once: under the hosts it names, under the beginnings of the paths it names, or under neither.
//! Looking up never leaves out a child that matches; the criteria themselves are still held against the request.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::tree::Satisfy;

use super::CompiledRule;

/// Fewer children than this are just looked at.
const FEWEST_CHILDREN: usize = 8;
/// An index that would need more entries than this is not made.
const MAX_ENTRIES: usize = 1_000_000;

#[derive(Debug)]
pub(super) struct ChildIndex {
    /// Sorted by host, in lower case.
    hosts: Vec<(Box<[u8]>, Vec<u32>)>,
    /// Sorted by prefix, in lower case.
    prefixes: Vec<Prefix>,
    others: Vec<u32>,
}

#[derive(Debug)]
struct Prefix {
    text: Box<[u8]>,
    /// The longest other prefix that this one begins with.
    parent: Option<usize>,
    /// Children of this prefix and of all of its parents.
    children: Vec<u32>,
}

/// Where one child is filed.
enum Filed<'a> {
    Hosts(&'a [Box<[u8]>]),
    Others,
    Prefixes(Vec<Vec<u8>>),
}

impl ChildIndex {
    /// The index, if there are enough children to be worth it.
    pub(super) fn new(children: &[CompiledRule]) -> Option<ChildIndex> {
        if children.len() < FEWEST_CHILDREN {
            return None;
        }
        let filed = file(children);
        let mut hosts: BTreeMap<Box<[u8]>, BTreeSet<u32>> = BTreeMap::new();
        let mut prefixes: BTreeMap<Box<[u8]>, BTreeSet<u32>> = BTreeMap::new();
        let mut others = Vec::new();
        for (position, filed) in (0_u32..).zip(filed) {
            match filed {
                Filed::Hosts(names) => {
                    for name in names {
                        hosts.entry(name.clone()).or_default().insert(position);
                    }
                }
                Filed::Prefixes(texts) => {
                    for text in texts {
                        prefixes
                            .entry(text.into_boxed_slice())
                            .or_default()
                            .insert(position);
                    }
                }
                Filed::Others => others.push(position),
            }
        }
        let hosts = hosts
            .into_iter()
            .map(|(name, children)| (name, children.into_iter().collect()))
            .collect();
        let prefixes = with_parents(prefixes)?;
        (others.len() < children.len()).then_some(ChildIndex {
            hosts,
            prefixes,
            others,
        })
    }

    /// Positions of the children that may match, in the order of the document. The host is in lower case.
    pub(super) fn candidates<'a>(
        &'a self,
        host: &[u8],
        path: &[u8],
    ) -> impl Iterator<Item = usize> + use<'a> {
        let by_host = self
            .hosts
            .binary_search_by(|(name, _)| (**name).cmp(host))
            .ok();
        let by_host = by_host
            .and_then(|found| self.hosts.get(found))
            .map_or(&[][..], |(_, children)| children);
        let by_path = self
            .longest_prefix(path)
            .map_or(&[][..], |prefix| &prefix.children);
        Merged {
            lists: [by_host, by_path, &self.others],
        }
    }

    /// The longest prefix that the path begins with.
    ///
    /// A prefix of the path is a prefix of everything that sorts between it and the path, so the search begins at the
    /// last one that is not greater than the path and goes up its parents.
    fn longest_prefix(&self, path: &[u8]) -> Option<&Prefix> {
        let after = self
            .prefixes
            .partition_point(|prefix| compare(&prefix.text, path) != Ordering::Greater);
        let mut prefix = self.prefixes.get(after.checked_sub(1)?)?;
        loop {
            let begins = path
                .get(..prefix.text.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(&prefix.text));
            if begins {
                return Some(prefix);
            }
            prefix = self.prefixes.get(prefix.parent?)?;
        }
    }
}

/// Compares a text in lower case with one that may not be.
fn compare(lower: &[u8], text: &[u8]) -> Ordering {
    lower
        .iter()
        .copied()
        .cmp(text.iter().map(u8::to_ascii_lowercase))
}

/// Chooses for each child the kind of key that it shares with the fewest others.
fn file(children: &[CompiledRule]) -> Vec<Filed<'_>> {
    let keys: Vec<_> = children
        .iter()
        .map(|child| (only_hosts(child), only_prefixes(child)))
        .collect();
    let mut shared: HashMap<&[u8], usize> = HashMap::new();
    for (hosts, prefixes) in &keys {
        let hosts = hosts.iter().copied().flatten().map(|host| &**host);
        let prefixes = prefixes.iter().flatten().map(Vec::as_slice);
        // Hosts and prefixes cannot be confused: only the latter begin with a slash.
        hosts
            .chain(prefixes)
            .for_each(|key| *shared.entry(key).or_default() += 1);
    }
    let by_host: Vec<bool> = keys
        .iter()
        .map(|(hosts, prefixes)| {
            let most = |keys: &mut dyn Iterator<Item = &[u8]>| {
                keys.filter_map(|key| shared.get(key)).max().copied()
            };
            let host_cost = hosts.and_then(|hosts| most(&mut hosts.iter().map(|host| &**host)));
            let path_cost = prefixes
                .as_ref()
                .and_then(|texts| most(&mut texts.iter().map(Vec::as_slice)));
            match (host_cost, path_cost) {
                (Some(host_cost), Some(path_cost)) => host_cost < path_cost,
                (host_cost, _) => host_cost.is_some(),
            }
        })
        .collect();
    keys.into_iter()
        .zip(by_host)
        .map(|((hosts, prefixes), by_host)| match (hosts, prefixes) {
            (Some(hosts), _) if by_host => Filed::Hosts(hosts),
            (_, Some(prefixes)) => Filed::Prefixes(prefixes),
            _ => Filed::Others,
        })
        .collect()
}

/// Whether every criterion must hold, so that one alone can rule the child out.
fn is_conjunction(rule: &CompiledRule) -> bool {
    rule.satisfy == Satisfy::All || rule.criteria.len() == 1
}

fn only_hosts(rule: &CompiledRule) -> Option<&[Box<[u8]>]> {
    is_conjunction(rule).then(|| {
        rule.criteria
            .iter()
            .find_map(|criterion| criterion.only_hosts())
    })?
}

fn only_prefixes(rule: &CompiledRule) -> Option<Vec<Vec<u8>>> {
    let prefixes = is_conjunction(rule).then(|| {
        rule.criteria
            .iter()
            .find_map(|criterion| criterion.only_path_prefixes())
    })??;
    // A pattern that begins with a wildcard, or has one right after the slash, rules nothing out.
    prefixes
        .iter()
        .all(|prefix| prefix.len() > 1)
        .then_some(prefixes)
}

/// Gives each prefix its parent and the children of its parents. `None` if that would become too large.
fn with_parents(sorted: BTreeMap<Box<[u8]>, BTreeSet<u32>>) -> Option<Vec<Prefix>> {
    let mut prefixes: Vec<Prefix> = Vec::with_capacity(sorted.len());
    let mut entries = 0;
    // Positions of the prefixes that the current one may begin with, the longest last.
    let mut open: Vec<usize> = Vec::new();
    for (text, mut children) in sorted {
        while let Some(last) = open.last() {
            if prefixes
                .get(*last)
                .is_some_and(|prefix| text.starts_with(&prefix.text))
            {
                break;
            }
            open.pop();
        }
        let parent = open.last().copied();
        if let Some(parent) = parent.and_then(|parent| prefixes.get(parent)) {
            children.extend(&parent.children);
        }
        entries += children.len();
        if entries > MAX_ENTRIES {
            return None;
        }
        open.push(prefixes.len());
        prefixes.push(Prefix {
            text,
            parent,
            children: children.into_iter().collect(),
        });
    }
    Some(prefixes)
}

/// Three sorted lists without common members, as one sorted list.
struct Merged<'a> {
    lists: [&'a [u32]; 3],
}

impl Iterator for Merged<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let list = self
            .lists
            .iter_mut()
            .filter(|list| !list.is_empty())
            .min_by_key(|list| list.first().copied())?;
        let (first, rest) = list.split_first()?;
        *list = rest;
        usize::try_from(*first).ok()
    }
}
