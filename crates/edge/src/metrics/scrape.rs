//! From counts to the text that a scraper reads, and to the document that a person reads.

use std::fmt::{self, Write};
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::catalogue::{ALL, PREFIX};
use super::family::Family;
use crate::node::Node;

/// Nodes of one process: each metric once, with the samples of all of them.
#[derive(Debug)]
struct Nodes(Vec<Arc<Node>>);

impl Collector for Nodes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in ALL {
            let encoder = encoder.encode_descriptor(metric.name, metric.help, None, metric.kind)?;
            let mut family = Family::new(encoder, metric.labels);
            for node in &self.0 {
                (metric.collect)(node, &mut family)?;
            }
        }
        Ok(())
    }
}

/// Everything, in OpenMetrics text.
pub(crate) fn scrape(nodes: Vec<Arc<Node>>) -> String {
    let mut text = String::with_capacity(16 * 1024);
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Nodes(nodes)));
    // Writing to a string does not fail.
    let _ = text::encode(&mut text, &registry);
    text
}

/// The page `docs/metrics.md`: every metric with its labels and its meaning.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(
        "# Metrics\n\
         \n\
         Served in OpenMetrics text at `/metrics` of the admin listener (`[admin] listen` in the configuration, off by default), beside `/healthz`\n\
         (the process lives) and `/readyz` (every network's snapshot is enforced and nothing drains). The admin listener has a thread of its own: a\n\
         scrape costs no request its tail. It asks nobody for a certificate, so bind it where only operators are.\n\
         \n\
         No label is made from what a client sends: names, paths and subjects are in the access log. `reason` has the codes of\n\
         [reasons.md](reasons.md), or `none`. A dashboard for Grafana is in [grafana/countersign.json](grafana/countersign.json).\n\
         \n\
         This page is generated from the table in `crates/edge/src/metrics/catalogue.rs` (`UPDATE_GOLDEN=1 cargo nextest run -p countersign-edge\n\
         metrics`), and a test fails when the two differ.\n\
         \n\
         | metric | kind | labels | meaning |\n\
         |---|---|---|---|\n",
    );
    for metric in ALL {
        let (kind, suffix) = match metric.kind {
            MetricType::Counter => ("counter", "_total"),
            MetricType::Histogram => ("histogram", ""),
            _ => ("gauge", ""),
        };
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| `{PREFIX}_{}{suffix}` | {kind} | {} | {} |",
            metric.name,
            labels.join(", "),
            metric.help
        );
    }
    text
}
