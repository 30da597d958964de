//! Every metric: its name, its labels, what it means and where its numbers are. `docs/metrics.md` is generated from this table.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;

use countersign_trust::ocsp::OcspAnswer;
use countersign_trust::{Reason, UnixTime};
use prometheus_client::metrics::MetricType;

use super::durations::Durations;
use super::family::Family;
use super::{
    CAUSES, GROUPS, HANDSHAKES, OFFERS, PROTOCOLS, REVOCATION_STATES, STATUS_CLASSES, STATUS_WAITS,
    TASKS, TLS_VERSIONS, VERDICTS,
};
use crate::node::{Node, Phase};

/// One metric.
#[derive(Debug)]
pub(super) struct Metric {
    /// Without the prefix, and without the `_total` that counters get.
    pub(super) name: &'static str,
    pub(super) kind: MetricType,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
    pub(super) collect: fn(&Node, &mut Family<'_>) -> fmt::Result,
}

pub(super) const PREFIX: &str = "countersign_edge";

/// In the order of the document.
pub(super) const ALL: &[Metric] = &[
    Metric {
        name: "handshakes",
        kind: MetricType::Counter,
        labels: &[
            "network",
            "outcome",
            "reason",
            "protocol",
            "tls_version",
            "group",
            "resumed",
        ],
        help: "TLS and QUIC handshakes that ended. A refused one has a reason and, since nothing was agreed on, `none` for the rest.",
        collect: handshakes,
    },
    Metric {
        name: "handshake_duration_seconds",
        kind: MetricType::Histogram,
        labels: &["network", "outcome"],
        help: "From the accepted connection to the end of its handshake.",
        collect: |node, family| {
            HANDSHAKES
                .iter()
                .zip(&node.metrics.handshake_duration)
                .try_for_each(|(outcome, durations)| {
                    family.histogram(&[node.network.as_str(), outcome], durations)
                })
        },
    },
    Metric {
        name: "connections",
        kind: MetricType::Gauge,
        labels: &["network", "binding", "protocol"],
        help: "Authenticated client connections that are open.",
        collect: connections,
    },
    Metric {
        name: "connections_resting",
        kind: MetricType::Gauge,
        labels: &["network"],
        help: "Of these, the HTTP/1.1 connections that wait for a request without holding buffers.",
        collect: |node, family| {
            let mut resting = 0;
            node.registry
                .for_each(|connection, _| resting += usize::from(connection.is_resting()));
            gauge(node, family, resting)
        },
    },
    Metric {
        name: "connections_accepted_open",
        kind: MetricType::Gauge,
        labels: &["network"],
        help: "TCP connections that are open, those in their handshake included.",
        collect: |node, family| gauge(node, family, node.connections.load(Ordering::Relaxed)),
    },
    Metric {
        name: "connections_cut_off",
        kind: MetricType::Counter,
        labels: &["network"],
        help: "Live connections that were ended because their client is trusted no more.",
        collect: |node, family| {
            let ended = node.metrics.cut_off.iter().map(Durations::count).sum();
            counter(node, family, ended)
        },
    },
    Metric {
        name: "cut_off_duration_seconds",
        kind: MetricType::Histogram,
        labels: &["network", "cause"],
        help: "From the moment that took the trust of a live connection's client away to the connection's end. `activation`: the node got a snapshot; `revocation`: it got revocations; `expiry`: a certificate or required revocation data came to its end.",
        collect: |node, family| {
            CAUSES
                .iter()
                .zip(&node.metrics.cut_off)
                .try_for_each(|(cause, durations)| {
                    family.histogram(&[node.network.as_str(), cause], durations)
                })
        },
    },
    Metric {
        name: "requests",
        kind: MetricType::Counter,
        labels: &["network", "protocol", "status", "verdict", "reason"],
        help: "Requests that ended, by the class of the response's status (`none`: the client went away before), the verdict on the client and the reason of a refusal or failure.",
        collect: |node, family| {
            node.metrics.requests.iter().try_for_each(
                |([protocol, status, verdict, reason], count)| {
                    let reason = reason.checked_sub(1).map_or("none", reason_at);
                    let labels = [
                        at(&PROTOCOLS, protocol),
                        at(&STATUS_CLASSES, status),
                        at(&VERDICTS, verdict),
                        reason,
                    ];
                    let [protocol, status, verdict, reason] = labels;
                    family.counter(
                        &[node.network.as_str(), protocol, status, verdict, reason],
                        count,
                    )
                },
            )
        },
    },
    Metric {
        name: "plain_requests",
        kind: MetricType::Counter,
        labels: &["network", "reason"],
        help: "Requests without TLS that were not served: refused, with the reason, or redirected to HTTPS (`none`).",
        collect: |node, family| {
            node.metrics.plain.iter().try_for_each(|([reason], count)| {
                let reason = reason.checked_sub(1).map_or("none", reason_at);
                family.counter(&[node.network.as_str(), reason], count)
            })
        },
    },
    Metric {
        name: "requests_unreadable",
        kind: MetricType::Counter,
        labels: &["network", "protocol", "reason"],
        help: "Connections on which something came that is no request.",
        collect: |node, family| {
            node.metrics
                .unreadable
                .iter()
                .try_for_each(|([protocol, reason], count)| {
                    family.counter(
                        &[
                            node.network.as_str(),
                            at(&PROTOCOLS, protocol),
                            reason_at(reason),
                        ],
                        count,
                    )
                })
        },
    },
    Metric {
        name: "requests_in_flight",
        kind: MetricType::Gauge,
        labels: &["network"],
        help: "Requests between their head and the end of their response, open WebSockets included.",
        collect: |node, family| gauge(node, family, node.requests.load(Ordering::Relaxed)),
    },
    Metric {
        name: "request_duration_seconds",
        kind: MetricType::Histogram,
        labels: &["network", "protocol"],
        help: "From a request's head to the last byte of its response.",
        collect: |node, family| {
            PROTOCOLS
                .iter()
                .zip(&node.metrics.request_duration)
                .try_for_each(|(protocol, durations)| {
                    family.histogram(&[node.network.as_str(), protocol], durations)
                })
        },
    },
    Metric {
        name: "received_bytes",
        kind: MetricType::Counter,
        labels: &["network"],
        help: "Bytes of request bodies and tunnels from clients.",
        collect: |node, family| {
            counter(
                node,
                family,
                node.metrics.received_bytes.load(Ordering::Relaxed),
            )
        },
    },
    Metric {
        name: "sent_bytes",
        kind: MetricType::Counter,
        labels: &["network"],
        help: "Bytes of response bodies and tunnels to clients.",
        collect: |node, family| {
            counter(
                node,
                family,
                node.metrics.sent_bytes.load(Ordering::Relaxed),
            )
        },
    },
    Metric {
        name: "origin_requests",
        kind: MetricType::Counter,
        labels: &["network", "origin", "connection"],
        help: "Requests that an origin answered, over a `new` connection or a `reused` one. Starts again when the origin's configuration changes.",
        collect: |node, family| {
            origins(node).iter().try_for_each(|(id, counts)| {
                family.counter(&[node.network.as_str(), id, "new"], counts.new)?;
                family.counter(&[node.network.as_str(), id, "reused"], counts.reused)
            })
        },
    },
    Metric {
        name: "origin_errors",
        kind: MetricType::Counter,
        labels: &["network", "origin", "reason"],
        help: "Requests that an origin did not answer, by reason. Starts again when the origin's configuration changes.",
        collect: |node, family| {
            origins(node).iter().try_for_each(|(id, counts)| {
                counts.errors.iter().try_for_each(|(reason, count)| {
                    family.counter(&[node.network.as_str(), id, reason.code()], *count)
                })
            })
        },
    },
    Metric {
        name: "origin_requests_in_flight",
        kind: MetricType::Gauge,
        labels: &["network", "origin"],
        help: "Requests between the choice of an address and the end of the origin's response.",
        collect: |node, family| origin_gauge(node, family, |counts| counts.in_flight),
    },
    Metric {
        name: "origin_connections",
        kind: MetricType::Gauge,
        labels: &["network", "origin"],
        help: "Connections to an origin that are open, idle ones included.",
        collect: |node, family| origin_gauge(node, family, |counts| counts.open),
    },
    Metric {
        name: "origin_addresses",
        kind: MetricType::Gauge,
        labels: &["network", "origin", "state"],
        help: "Addresses of an origin: `used` ones get requests, `ejected` ones are left out for a while because requests failed, `down` ones fail the health check.",
        collect: |node, family| {
            origins(node).iter().try_for_each(|(id, counts)| {
                let network = node.network.as_str();
                family.gauge(&[network, id, "used"], counts.used)?;
                family.gauge(&[network, id, "ejected"], counts.ejected)?;
                family.gauge(&[network, id, "down"], counts.down)
            })
        },
    },
    Metric {
        name: "origin_ejections",
        kind: MetricType::Counter,
        labels: &["network", "origin"],
        help: "How often an address of an origin was left out because requests failed. Starts again when the origin's configuration changes.",
        collect: |node, family| origin_counter(node, family, |counts| counts.ejections),
    },
    Metric {
        name: "origin_health_checks",
        kind: MetricType::Counter,
        labels: &["network", "origin", "outcome"],
        help: "Requests of health checks that `passed` or `failed`. Starts again when the origin's configuration changes.",
        collect: |node, family| {
            origins(node).iter().try_for_each(|(id, counts)| {
                let network = node.network.as_str();
                family.counter(&[network, id, "passed"], counts.passed_checks)?;
                family.counter(&[network, id, "failed"], counts.failed_checks)
            })
        },
    },
    Metric {
        name: "origin_retries",
        kind: MetricType::Counter,
        labels: &["network", "origin", "outcome"],
        help: "Requests that were sent again (`sent`), and those that were not because the budget was spent (`over_budget`). Starts again when the origin's configuration changes.",
        collect: |node, family| {
            origins(node).iter().try_for_each(|(id, counts)| {
                let network = node.network.as_str();
                family.counter(&[network, id, "sent"], counts.retried)?;
                family.counter(&[network, id, "over_budget"], counts.retries_denied)
            })
        },
    },
    Metric {
        name: "origin_failed_lookups",
        kind: MetricType::Counter,
        labels: &["network", "origin"],
        help: "Look-ups of an origin's names that failed; the last known addresses stay in use. Starts again when the origin's configuration changes.",
        collect: |node, family| origin_counter(node, family, |counts| counts.failed_lookups),
    },
    Metric {
        name: "origin_credential_expires_timestamp_seconds",
        kind: MetricType::Gauge,
        labels: &["network", "origin"],
        help: "When the client credential for an origin expires, in seconds since 1970; the first one where rules choose between several.",
        collect: |node, family| {
            origins(node).iter().try_for_each(|(id, counts)| {
                let expires = counts.credential_expires;
                match expires.and_then(|seconds| u64::try_from(seconds).ok()) {
                    Some(seconds) => family.gauge(&[node.network.as_str(), id], seconds),
                    None => Ok(()),
                }
            })
        },
    },
    Metric {
        name: "origin_first_byte_seconds",
        kind: MetricType::Histogram,
        labels: &["network"],
        help: "From a request's head to the head of the origin's response.",
        collect: |node, family| {
            family.histogram(&[node.network.as_str()], &node.metrics.origin_first_byte)
        },
    },
    Metric {
        name: "verdict_cache_lookups",
        kind: MetricType::Counter,
        labels: &["network", "outcome"],
        help: "Verdicts that were asked for: `hit` when the client's chain had been judged before and the verdict still held, `miss` when it was evaluated.",
        collect: |node, family| {
            let lookups = node.tls.verdict_lookups();
            family.counter(&[node.network.as_str(), "hit"], lookups.hits)?;
            family.counter(&[node.network.as_str(), "miss"], lookups.misses)
        },
    },
    Metric {
        name: "client_revocation",
        kind: MetricType::Counter,
        labels: &["network", "state"],
        help: "Connections of clients with a valid certificate, by what was known about its revocation: `good`, `stale`, `unknown`, or `not_checked` where the policy does not look.",
        collect: |node, family| {
            node.metrics
                .revocation
                .iter()
                .try_for_each(|([state], count)| {
                    family.counter(
                        &[node.network.as_str(), at(&REVOCATION_STATES, state)],
                        count,
                    )
                })
        },
    },
    Metric {
        name: "status_waits",
        kind: MetricType::Counter,
        labels: &["network", "outcome"],
        help: "Clients that waited after their handshake for what their CA says about them: it was `answered`, there was `nothing`, or it came too `late`.",
        collect: |node, family| {
            node.metrics
                .settled
                .iter()
                .try_for_each(|([outcome], count)| {
                    family.counter(&[node.network.as_str(), at(&STATUS_WAITS, outcome)], count)
                })
        },
    },
    Metric {
        name: "ocsp_answers",
        kind: MetricType::Gauge,
        labels: &["network", "state"],
        help: "OCSP answers in force, about clients and about our own certificates: `good`; `expiring` when less than a quarter of their time is left and no newer one came; `stale` when a newer one should be there. Anything but `good` for long wants somebody to look at the responders.",
        collect: ocsp_answers,
    },
    Metric {
        name: "revocation_data_disregarded",
        kind: MetricType::Gauge,
        labels: &["network"],
        help: "CRLs and OCSP answers that are left out because they are signed with SHA-1 and no version of the CA set admits that any more: as if they were not there, which the policy of the CA set judges.",
        collect: |node, family| {
            gauge(
                node,
                family,
                node.metrics.disregarded.load(Ordering::Relaxed),
            )
        },
    },
    Metric {
        name: "crls",
        kind: MetricType::Gauge,
        labels: &["network", "state"],
        help: "CRLs in force: `good`; `expiring` when less than a quarter of their time is left and no newer one came; `stale` when a newer one should be there. Anything but `good` wants somebody to look before clients notice.",
        collect: crls,
    },
    Metric {
        name: "certificates_ending_soon",
        kind: MetricType::Gauge,
        labels: &["network", "presented_to"],
        help: "Certificates that the node presents and that have less than 30 % of their lifetime left, or none: to be renewed.",
        collect: |node, family| {
            let ending = node
                .enforced()
                .map_or([0; 2], |enforced| enforced.ending_soon(node.now()));
            let mut parties = ["clients", "origins"].into_iter().zip(ending);
            parties.try_for_each(|(party, count)| {
                family.gauge(&[node.network.as_str(), party], count as u64)
            })
        },
    },
    Metric {
        name: "generation",
        kind: MetricType::Gauge,
        labels: &["network"],
        help: "The generation of the snapshot that is enforced; 0 before the first one.",
        collect: |node, family| {
            let generation = node
                .enforced()
                .map_or(0, |enforced| enforced.generation().number());
            family.gauge(&[node.network.as_str()], generation)
        },
    },
    Metric {
        name: "snapshots",
        kind: MetricType::Counter,
        labels: &["network", "outcome"],
        help: "Snapshots that were offered, and enforced or refused.",
        collect: |node, family| {
            node.metrics
                .snapshots
                .iter()
                .try_for_each(|([outcome], count)| {
                    family.counter(&[node.network.as_str(), at(&OFFERS, outcome)], count)
                })
        },
    },
    Metric {
        name: "ready",
        kind: MetricType::Gauge,
        labels: &["network"],
        help: "1 when a snapshot is enforced and the node is not draining.",
        collect: |node, family| gauge(node, family, usize::from(is_ready(node))),
    },
    Metric {
        name: "panics",
        kind: MetricType::Counter,
        labels: &["network", "task"],
        help: "Panics, by what ended: a `connection`, one `request` of a connection that went on, or a part of the `node`, which began again. Each is a bug: the log has its place.",
        collect: |node, family| {
            node.metrics.panics.iter().try_for_each(|([task], count)| {
                family.counter(&[node.network.as_str(), at(&TASKS, task)], count)
            })
        },
    },
    Metric {
        name: "access_log_dropped_records",
        kind: MetricType::Counter,
        labels: &["network"],
        help: "Access records that were lost because the log's output did not keep up.",
        collect: |node, family| counter(node, family, node.access_log.dropped()),
    },
    Metric {
        name: "otlp_log_records",
        kind: MetricType::Counter,
        labels: &["network", "outcome"],
        help: "Access records by what became of their delivery over OTLP: delivered or dropped.",
        collect: |node, family| {
            let network = node.network.as_str();
            node.access_log.otlp().map_or(Ok(()), |otlp| {
                family.counter(&[network, "delivered"], otlp.delivered())?;
                family.counter(&[network, "dropped"], otlp.dropped())
            })
        },
    },
];

/// Whether clients are served: a snapshot is enforced and the node is not draining.
pub(crate) fn is_ready(node: &Node) -> bool {
    *node.phase.borrow() == Phase::Serving && node.enforced().is_some()
}

fn handshakes(node: &Node, family: &mut Family<'_>) -> fmt::Result {
    let network = node.network.as_str();
    for ([protocol, version, group, resumed], count) in node.metrics.accepted.iter() {
        let resumed = if resumed == 0 { "false" } else { "true" };
        let (protocol, version) = (at(&PROTOCOLS, protocol), at(&TLS_VERSIONS, version));
        let group = at(&GROUPS, group);
        let labels = [
            network, "accepted", "none", protocol, version, group, resumed,
        ];
        family.counter(&labels, count)?;
    }
    for ([reason], count) in node.metrics.refused.iter() {
        let labels = [
            network,
            "refused",
            reason_at(reason),
            "none",
            "none",
            "none",
            "none",
        ];
        family.counter(&labels, count)?;
    }
    Ok(())
}

/// Counted when asked for: nothing can drift, and the connections pay nothing.
fn connections(node: &Node, family: &mut Family<'_>) -> fmt::Result {
    let mut counts: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
    node.registry.for_each(|connection, _| {
        let trust = connection.latest();
        let key = (
            trust.binding().id().to_owned(),
            connection.protocol().as_str(),
        );
        *counts.entry(key).or_default() += 1;
    });
    counts.iter().try_for_each(|((binding, protocol), count)| {
        family.gauge(&[node.network.as_str(), binding, protocol], *count)
    })
}

fn crls(node: &Node, family: &mut Family<'_>) -> fmt::Result {
    let mut states = States::new(node);
    for crl in node.tls.revocation().crls() {
        states.count(crl.this_update(), crl.next_update());
    }
    states.show(node, family)
}

fn ocsp_answers(node: &Node, family: &mut Family<'_>) -> fmt::Result {
    let mut states = States::new(node);
    let mut count = |answer: &OcspAnswer| {
        states.count(answer.this_update(), Some(answer.next_update()));
    };
    node.tls.for_each_answer(&mut count);
    for answer in node.tls.revocation().answers() {
        count(answer);
    }
    states.show(node, family)
}

/// How much revocation data is as new as was promised.
struct States {
    now: UnixTime,
    counts: [u64; 3],
}

impl States {
    fn new(node: &Node) -> Self {
        Self {
            now: node.now(),
            counts: [0; 3],
        }
    }

