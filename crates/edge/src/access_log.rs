//! One record per request and one per refused handshake, as lines of JSON.
//!
//! Requests never wait for the log: a record goes into a bounded channel, a thread of its own writes. When the channel is full the record
//! is dropped and counted; the count is written as soon as there is room, so that a gap is never silent. The same records are delivered over
//! OTLP where that is wanted ([`crate::otlp`]).

use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter, Write};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use countersign_trust::UnixTime;
use serde::Serialize;

use crate::AccessLogSink;
use crate::otlp::Exporter;

mod file;
mod quota;
mod record;

pub use file::LogFile;
pub(crate) use quota::Quota;
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

/// At least one way out.
#[derive(Debug)]
struct Inner {
    lines: Option<Lines>,
    otlp: Option<Exporter>,
    sampling: Option<Sampling>,
}

/// The way to the thread that writes.
#[derive(Debug)]
struct Lines {
    channel: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    /// Ever, while `dropped` is since the last mark in the log.
    dropped_in_all: AtomicU64,
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
    /// Opens the sink and starts its thread; every record goes to `otlp` as well.
    pub(crate) fn open(sink: AccessLogSink, otlp: Option<Exporter>) -> io::Result<Self> {
        let (sink, one_in) = match sink {
            AccessLogSink::Sampled { one_in, sink } => (*sink, Some(one_in)),
            sink => (sink, None),
        };
        let lines = Lines::open(sink)?;
        if lines.is_none() && otlp.is_none() {
            return Ok(Self(None));
        }
        let sampling = one_in.filter(|one_in| *one_in > NonZeroU32::MIN);
        Ok(Self(Some(Arc::new(Inner {
            lines,
            otlp,
            sampling: sampling.map(|one_in| Sampling {
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
        self.send(Message::Reopen).await;
    }

    /// Hands a record over; `time` is the one in it. Never blocks.
    pub(crate) fn write(&self, time: UnixTime, record: &impl Serialize) {
        let Some(inner) = &self.0 else { return };
        let mut line = Vec::with_capacity(1024);
        if serde_json::to_writer(&mut line, record).is_err() {
            return;
        }
        if let Some(otlp) = &inner.otlp {
            otlp.take(time, line.clone());
        }
        if let Some(lines) = &inner.lines {
            line.push(b'\n');
            if lines.channel.try_send(Message::Line(line)).is_err() {
                lines.dropped.fetch_add(1, Ordering::Relaxed);
                lines.dropped_in_all.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Records that were dropped since the start.
    pub(crate) fn dropped(&self) -> u64 {
        let lines = self.0.as_ref().and_then(|inner| inner.lines.as_ref());
        lines.map_or(0, |lines| lines.dropped_in_all.load(Ordering::Relaxed))
    }

    /// Where records are delivered over OTLP.
    pub(crate) fn otlp(&self) -> Option<&Exporter> {
        self.0.as_ref()?.otlp.as_ref()
    }

    /// Returns when everything handed over before is written, and delivered as far as that can be waited for.
    pub(crate) async fn flush(&self) {
        let (done, written) = tokio::sync::oneshot::channel();
        if self.send(Message::Flush(done)).await {
            let _ = written.await;
        }
        if let Some(otlp) = self.otlp() {
            otlp.flush().await;
        }
    }

    /// Whether the thread will get it. The channel may be full of lines that are being written; waiting for room must not hold up the runtime.
    async fn send(&self, message: Message) -> bool {
        let lines = self.0.as_ref().and_then(|inner| inner.lines.as_ref());
        let Some(channel) = lines.map(|lines| lines.channel.clone()) else {
            return false;
        };
        let sent = tokio::task::spawn_blocking(move || channel.send(message).is_ok());
        matches!(sent.await, Ok(true))
    }
}

impl Lines {
    /// None when nothing is to be written.
    fn open(sink: AccessLogSink) -> io::Result<Option<Self>> {
        let output = match sink {
            AccessLogSink::Off => return Ok(None),
            AccessLogSink::File(file) => Output::File(file::Writer::open(file)?),
            AccessLogSink::Sampled { sink, .. } => return Self::open(*sink),
            AccessLogSink::Stdout => Output::Other(Box::new(io::stdout())),
            AccessLogSink::Stderr => Output::Other(Box::new(io::stderr())),
            AccessLogSink::Writer(writer) => Output::Other(writer),
        };
        let (channel, waiting) = sync_channel(WAITING_MAX);
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
        Ok(Some(Self {
            channel,
            dropped,
            dropped_in_all: AtomicU64::new(0),
        }))
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
