//! Writes the samples of one metric.

use std::fmt;

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};

use super::durations::Durations;

/// One metric on its way into the text; its label names come from the catalogue.
#[derive(Debug)]
pub(super) struct Family<'e> {
    encoder: MetricEncoder<'e>,
    labels: &'static [&'static str],
}

impl<'e> Family<'e> {
    pub(super) fn new(encoder: MetricEncoder<'e>, labels: &'static [&'static str]) -> Self {
        Self { encoder, labels }
    }

    /// The values of the labels are in the order of the catalogue.
    pub(super) fn counter(&mut self, values: &[&str], count: u64) -> fmt::Result {
        let labels = self.labels(values);
        self.encoder
            .encode_family(&labels)?
            .encode_counter::<NoLabelSet, u64, u64>(&count, None)
    }

    pub(super) fn gauge(&mut self, values: &[&str], value: u64) -> fmt::Result {
        let labels = self.labels(values);
        self.encoder.encode_family(&labels)?.encode_gauge(&value)
    }

    pub(super) fn histogram(&mut self, values: &[&str], durations: &Durations) -> fmt::Result {
        let labels = self.labels(values);
        let observed = durations.observed();
        self.encoder
            .encode_family(&labels)?
            .encode_histogram::<NoLabelSet>(
                observed.sum_seconds,
                observed.count,
                &observed.buckets,
                None,
            )
    }

    fn labels<'v>(&self, values: &[&'v str]) -> Vec<(&'static str, &'v str)> {
        debug_assert_eq!(values.len(), self.labels.len(), "{:?}", self.labels);
        self.labels
            .iter()
            .copied()
            .zip(values.iter().copied())
            .collect()
    }
}