    fn count(&mut self, this_update: UnixTime, next_update: Option<UnixTime>) {
        let [good, expiring, stale] = &mut self.counts;
        let left = |next: UnixTime| next.as_micros().saturating_sub(self.now.as_micros());
        let life = |next: UnixTime| next.as_micros().saturating_sub(this_update.as_micros());
        *match next_update {
            Some(next) if left(next) < 0 => stale,
            Some(next) if left(next) < life(next) / 4 => expiring,
            _ => good,
        } += 1;
    }

    fn show(&self, node: &Node, family: &mut Family<'_>) -> fmt::Result {
        ["good", "expiring", "stale"]
            .iter()
            .zip(self.counts)
            .try_for_each(|(state, count)| family.gauge(&[node.network.as_str(), state], count))
    }
}

/// What the origins of the enforced snapshot counted.
fn origins(node: &Node) -> BTreeMap<String, crate::origin::OriginCounts> {
    node.enforced()
        .map(|enforced| enforced.origins().counts())
        .unwrap_or_default()
}

fn origin_counter(
    node: &Node,
    family: &mut Family<'_>,
    count: fn(&crate::origin::OriginCounts) -> u64,
) -> fmt::Result {
    origins(node)
        .iter()
        .try_for_each(|(id, counts)| family.counter(&[node.network.as_str(), id], count(counts)))
}

fn origin_gauge(
    node: &Node,
    family: &mut Family<'_>,
    count: fn(&crate::origin::OriginCounts) -> u64,
) -> fmt::Result {
    origins(node)
        .iter()
        .try_for_each(|(id, counts)| family.gauge(&[node.network.as_str(), id], count(counts)))
}

fn counter(node: &Node, family: &mut Family<'_>, count: u64) -> fmt::Result {
    family.counter(&[node.network.as_str()], count)
}

fn gauge(node: &Node, family: &mut Family<'_>, value: usize) -> fmt::Result {
    family.gauge(&[node.network.as_str()], value as u64)
}

fn at(names: &[&'static str], place: usize) -> &'static str {
    names.get(place).copied().unwrap_or("other")
}

fn reason_at(place: usize) -> &'static str {
    Reason::ALL
        .get(place)
        .map_or("other", |reason| reason.code())
}
