//! What a node counts. Counting is one atomic addition to a cell that exists from the start; names, labels and text come at the scrape.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use countersign_snapshot::TlsVersion;
use countersign_tls::TlsFacts;
use countersign_trust::{Reason, Verdict};

use crate::connection::{Connection, Protocol};
use crate::panics::Task;
use crate::registry::CutOff;
use crate::statuses::Settled;

mod catalogue;
mod cells;
mod durations;
mod family;
mod scrape;

pub(crate) use catalogue::is_ready;
use cells::Cells;
use durations::Durations;
pub use scrape::document;
pub(crate) use scrape::scrape;

/// The counts of one node. Every label has a fixed list of values, so that no client can make a series.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// By protocol, status class, verdict and reason.
    requests: Cells<4>,
    /// By protocol and reason.
    unreadable: Cells<2>,
    /// By protocol, TLS version, group and whether resumed.
    accepted: Cells<4>,
    /// By reason.
    refused: Cells<1>,
    /// By reason, whose first place is "none": a redirect.
    plain: Cells<1>,
    snapshots: Cells<1>,
    handshake_duration: [Durations; 2],
    request_duration: [Durations; PROTOCOLS.len()],
    origin_first_byte: Durations,
    received_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    /// By cause.
    cut_off: [Durations; CAUSES.len()],
    /// By what is known about the revocation of the clients that were let in.
    revocation: Cells<1>,
    /// By how the wait for a status ended.
    settled: Cells<1>,
    /// Revocation data that the manifest names and that is left out.
    pub(crate) disregarded: AtomicUsize,
    /// By what ended.
    panics: Cells<1>,
}

/// A request that is over.
#[derive(Debug)]
pub(crate) struct RequestDone<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) status: u16,
    pub(crate) verdict: &'a Verdict,
    pub(crate) reason: Option<Reason>,
    pub(crate) took: Duration,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// In the order of [`Protocol`].
const PROTOCOLS: [&str; 4] = ["http/1.1", "h2", "h3", "tcp"];
const STATUS_CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];
const VERDICTS: [&str; 3] = ["missing", "valid", "invalid"];
const TLS_VERSIONS: [&str; 2] = ["1.2", "1.3"];
/// The groups that are offered; `none` is a TLS 1.2 resumption.
const GROUPS: [&str; 6] = [
    "none",
    "X25519MLKEM768",
    "X25519",
    "secp256r1",
    "secp384r1",
    "other",
];
/// In the order of [`Cause`](crate::registry::Cause).
const CAUSES: [&str; 3] = ["activation", "expiry", "revocation"];
const OFFERS: [&str; 2] = ["enforced", "refused"];
/// In the order of `RevocationState`.
const REVOCATION_STATES: [&str; 4] = ["not_checked", "good", "stale", "unknown"];
/// In the order of `Settled`, whose first is not counted.
const STATUS_WAITS: [&str; 4] = ["known", "answered", "nothing", "late"];
/// In the order of [`Task`].
const TASKS: [&str; 3] = ["connection", "node", "request"];
const HANDSHAKES: [&str; 2] = ["accepted", "refused"];

impl Metrics {
    pub(crate) fn new() -> Self {
        let reasons = Reason::ALL.len();
        Self {
            // The first place of the reasons is "none".
            requests: Cells::new([
                PROTOCOLS.len(),
                STATUS_CLASSES.len(),
                VERDICTS.len(),
                reasons + 1,
            ]),
            unreadable: Cells::new([PROTOCOLS.len(), reasons]),
            accepted: Cells::new([PROTOCOLS.len(), TLS_VERSIONS.len(), GROUPS.len(), 2]),
            refused: Cells::new([reasons]),
            plain: Cells::new([reasons + 1]),
            snapshots: Cells::new([OFFERS.len()]),
            handshake_duration: Default::default(),
            request_duration: Default::default(),
            origin_first_byte: Durations::default(),
            received_bytes: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            cut_off: Default::default(),
            revocation: Cells::new([REVOCATION_STATES.len()]),
            settled: Cells::new([STATUS_WAITS.len()]),
            disregarded: AtomicUsize::new(0),
            panics: Cells::new([TASKS.len()]),
        }
    }

