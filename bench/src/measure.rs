//! What is measured: latencies here, processor time and memory of the server in `/proc`.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

/// Clock ticks per second in `/proc`, on every Linux architecture that Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;
const PAGE_KIB: u64 = 4;

/// The result of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) operations: u64,
    pub(crate) failures: u64,
    /// How many of the operations resumed a session.
    pub(crate) resumed: u64,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// Processor time of the server per operation, in microseconds.
    pub(crate) cpu_us: f64,
    pub(crate) cpu_user_us: f64,
    pub(crate) cpu_system_us: f64,
    /// Resident memory of the server at the end.
    pub(crate) rss_kib: u64,
    /// How much more that is than at the beginning.
    pub(crate) rss_grown_kib: i64,
}

/// Counts operations while it is on.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    on: Cell<bool>,
    latencies_ns: RefCell<Vec<u64>>,
    failures: Cell<u64>,
    resumed: Cell<u64>,
    bytes: Cell<u64>,
    started: Cell<u64>,
}

/// What one operation did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) bytes: u64,
    pub(crate) resumed: bool,
}

impl Meter {
    /// The number of the operation that begins.
    pub(crate) fn begin(&self) -> u64 {
        let number = self.started.get();
        self.started.set(number + 1);
        number
    }

    pub(crate) fn done(&self, since: Instant, result: &Result<Outcome>) {
        if !self.on.get() {
            return;
        }
        match result {
            Ok(outcome) => {
                let nanoseconds = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.latencies_ns.borrow_mut().push(nanoseconds);
                self.bytes.set(self.bytes.get() + outcome.bytes);
                if outcome.resumed {
                    self.resumed.set(self.resumed.get() + 1);
                }
            }
            Err(_) => self.failures.set(self.failures.get() + 1),
        }
    }

    /// Measures from now on; `before` is the server's state from which memory counts.
    pub(crate) fn start(&self, pids: &[u32], before: Usage) -> Result<Running> {
        self.on.set(true);
        Ok(Running {
            began: Instant::now(),
            usage: Usage::of(pids)?,
            rss_before: before.rss_kib,
            pids: pids.to_vec(),
        })
    }
}

/// A measurement in progress.
#[derive(Debug)]
pub(crate) struct Running {
    began: Instant,
    usage: Usage,
    rss_before: u64,
    pids: Vec<u32>,
}

impl Running {
    pub(crate) fn finish(self, meter: &Meter) -> Result<Report> {
        meter.on.set(false);
        let elapsed = self.began.elapsed();
        let now = Usage::of(&self.pids)?;
        let mut latencies = meter.latencies_ns.take();
        latencies.sort_unstable();
        let operations = latencies.len() as u64;
        let per_operation = |ticks: u64| {
            Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND).as_micros() as f64
                / operations.max(1) as f64
        };
        let (user, system) = (
            now.user_ticks - self.usage.user_ticks,
            now.system_ticks - self.usage.system_ticks,
        );
        Ok(Report {
            operations,
            failures: meter.failures.get(),
            resumed: meter.resumed.get(),
            bytes: meter.bytes.get(),
            seconds: elapsed.as_secs_f64(),
            rate: operations as f64 / elapsed.as_secs_f64(),
            p50_us: quantile(&latencies, 0.5),
            p99_us: quantile(&latencies, 0.99),
            p999_us: quantile(&latencies, 0.999),
            cpu_us: per_operation(user + system),
            cpu_user_us: per_operation(user),
            cpu_system_us: per_operation(system),
            rss_kib: now.rss_kib,
            rss_grown_kib: now.rss_kib as i64 - self.rss_before as i64,
        })
    }
}

/// In microseconds.
pub(crate) fn quantile(sorted_ns: &[u64], share: f64) -> f64 {
    let index = (sorted_ns.len() as f64 * share) as usize;
    sorted_ns
        .get(index.min(sorted_ns.len().saturating_sub(1)))
        .map_or(0.0, |nanoseconds| *nanoseconds as f64 / 1000.0)
}

/// What processes have used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    user_ticks: u64,
    system_ticks: u64,
    rss_kib: u64,
}

impl Usage {
    pub(crate) fn resident_kib(&self) -> u64 {
        self.rss_kib
    }

    /// The sum over these processes, all threads included.
    pub(crate) fn of(pids: &[u32]) -> Result<Self> {
        let mut sum = Self::default();
        for pid in pids {
            let path = format!("/proc/{pid}/stat");
            let stat = std::fs::read_to_string(&path).with_context(|| path.clone())?;
            // proc(5): the name in parentheses may hold anything, so that fields are counted from its end.
            let (_, fields) = stat.rsplit_once(')').context("a process without a name")?;
            let fields: Vec<&str> = fields.split_whitespace().collect();
            let field = |index: usize| -> Result<u64> {
                let text = fields.get(index).context("a short line in /proc")?;
                text.parse().context("no number in /proc")
            };
            sum.user_ticks += field(11)?;
            sum.system_ticks += field(12)?;
            sum.rss_kib += field(21)? * PAGE_KIB;
        }
        Ok(sum)
    }
}
