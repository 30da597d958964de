//! Resident memory over time.

use std::fmt;

use anyhow::Result;

use crate::measure::Usage;

pub(super) struct Memory {
    process: u32,
    samples_kib: Vec<u64>,
}

impl Memory {
    pub(super) fn of(process: u32) -> Self {
        Self {
            process,
            samples_kib: Vec::new(),
        }
    }

    pub(super) fn sample(&mut self) -> Result<()> {
        self.samples_kib
            .push(Usage::of(&[self.process])?.resident_kib());
        Ok(())
    }

    pub(super) fn latest_mib(&self) -> f64 {
        mib(self.samples_kib.last().copied().unwrap_or(0))
    }

    /// By how much the median of the last quarter is larger than that of the second: the first one is for caches and pools to fill.
    pub(super) fn growth_percent(&self) -> f64 {
        let [_, second, _, last] = self.quarters();
        (last as f64 / second.max(1) as f64 - 1.0) * 100.0
    }

    /// The median of each quarter, in KiB.
    fn quarters(&self) -> [u64; 4] {
        let length = self.samples_kib.len() / 4;
        [0, 1, 2, 3].map(|quarter| {
            let samples = self.samples_kib.iter().skip(quarter * length).take(length);
            let mut samples: Vec<u64> = samples.copied().collect();
            samples.sort_unstable();
            samples.get(length / 2).copied().unwrap_or(0)
        })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third, last] = self.quarters().map(mib);
        let largest = mib(self.samples_kib.iter().copied().max().unwrap_or(0));
        write!(
            formatter,
            "resident memory, medians of quarters: {first:.1}, {second:.1}, {third:.1}, {last:.1} MiB; at most {largest:.1} MiB"
        )
    }
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