    /// Something ended by a panic.
    pub(crate) fn panicked(&self, task: Task) {
        self.panics.add([task as usize]);
    }

    /// The wait for the status of a client that was never seen before is over.
    pub(crate) fn settled(&self, settled: Settled) {
        if settled != Settled::Known {
            self.settled.add([settled as usize]);
        }
    }

    /// A client was let in.
    pub(crate) fn handshake_accepted(&self, connection: &Connection, took: Duration) {
        let Some(TlsFacts {
            version,
            group,
            resumed,
            ..
        }) = connection.tls()
        else {
            return;
        };
        let version = match version {
            TlsVersion::Tls12 => 0,
            TlsVersion::Tls13 => 1,
        };
        let group = group.map_or(0, |name| {
            GROUPS
                .iter()
                .position(|known| *known == name)
                .unwrap_or(GROUPS.len() - 1)
        });
        let protocol = connection.protocol() as usize;
        self.accepted
            .add([protocol, version, group, usize::from(*resumed)]);
        if let Some((_, chain)) = connection.latest().valid() {
            self.revocation.add([chain.revocation() as usize]);
        }
        let [accepted, _] = &self.handshake_duration;
        accepted.observe(took);
    }

    /// A client was refused before its first request.
    pub(crate) fn handshake_refused(&self, reason: Reason, took: Duration) {
        self.refused.add([reason as usize]);
        let [_, refused] = &self.handshake_duration;
        refused.observe(took);
    }

    /// A request without TLS got its one answer.
    pub(crate) fn plain_answered(&self, refused: Option<Reason>) {
        self.plain.add([place_of(refused)]);
    }

    /// What came was no request.
    pub(crate) fn unreadable(&self, protocol: Protocol, reason: Reason) {
        self.unreadable.add([protocol as usize, reason as usize]);
    }

    pub(crate) fn request_done(&self, done: &RequestDone<'_>) {
        let class = match done.status {
            100..600 => usize::from(done.status / 100),
            _ => 0,
        };
        let verdict = match done.verdict {
            Verdict::Missing => 0,
            Verdict::Valid(_) => 1,
            Verdict::Invalid(_) => 2,
        };
        let reason = place_of(done.reason);
        let protocol = done.protocol as usize;
        self.requests.add([protocol, class, verdict, reason]);
        if let Some(durations) = self.request_duration.get(protocol) {
            durations.observe(done.took);
        }
        if let Some(first_byte) = done.first_byte {
            self.origin_first_byte.observe(first_byte);
        }
        if done.received > 0 {
            self.received_bytes
                .fetch_add(done.received, Ordering::Relaxed);
        }
        if done.sent > 0 {
            self.sent_bytes.fetch_add(done.sent, Ordering::Relaxed);
        }
    }

    /// A snapshot was offered and taken, or not.
    pub(crate) fn offered(&self, enforced: bool) {
        self.snapshots.add([usize::from(!enforced)]);
    }

    /// A live connection was ended because its client is trusted no more.
    pub(crate) fn cut_off(&self, why: CutOff) {
        if let Some(durations) = self.cut_off.get(why.cause as usize) {
            durations.observe(why.since.elapsed());
        }
    }
}

/// Among the reasons, behind "none".
fn place_of(reason: Option<Reason>) -> usize {
    reason.map_or(0, |reason| reason as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_at_its_place_in_the_list() {
        for (place, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place);
        }
    }

    #[test]
    fn a_protocol_is_at_its_place_in_the_list() {
        for protocol in [
            Protocol::Http1,
            Protocol::Http2,
            Protocol::Http3,
            Protocol::Tcp,
        ] {
            assert_eq!(PROTOCOLS[protocol as usize], protocol.as_str());
        }
    }
}
