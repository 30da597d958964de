//! Counters by several labels, all made at the start.

use std::sync::atomic::{AtomicU64, Ordering};

/// One counter for every combination of label values, by the values' places in their lists.
#[derive(Debug)]
pub(super) struct Cells<const LABELS: usize> {
    sizes: [usize; LABELS],
    counts: Box<[AtomicU64]>,
}

impl<const LABELS: usize> Cells<LABELS> {
    pub(super) fn new(sizes: [usize; LABELS]) -> Self {
        let cells = sizes.iter().product();
        Self {
            sizes,
            counts: std::iter::repeat_with(AtomicU64::default)
                .take(cells)
                .collect(),
        }
    }

    /// Counts one. A place beyond its list is not counted.
    pub(super) fn add(&self, places: [usize; LABELS]) {
        let mut index = 0;
        for (place, size) in places.into_iter().zip(self.sizes) {
            if place >= size {
                return;
            }
            index = index * size + place;
        }
        if let Some(count) = self.counts.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counters that counted something, with the places of their labels.
    pub(super) fn iter(&self) -> impl Iterator<Item = ([usize; LABELS], u64)> {
        self.counts.iter().enumerate().filter_map(|(index, count)| {
            let count = count.load(Ordering::Relaxed);
            (count > 0).then(|| (self.places(index), count))
        })
    }

    fn places(&self, mut index: usize) -> [usize; LABELS] {
        let mut places = [0; LABELS];
        for (place, size) in places.iter_mut().zip(self.sizes).rev() {
            *place = index % size;
            index /= size;
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_has_a_counter_of_its_own() {
        let cells = Cells::new([2, 3, 4]);
        for first in 0..2 {
            for second in 0..3 {
                for third in 0..4 {
                    cells.add([first, second, third]);
                }
            }
        }
        cells.add([1, 2, 3]);
        cells.add([1, 3, 0]);
        assert_eq!(cells.iter().count(), 24);
        for (places, count) in cells.iter() {
            assert_eq!(count, if places == [1, 2, 3] { 2 } else { 1 }, "{places:?}");
        }
    }
}
