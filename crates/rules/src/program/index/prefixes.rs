//! Children of a rule by the beginnings of the paths that they can match.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// An index that would need more entries than this is not made.
const MAX_ENTRIES: usize = 1_000_000;

/// Sorted by prefix, in lower case.
#[derive(Debug)]
pub(super) struct Prefixes(Vec<Prefix>);

#[derive(Debug)]
struct Prefix {
    text: Box<[u8]>,
    /// The longest other prefix that this one begins with.
    parent: Option<usize>,
    /// Children of this prefix and of all of its parents.
    children: Vec<u32>,
}

impl Prefixes {
    /// `None` if it would become too large.
    pub(super) fn new(
        prefixes: impl IntoIterator<Item = (Box<[u8]>, Vec<u32>)>,
    ) -> Option<Prefixes> {
        with_parents(prefixes.into_iter().collect()).map(Prefixes)
    }

    /// Sorted positions of the children of all prefixes that the path begins with.
    pub(super) fn children(&self, path: &[u8]) -> &[u32] {
        self.longest(path)
            .map_or(&[][..], |prefix| &prefix.children)
    }

    /// The longest prefix that the path begins with.
    ///
    /// A prefix of the path is a prefix of everything that sorts between it and the path, so the search begins at the
    /// last one that is not greater than the path and goes up its parents.
    fn longest(&self, path: &[u8]) -> Option<&Prefix> {
        let after = self
            .0
            .partition_point(|prefix| compare(&prefix.text, path) != Ordering::Greater);
        let mut prefix = self.0.get(after.checked_sub(1)?)?;
        loop {
            let begins = path
                .get(..prefix.text.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(&prefix.text));
            if begins {
                return Some(prefix);
            }
            prefix = self.0.get(prefix.parent?)?;
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

/// Gives each prefix its parent and the children of its parents. `None` if that would become too large.
fn with_parents(sorted: BTreeMap<Box<[u8]>, Vec<u32>>) -> Option<Vec<Prefix>> {
    let mut prefixes: Vec<Prefix> = Vec::with_capacity(sorted.len());
    let mut entries = 0;
    // Positions of the prefixes that the current one may begin with, the longest last.
    let mut open: Vec<usize> = Vec::new();
    for (text, children) in sorted {
        let mut children: BTreeSet<u32> = children.into_iter().collect();
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
