//! One record per request and one per refused handshake, as lines of JSON.
//!
//! Requests never wait for the log: a record goes into a bounded channel, a thread of its own writes. When the channel is full the record
//! is dropped and counted; the count is written as soon as there is room, so that a gap is never silent.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter, Write};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use serde::Serialize;

use crate::AccessLogSink;

mod file;
mod record;

pub use file::LogFile;
pub(crate) use record::{
    Client, ConnectionRecord, PassageRecord, PlainRecord, Property, RequestRecord, Tls, Who,
    chain_text,
};

/// Records that wait to be written; some 30 MiB at worst.
const WAITING_MAX: usize = 32 * 1024;
/// How long lines are collected before they are written together. A thread that is woken for every line costs the request that it belongs
/// to two changes of context; a person who follows the log sees no difference.
const COLLECTED_FOR: Duration = Duration::from_millis(5);

/// The way into the log. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct AccessLog(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    lines: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    /// Ever, while `dropped` is since the last mark in the log.
    dropped_in_all: AtomicU64,
    sampling: Option<Sampling>,
}

/// Which of the records that may be left out are written.
#[derive(Debug)]
struct Sampling {
    one_in: NonZeroU32,
    count: AtomicU64,
    /// Traffic with a rhythm must not meet a sample with the same one.
    random: RandomState,
}

impl Sampling {
    fn takes(&self) -> bool {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        self.random
            .hash_one(number)
            .is_multiple_of(self.one_in.get().into())
    }
}

/// Where the lines end up.
enum Output {
    File(file::Writer),
    Other(Box<dyn Write + Send>),
}

#[derive(Debug)]
enum Message {
    Flush(tokio::sync::oneshot::Sender<()>),
    Line(Vec<u8>),
    Reopen,
}

impl AccessLog {
    /// Opens the sink and starts its thread.
    pub(crate) fn open(sink: AccessLogSink) -> io::Result<Self> {
        Self::open_sampled(sink, None)
    }

    fn open_sampled(sink: AccessLogSink, one_in: Option<NonZeroU32>) -> io::Result<Self> {
        let output = match sink {
            AccessLogSink::Off => return Ok(Self(None)),
            AccessLogSink::File(file) => Output::File(file::Writer::open(file)?),
            AccessLogSink::Sampled { one_in, sink } => {
                return Self::open_sampled(*sink, Some(one_in));
            }
            AccessLogSink::Stdout => Output::Other(Box::new(io::stdout())),
            AccessLogSink::Stderr => Output::Other(Box::new(io::stderr())),
            AccessLogSink::Writer(writer) => Output::Other(writer),
        };
        let (lines, waiting) = sync_channel(WAITING_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || {
                write_all(
                    &waiting,
                    &counter,
                    BufWriter::with_capacity(64 * 1024, output),
                )
            })?;
        Ok(Self(Some(Arc::new(Inner {
            lines,
            dropped,
            dropped_in_all: AtomicU64::new(0),
            sampling: one_in
                .filter(|one_in| *one_in > NonZeroU32::MIN)
                .map(|one_in| Sampling {
                    one_in,
                    count: AtomicU64::new(0),
                    random: RandomState::new(),
                }),
        }))))
    }

    /// Whether anybody reads the records.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a record that may be left out is to be written, and if so, for how many it stands (`None`: for itself alone).
    pub(crate) fn sample(&self) -> Option<Option<u32>> {
        match &self.0.as_ref()?.sampling {
            None => Some(None),
            Some(sampling) => sampling.takes().then(|| Some(sampling.one_in.get())),
        }
    }

    /// Opens the file again, after those that were handed over before. For whoever moved it away.
    pub(crate) async fn reopen(&self) {
        let Some(inner) = self.0.clone() else { return };
        // The channel may be full; waiting for room must not hold up the runtime.
        let _ = tokio::task::spawn_blocking(move || inner.lines.send(Message::Reopen)).await;
    }

    /// Hands a record over. Never blocks.
    pub(crate) fn write(&self, record: &impl Serialize) {
        let Some(inner) = &self.0 else { return };
        let mut line = Vec::with_capacity(1024);
        if serde_json::to_writer(&mut line, record).is_err() {
            return;
        }
        line.push(b'\n');
        if inner.lines.try_send(Message::Line(line)).is_err() {
            inner.dropped.fetch_add(1, Ordering::Relaxed);
            inner.dropped_in_all.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that were dropped since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.0
            .as_ref()
            .map_or(0, |inner| inner.dropped_in_all.load(Ordering::Relaxed))
    }

    /// Returns when everything handed over before is written.
    pub(crate) async fn flush(&self) {
        let Some(inner) = self.0.clone() else { return };
        let (done, written) = tokio::sync::oneshot::channel();
        // The channel may be full of lines that are being written; waiting for room must not hold up the runtime.
        let sent =
            tokio::task::spawn_blocking(move || inner.lines.send(Message::Flush(done)).is_ok())
                .await;
        if matches!(sent, Ok(true)) {
            let _ = written.await;
        }
    }
}

impl Output {
    fn reopen(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.reopen(),
            Self::Other(_) => Ok(()),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Other(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Other(writer) => writer.flush(),
        }
    }
}

#[derive(Serialize)]
struct Gap {
    event: &'static str,
    records: u64,
}

fn write_all(lines: &Receiver<Message>, dropped: &AtomicU64, mut output: BufWriter<Output>) {
    let mut failed = false;
    while let Ok(first) = lines.recv() {
        if matches!(first, Message::Line(_)) {
            std::thread::sleep(COLLECTED_FOR);
        }
        let mut message = Ok(first);
        loop {
            let result = match message {
                Ok(Message::Line(line)) => output.write_all(&line),
                Ok(Message::Flush(done)) => {
                    let result = output.flush();
                    let _ = done.send(());
                    result
                }
                Ok(Message::Reopen) => output.flush().and_then(|()| output.get_mut().reopen()),
                // Nothing waits: a person who follows the log sees the last line.
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => break,
            };
            report(result, &mut failed);
            message = lines.try_recv();
        }
        let records = dropped.swap(0, Ordering::Relaxed);
        if records > 0
            && serde_json::to_writer(
                &mut output,
                &Gap {
                    event: "records_dropped",
                    records,
                },
            )
            .is_ok()
        {
            report(output.write_all(b"\n"), &mut failed);
        }
        report(output.flush(), &mut failed);
    }
}

/// Says once that the log cannot be written, and once that it can be again.
fn report(result: io::Result<()>, failed: &mut bool) {
    match result {
        Err(error) if !*failed => {
            *failed = true;
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the access log cannot be written"
            );
        }
        Ok(()) if *failed => {
            *failed = false;
            tracing::warn!("the access log is written again");
        }
        _ => {}
    }
}
