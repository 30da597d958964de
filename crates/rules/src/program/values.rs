//! Sets of values to compare with, exact or with wildcards.

use std::slice;

/// Values of which one must equal, or match, what a request has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueSet {
    case: Case,
    exact: Vec<Box<[u8]>>,
    patterns: Vec<Box<[u8]>>,
    shown: Vec<String>,
}

/// Whether ASCII letters of both cases are equal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Case {
    Insensitive,
    Sensitive,
}

/// Whether `?` and `*` stand for other characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wildcards {
    Literal,
    Match,
}

impl ValueSet {
    pub(crate) fn new<'a>(
        values: impl IntoIterator<Item = &'a str>,
        case: Case,
        wildcards: Wildcards,
    ) -> ValueSet {
        ValueSet::from_octets(
            values
                .into_iter()
                .map(|value| (value.as_bytes().to_vec(), value)),
            case,
            wildcards,
        )
    }

    /// Values whose compared octets differ from what people see.
    pub(crate) fn from_octets<'a>(
        values: impl IntoIterator<Item = (Vec<u8>, &'a str)>,
        case: Case,
        wildcards: Wildcards,
    ) -> ValueSet {
        let mut set = ValueSet {
            case,
            exact: Vec::new(),
            patterns: Vec::new(),
            shown: Vec::new(),
        };
        for (mut octets, shown) in values {
            set.shown.push(shown.to_owned());
            if case == Case::Insensitive {
                octets.make_ascii_lowercase();
            }
            let list = if wildcards == Wildcards::Match
                && octets.iter().any(|octet| matches!(octet, b'*' | b'?'))
            {
                &mut set.patterns
            } else {
                &mut set.exact
            };
            list.push(octets.into_boxed_slice());
        }
        set.exact.sort_unstable();
        set.exact.dedup();
        set
    }

    pub(crate) fn contains(&self, text: &[u8]) -> bool {
        if self.case == Case::Sensitive && self.patterns.is_empty() {
            return self
                .exact
                .binary_search_by(|value| (**value).cmp(text))
                .is_ok();
        }
        self.contains_octets(text.iter().copied())
    }

    pub(crate) fn contains_octets(&self, text: impl Iterator<Item = u8> + Clone) -> bool {
        match self.case {
            Case::Insensitive => self.find(text.map(|octet| octet.to_ascii_lowercase())),
            Case::Sensitive => self.find(text),
        }
    }

    fn find(&self, text: impl Iterator<Item = u8> + Clone) -> bool {
        self.exact
            .binary_search_by(|value| value.iter().copied().cmp(text.clone()))
            .is_ok()
            || self
                .patterns
                .iter()
                .any(|pattern| wildcard_match(pattern, text.clone()))
    }

    /// The values if all of them are exact, in the case they are compared in.
    pub(crate) fn exact_values(&self) -> Option<&[Box<[u8]>]> {
        self.patterns.is_empty().then_some(self.exact.as_slice())
    }

    /// The values if containing a text means that it equals one of them in every octet.
    pub(crate) fn exact_octets(&self) -> Option<&[Box<[u8]>]> {
        match self.case {
            Case::Insensitive => None,
            Case::Sensitive => self.exact_values(),
        }
    }

    /// For each value the characters before its first wildcard, in lower case. Some may be the same.
    pub(crate) fn literal_prefixes(&self) -> impl Iterator<Item = Box<[u8]>> + '_ {
        let literal = |pattern: &[u8]| -> Vec<u8> {
            pattern
                .iter()
                .copied()
                .take_while(|octet| !matches!(octet, b'*' | b'?'))
                .collect()
        };
        let exact = self.exact.iter().map(|value| value.to_ascii_lowercase());
        let texts = exact.chain(
            self.patterns
                .iter()
                .map(move |pattern| literal(pattern).to_ascii_lowercase()),
        );
        texts.map(Vec::into_boxed_slice)
    }

    /// The values as written, for people.
    pub(crate) fn describe(&self) -> String {
        const SHOWN: usize = 5;
        let mut text = self
            .shown
            .iter()
            .take(SHOWN)
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(", ");
        if self.shown.len() > SHOWN {
            text.push_str(&format!(" and {} more", self.shown.len() - SHOWN));
        }
        text
    }
}

/// Whether the whole text matches a pattern in which `?` is one octet and `*` any number of them, also none.
///
/// Only the last `*` is ever retried, so the cost is bounded by the product of the lengths.
fn wildcard_match<I: Iterator<Item = u8> + Clone>(pattern: &[u8], mut text: I) -> bool {
    let mut pattern = pattern.iter();
    let mut retry: Option<(slice::Iter<'_, u8>, I)> = None;
    loop {
        let here = text.clone();
        let wanted = pattern.clone().next();
        if wanted == Some(&b'*') {
            pattern.next();
            retry = Some((pattern.clone(), here));
            continue;
        }
        match (wanted, text.next()) {
            (None, None) => return true,
            (Some(_), None) => return false,
            (Some(wanted), Some(found)) if *wanted == b'?' || *wanted == found => {
                pattern.next();
            }
            (_, Some(_)) => {
                let Some((after_star, start)) = &mut retry else {
                    return false;
                };
                if start.next().is_none() {
                    return false;
                }
                pattern = after_star.clone();
                text = start.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        ValueSet::new([pattern], Case::Sensitive, Wildcards::Match).contains(text.as_bytes())
    }

    #[test]
    fn star_is_any_number_of_characters_and_question_mark_is_one() {
        for (pattern, text, expected) in [
            ("/a", "/a", true),
            ("/a", "/ab", false),
            ("/a*", "/a", true),
            ("/a*", "/a/b/c", true),
            ("/a/*", "/a", false),
            ("*.jpg", "/x.jpg", true),
            ("*.jpg", "/x.jpgs", false),
            ("/?/x", "/a/x", true),
            ("/?/x", "//x", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "ab_b_a", false),
            ("*", "", true),
            ("?", "", false),
            ("**", "x", true),
            ("*ab", "aab", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} against {text}");
        }
    }

    #[test]
    fn wildcards_are_plain_characters_where_they_are_literal() {
        let set = ValueSet::new(["a*"], Case::Sensitive, Wildcards::Literal);
        assert!(set.contains(b"a*"));
        assert!(!set.contains(b"ab"));
    }

    #[test]
    fn case_matters_only_where_it_is_said_to() {
        assert!(
            ValueSet::new(["/Admin*"], Case::Insensitive, Wildcards::Match).contains(b"/aDMIN/x")
        );
        assert!(
            !ValueSet::new(["/Admin*"], Case::Sensitive, Wildcards::Match).contains(b"/admin/x")
        );
    }
}
