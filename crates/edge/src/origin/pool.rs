//! Open connections to one address of an origin.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_tls::Alert;

use super::connect::{Http2, Told};
use super::health::{milliseconds, now};
use super::http1::Http1;

/// Who a connection belongs to: everybody, or one client connection by its number.
pub(super) type Owner = Option<u64>;

/// Idle connections of HTTP/1.1, the last used on top, so that those that are not needed grow old; and all open ones of HTTP/2.
#[derive(Debug, Default)]
pub(super) struct Pool {
    http1: Mutex<Vec<Idle>>,
    http2: Mutex<Vec<Arc<Multiplexed>>>,
    /// Whoever needs a new connection of HTTP/2 waits for the one that is being made.
    pub(super) gate: tokio::sync::Mutex<()>,
    /// What the origin chose the last time that it had the choice.
    pub(super) chose_http2: AtomicBool,
}

#[derive(Debug)]
struct Idle {
    http1: Box<Http1>,
    owner: Owner,
    since: Instant,
}

/// A connection that many requests use at the same time.
#[derive(Debug)]
pub(super) struct Multiplexed {
    sender: Http2,
    owner: Owner,
    told: Told,
    streams: AtomicUsize,
    /// In the time of [`now`].
    used: AtomicU64,
    /// It is told to take no more requests.
    leaving: AtomicBool,
}

/// One request's place on a connection.
#[derive(Debug)]
pub(super) struct Stream(Arc<Multiplexed>);

impl Pool {
    pub(super) fn take_http1(&self, owner: Owner, max_idle_time: Duration) -> Option<Box<Http1>> {
        let mut idle = lock(&self.http1);
        // Nearly always the one on top.
        while let Some(place) = idle.iter().rposition(|idle| idle.owner == owner) {
            let mut candidate = idle.remove(place);
            if candidate.http1.is_open() && candidate.since.elapsed() < max_idle_time {
                return Some(candidate.http1);
            }
        }
        None
    }

    /// The one that was not needed for the longest time makes room.
    pub(super) fn put_http1(&self, mut http1: Box<Http1>, owner: Owner, max_idle: usize) {
        http1.rest();
        let mut idle = lock(&self.http1);
        if idle.len() >= max_idle && !idle.is_empty() {
            idle.remove(0);
        }
        if idle.len() < max_idle {
            idle.push(Idle {
                http1,
                owner,
                since: Instant::now(),
            });
        }
    }

    pub(super) fn take_http2(&self, owner: Owner) -> Option<Stream> {
        let open = lock(&self.http2);
        open.iter()
            .filter(|connection| connection.owner == owner)
            .find_map(Multiplexed::join)
    }

    /// A new connection, whose first place is given.
    pub(super) fn put_http2(&self, sender: Http2, told: Told, owner: Owner) -> Stream {
        let connection = Arc::new(Multiplexed {
            sender,
            owner,
            told,
            streams: AtomicUsize::new(1),
            used: AtomicU64::new(now()),
            leaving: AtomicBool::new(false),
        });
        let mut open = lock(&self.http2);
        open.retain(|connection| !connection.is_leaving());
        open.push(Arc::clone(&connection));
        Stream(connection)
    }

    pub(super) fn prune(&self, max_idle_time: Duration) {
        lock(&self.http1)
            .retain_mut(|idle| idle.since.elapsed() < max_idle_time && idle.http1.is_open());
        let oldest = now().saturating_sub(milliseconds(max_idle_time));
        // Those that requests still use end with the last of them.
        lock(&self.http2).retain(|connection| {
            !connection.is_leaving()
                && (connection.streams.load(Ordering::Relaxed) > 0
                    || connection.used.load(Ordering::Relaxed) >= oldest)
        });
    }
}

impl Multiplexed {
    fn join(self: &Arc<Self>) -> Option<Stream> {
        let allowed = self.told.streams.load(Ordering::Relaxed);
        let joined = !self.is_leaving()
            && self
                .streams
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |streams| {
                    (streams < allowed).then_some(streams + 1)
                })
                .is_ok();
        joined.then(|| Stream(Arc::clone(self)))
    }

    fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed) || self.sender.is_closed()
    }
}

impl Stream {
    pub(super) fn sender(&self) -> Http2 {
        self.0.sender.clone()
    }

    /// With which alert the origin refused our certificate, when it did.
    pub(super) fn refusal(&self) -> Option<Alert> {
        self.0.told.refusal.get().copied()
    }

    /// The origin takes no more requests on the connection.
    pub(super) fn leave(&self) {
        self.0.leaving.store(true, Ordering::Relaxed);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.used.store(now(), Ordering::Relaxed);
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
