//! Access records over OTLP/HTTP, the OpenTelemetry protocol, in its JSON form.
//!
//! Requests never wait for it: a record goes into a queue that is bounded in octets, and a thread with a runtime of its own delivers what
//! came together. What finds the queue full, is refused by the collector, or is not taken within some minutes, is dropped and counted. A
//! batch whose answer got lost is sent again, so that a record may arrive twice.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use countersign_snapshot::{Network, NodeId, OriginTrust};
use countersign_tls::{BuildOriginError, TlsContext};
use countersign_trust::UnixTime;
use http::{HeaderMap, Uri};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use collector::{Collector, Failure};

mod collector;
mod encode;

/// Records that wait may have this many octets.
const QUEUE_MAX_OCTETS: usize = 16 << 20;
/// One request carries so many records at most, and as many octets of them.
const BATCH_MAX_RECORDS: usize = 512;
const BATCH_MAX_OCTETS: usize = 1 << 20;
/// How long records are collected before they are sent together.
const COLLECTED_FOR: Duration = Duration::from_millis(500);
/// How long to wait before a batch is sent again; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After this long a batch is dropped.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(300);
/// How long a process that ends waits for its last records.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);

/// Where access records are delivered to.
#[derive(Clone, Debug)]
pub struct OtlpLogs {
    /// `http` or `https`, a host, and the whole path, as in `http://127.0.0.1:4318/v1/logs`.
    pub endpoint: Uri,
    /// Whom to believe that it is the collector, over `https`.
    pub trust: OriginTrust,
    /// What every request has beside its own headers, such as a key. Mark values that are secret as sensitive.
    pub headers: HeaderMap,
}

/// Why records cannot be delivered over OTLP at all.
#[derive(Debug, thiserror::Error)]
pub enum StartOtlpError {
    /// The address of the collector is not usable.
    #[error("the OTLP endpoint is no `http` or `https` URL with a host")]
    Endpoint,
    /// The thread or its runtime cannot be made.
    #[error("the thread that delivers records over OTLP cannot be started")]
    Thread(#[source] io::Error),
    /// Nobody can be believed to be the collector.
    #[error("the OTLP collector's CA certificates cannot be used")]
    Trust(#[source] BuildOriginError),
}

/// Whose records they are; the same for all.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) network: Network,
    pub(crate) node: NodeId,
}

/// The way out. Ends its thread when dropped.
#[derive(Debug)]
pub(crate) struct Exporter {
    queue: UnboundedSender<Message>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    waiting_octets: AtomicUsize,
    delivered: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug)]
enum Message {
    Flush(oneshot::Sender<()>),
    Record(Record),
}

/// One access record: JSON, and its time, which is in there as text.
#[derive(Debug)]
struct Record {
    time: UnixTime,
    json: Vec<u8>,
}

impl Exporter {
    /// Starts the thread. The collector need not be there.
    pub(crate) fn start(
        logs: OtlpLogs,
        source: Source,
        tls: &TlsContext,
    ) -> Result<Self, StartOtlpError> {
        let collector = Collector::new(logs, tls)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartOtlpError::Thread)?;
        let (queue, waiting) = unbounded_channel();
        let counts = Arc::new(Counts::default());
        let worker = Worker {
            collector,
            source,
            counts: Arc::clone(&counts),
            is_failing: false,
        };
        std::thread::Builder::new()
            .name("otlp-logs".to_owned())
            .spawn(move || runtime.block_on(worker.run(waiting)))
            .map_err(StartOtlpError::Thread)?;
        Ok(Self { queue, counts })
    }

    /// Hands a record over, JSON. Never blocks.
    pub(crate) fn take(&self, time: UnixTime, json: Vec<u8>) {
        let octets = json.len();
        let waiting = self
            .counts
            .waiting_octets
            .fetch_add(octets, Ordering::Relaxed);
        let has_room = waiting.saturating_add(octets) <= QUEUE_MAX_OCTETS;
        let record = Message::Record(Record { time, json });
        if !has_room || self.queue.send(record).is_err() {
            self.counts
                .waiting_octets
                .fetch_sub(octets, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns when everything handed over before was delivered or dropped, or after some seconds.
    pub(crate) async fn flush(&self) {
        let (done, delivered) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).is_ok()
            && timeout(FLUSH_PATIENCE, delivered).await.is_err()
        {
            tracing::warn!("the OTLP collector did not take the last access records in time");
        }
    }

    /// Records that the collector took.
    pub(crate) fn delivered(&self) -> u64 {
        self.counts.delivered.load(Ordering::Relaxed)
    }

    /// Records that are lost.
    pub(crate) fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }
}

