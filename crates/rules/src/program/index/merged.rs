//! The positions that several look-ups found, as one list.

/// More lists than this are not merged.
const MAX_LISTS: usize = 16;

/// Sorted lists as one sorted list, in which every member stands once.
#[derive(Debug, Default)]
pub(in super::super) struct Merged<'a> {
    lists: [&'a [u32]; MAX_LISTS],
    used: usize,
}

impl<'a> Merged<'a> {
    pub(super) fn of(list: &'a [u32]) -> Merged<'a> {
        let mut merged = Merged::default();
        merged.add(list);
        merged
    }

    /// Adds a list; false if there is no room for it.
    pub(super) fn add(&mut self, list: &'a [u32]) -> bool {
        let Some(free) = self.lists.get_mut(self.used) else {
            return false;
        };
        *free = list;
        self.used += 1;
        true
    }
}

impl Iterator for Merged<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let lists = self.lists.get_mut(..self.used)?;
        let first = *lists.iter().filter_map(|list| list.first()).min()?;
        for list in lists {
            if let Some((found, rest)) = list.split_first()
                && *found == first
            {
                *list = rest;
            }
        }
        usize::try_from(first).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_comes_once_and_in_order() {
        let mut merged = Merged::of(&[1, 4, 9]);
        for list in [&[0, 4][..], &[], &[4, 5, 9], &[1, 4, 9]] {
            assert!(merged.add(list));
        }
        assert_eq!(merged.collect::<Vec<_>>(), [0, 1, 4, 5, 9]);
    }

    #[test]
    fn a_list_too_many_is_refused() {
        let mut merged = Merged::default();
        assert!((0..MAX_LISTS).all(|_| merged.add(&[3])));
        assert!(!merged.add(&[3]));
        assert_eq!(merged.collect::<Vec<_>>(), [3]);
    }
}
