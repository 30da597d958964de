//! The one resolver from a server name to a binding.

use std::collections::HashMap;

use crate::{NamePattern, ServerName};

/// Finds what a server name is bound to: an exact name first, then the wildcard one label up, then nothing.
///
/// TCP, QUIC, HTTP authority, MQTT and tickets all ask here; there is no default and no second way.
#[derive(Clone, Debug)]
pub struct Resolver<T> {
    exact: HashMap<ServerName, T>,
    wildcard: HashMap<Box<str>, T>,
}

impl<T> Default for Resolver<T> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            wildcard: HashMap::new(),
        }
    }
}

impl<T> Resolver<T> {
    /// Adds a pattern.
    ///
    /// # Errors
    /// Returns the target when the pattern is taken; the first one stays.
    pub fn insert(&mut self, pattern: NamePattern, target: T) -> Result<(), T> {
        match pattern {
            NamePattern::Exact(name) => insert_new(&mut self.exact, name, target),
            NamePattern::Wildcard(parent) => {
                insert_new(&mut self.wildcard, parent.as_str().into(), target)
            }
        }
    }

    /// What the name is bound to. `None` is a refusal, never an invitation to pick another.
    #[must_use]
    pub fn resolve(&self, name: &ServerName) -> Option<&T> {
        self.exact
            .get(name)
            .or_else(|| self.wildcard.get(name.parent()?))
    }
}

fn insert_new<K: Eq + std::hash::Hash, T>(
    map: &mut HashMap<K, T>,
    key: K,
    target: T,
) -> Result<(), T> {
    use std::collections::hash_map::Entry;
    match map.entry(key) {
        Entry::Occupied(_) => Err(target),
        Entry::Vacant(entry) => {
            entry.insert(target);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> ServerName {
        ServerName::new(text).unwrap()
    }

    #[test]
    fn an_exact_name_wins_over_a_wildcard() {
        let mut resolver = Resolver::default();
        resolver
            .insert("*.example.com".parse().unwrap(), "wildcard")
            .unwrap();
        resolver
            .insert("a.example.com".parse().unwrap(), "exact")
            .unwrap();
        assert_eq!(resolver.resolve(&name("A.example.com.")), Some(&"exact"));
        assert_eq!(resolver.resolve(&name("b.example.com")), Some(&"wildcard"));
        assert_eq!(resolver.resolve(&name("example.com")), None);
        assert_eq!(resolver.resolve(&name("c.b.example.com")), None);
    }

    #[test]
    fn a_pattern_is_bound_once() {
        let mut resolver = Resolver::default();
        resolver.insert("a.test".parse().unwrap(), 1).unwrap();
        assert_eq!(resolver.insert("A.TEST.".parse().unwrap(), 2), Err(2));
        assert_eq!(resolver.resolve(&name("a.test")), Some(&1));
    }

    fn pattern_text() -> impl Strategy<Value = String> {
        ("(\\*\\.)?", "[ab]{1}", "(\\.[ab]){0,2}")
            .prop_map(|(star, first, rest)| format!("{star}{first}{rest}"))
    }

    proptest! {
        /// The maps are an index of the definition: the first exact pattern that covers the name, else the first wildcard.
        #[test]
        fn it_agrees_with_a_linear_search(patterns in proptest::collection::vec(pattern_text(), 0..12), asked in "[abAB](\\.[abAB]){0,3}\\.?") {
            let patterns: Vec<NamePattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
            let mut resolver = Resolver::default();
            for (index, pattern) in patterns.iter().enumerate() {
                let _ = resolver.insert(pattern.clone(), index);
            }
            let asked = name(&asked);
            let linear = |wanted: fn(&NamePattern) -> bool| patterns.iter().position(|pattern| wanted(pattern) && pattern.covers(&asked));
            let expected = linear(|pattern| matches!(pattern, NamePattern::Exact(_))).or_else(|| linear(|pattern| matches!(pattern, NamePattern::Wildcard(_))));
            prop_assert_eq!(resolver.resolve(&asked).copied(), expected);
        }
    }
}