/// What the thread does.
struct Worker {
    collector: Collector,
    source: Source,
    counts: Arc<Counts>,
    is_failing: bool,
}

/// What is sent together, and who waits for it.
#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    octets: usize,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Batch {
    /// Waits for records and for those that come soon after; none when nobody can send any more.
    async fn collect(queue: &mut UnboundedReceiver<Message>) -> Option<Self> {
        let mut batch = Self::default();
        let mut next = queue.recv().await?;
        let deadline = Instant::now() + COLLECTED_FOR;
        loop {
            match next {
                Message::Record(record) => {
                    batch.octets += record.json.len();
                    batch.records.push(record);
                }
                Message::Flush(done) => batch.flushes.push(done),
            }
            if batch.is_due() {
                return Some(batch);
            }
            match timeout_at(deadline, queue.recv()).await {
                Ok(Some(message)) => next = message,
                Ok(None) | Err(_) => return Some(batch),
            }
        }
    }

    fn is_due(&self) -> bool {
        !self.flushes.is_empty()
            || self.records.len() >= BATCH_MAX_RECORDS
            || self.octets >= BATCH_MAX_OCTETS
    }
}

impl Worker {
    async fn run(mut self, mut queue: UnboundedReceiver<Message>) {
        while let Some(batch) = Batch::collect(&mut queue).await {
            if !batch.records.is_empty() {
                let lost = self.deliver(&batch.records).await;
                let records = batch.records.len() as u64;
                let delivered = records.saturating_sub(lost);
                self.counts
                    .delivered
                    .fetch_add(delivered, Ordering::Relaxed);
                self.counts
                    .dropped
                    .fetch_add(records - delivered, Ordering::Relaxed);
                self.counts
                    .waiting_octets
                    .fetch_sub(batch.octets, Ordering::Relaxed);
            }
            for done in batch.flushes {
                let _ = done.send(());
            }
        }
    }

    /// Sends until the collector takes them or it is hopeless; how many are lost.
    async fn deliver(&mut self, records: &[Record]) -> u64 {
        let body = encode::request(&self.source, records);
        let given_up_at = Instant::now() + GIVEN_UP_AFTER;
        let mut pause = FIRST_PAUSE;
        loop {
            let failure = match self.collector.post(body.clone()).await {
                Ok(rejected) => {
                    self.succeeded(rejected);
                    return rejected;
                }
                Err(failure) => failure,
            };
            self.failed(&failure);
            let wait = failure.wait.unwrap_or(pause).min(LONGEST_PAUSE);
            if failure.is_final || Instant::now() + wait >= given_up_at {
                return records.len() as u64;
            }
            sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Says once that records are not taken, and once that they are again.
    fn failed(&mut self, failure: &Failure) {
        if !self.is_failing {
            self.is_failing = true;
            tracing::error!(error = %failure.error, "the OTLP collector does not take access records");
        }
    }

    fn succeeded(&mut self, rejected: u64) {
        if rejected > 0 {
            tracing::warn!(rejected, "the OTLP collector rejected some access records");
        }
        if self.is_failing {
            self.is_failing = false;
            tracing::warn!("the OTLP collector takes access records again");
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_testkit::NOW;
    use countersign_trust::Clock;

    use super::*;

    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn now(&self) -> UnixTime {
            UnixTime::from_secs(NOW)
        }
    }

    #[test]
    fn a_collector_that_takes_nothing_costs_bounded_memory_and_what_is_too_much_is_counted() {
        const OCTETS: usize = 1024;
        // Connections are accepted by the kernel, and nobody answers.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/logs", silent.local_addr().unwrap());
        let logs = OtlpLogs {
            endpoint: endpoint.parse().unwrap(),
            trust: OriginTrust::System,
            headers: HeaderMap::new(),
        };
        let clock = Arc::new(Still);
        let tickets = countersign_tls::TicketSecret::generate().unwrap();
        let tls = TlsContext::new(clock, tickets, countersign_tls::MemoryLimits::default());
        let source = Source {
            network: Network::Staging,
            node: "node-1".parse().unwrap(),
        };
        let exporter = Exporter::start(logs, source, &tls).unwrap();
        let room = QUEUE_MAX_OCTETS / OCTETS;
        for _ in 0..room + 100 {
            exporter.take(UnixTime::from_secs(NOW), vec![b' '; OCTETS]);
        }
        assert_eq!(exporter.dropped(), 100);
        assert_eq!(exporter.delivered(), 0);
        let waiting = exporter.counts.waiting_octets.load(Ordering::Relaxed);
        assert_eq!(waiting, QUEUE_MAX_OCTETS);
    }
}
