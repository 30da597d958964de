//! Under which values each child of a rule is filed.

use std::collections::HashMap;

use crate::tree::Satisfy;

use super::super::CompiledRule;
use super::super::criterion::Key;

/// Values of which every request that the child can match has one.
pub(super) type Filing = (Key, Vec<Box<[u8]>>);

/// Chooses for each child, among the criteria that could file it, the one whose values it shares with the fewest others.
pub(super) fn choose(children: &[CompiledRule]) -> Vec<Option<Filing>> {
    let possible: Vec<Vec<Filing>> = children.iter().map(filings).collect();
    let mut shared: HashMap<(Key, &[u8]), usize> = HashMap::new();
    for (key, values) in possible.iter().flatten() {
        for value in values {
            *shared.entry((*key, value)).or_default() += 1;
        }
    }
    let most_shared = |(key, values): &Filing| {
        let counts = values.iter().filter_map(|value| shared.get(&(*key, value)));
        counts.max().copied()
    };
    let best: Vec<Option<usize>> = possible
        .iter()
        .map(|filings| {
            let costs = filings.iter().map(|filing| (most_shared(filing), filing.0));
            let (best, _) = costs.enumerate().min_by_key(|(_, cost)| *cost)?;
            Some(best)
        })
        .collect();
    possible
        .into_iter()
        .zip(best)
        .map(|(filings, best)| filings.into_iter().nth(best?))
        .collect()
}

/// The filings that one criterion alone allows: all criteria must hold, so each of them can rule the child out.
fn filings(rule: &CompiledRule) -> Vec<Filing> {
    if rule.satisfy == Satisfy::Any && rule.criteria.len() != 1 {
        return Vec::new();
    }
    rule.criteria
        .iter()
        .filter_map(|criterion| criterion.needs_one_of())
        .collect()
}
