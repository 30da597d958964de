//! Every live connection, found by who its client is and on what its trust rests, so that exactly those whose client is no longer trusted
//! are ended (design §3.5).

use std::collections::{BTreeSet, HashMap};
use std::hash::RandomState;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_trust::UnixTime;
use tokio::sync::Notify;

use crate::connection::Connection;

mod cut_off;
mod mark;
mod standing;

pub(crate) use cut_off::{Cause, CutOff};
pub(crate) use mark::Mark;
pub(crate) use standing::{Standing, cas};

/// Of 100,000 connections, 400 are looked through under a lock.
const SHARDS: usize = 256;

/// Live connections by id, by mark and by the end of their trust. Sharded, since every connection comes and goes through it.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: [Mutex<Shard>; SHARDS],
    /// What many connections have in common, with how many. Locked after a shard, never before.
    standings: Mutex<HashMap<Mark, (Arc<Standing>, usize)>>,
    /// Nobody can choose certificates so that their marks are equal.
    keys: RandomState,
    count: AtomicUsize,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Shard {
    connections: HashMap<u64, Entry>,
    by_mark: BTreeSet<(Mark, u64)>,
    /// Those whose trust ends with time, the next first.
    by_end: BTreeSet<(UnixTime, u64)>,
}

#[derive(Debug)]
struct Entry {
    connection: Arc<Connection>,
    standing: Mark,
    /// When trust ends by time alone.
    end: Option<UnixTime>,
    /// When it is being ended.
    cut_off: Option<Box<CutOff>>,
}

/// Keeps a connection registered; dropped when its last byte is done with.
#[derive(Debug)]
pub(crate) struct Registered(Arc<Connection>);

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            standings: Mutex::default(),
            keys: RandomState::new(),
            count: AtomicUsize::new(0),
            emptied: Notify::new(),
        }
    }

    pub(crate) fn insert(&self, connection: Arc<Connection>) -> Registered {
        let id = connection.id();
        if let Some(mut shard) = self.shard(id) {
            let marks = mark::of_client(&self.keys, connection.peer());
            shard
                .by_mark
                .extend(marks.into_iter().flatten().map(|mark| (mark, id)));
            let (standing, end) = self.join(&connection);
            shard.index(id, standing, end);
            let entry = Entry {
                connection: Arc::clone(&connection),
                standing,
                end,
                cut_off: None,
            };
            shard.connections.insert(id, entry);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        Registered(connection)
    }

    /// Finds the connection's place again after it was judged anew.
    pub(crate) fn update(&self, id: u64) {
        let Some(mut shard) = self.shard(id) else {
            return;
        };
        let Some(entry) = shard.connections.get(&id) else {
            return;
        };
        let (old_standing, old_end) = (entry.standing, entry.end);
        // Read under the lock: of two that judged at the same time, the later one sees what is in force.
        let (standing, end) = self.join(&entry.connection);
        if let Some(entry) = shard.connections.get_mut(&id) {
            (entry.standing, entry.end) = (standing, end);
        }
        shard.forget(id, old_standing, old_end);
        shard.index(id, standing, end);
        self.leave(old_standing);
    }

    fn remove(&self, connection: &Connection) -> Option<Entry> {
        let id = connection.id();
        let mut shard = self.shard(id)?;
        let entry = shard.connections.remove(&id)?;
        shard.forget(id, entry.standing, entry.end);
        let marks = mark::of_client(&self.keys, connection.peer());
        for mark in marks.into_iter().flatten() {
            shard.by_mark.remove(&(mark, id));
        }
        self.leave(entry.standing);
        Some(entry)
    }

    /// Counts the connection among those of its standing.
    fn join(&self, connection: &Connection) -> (Mark, Option<UnixTime>) {
        let trust = connection.latest();
        let mark = standing::mark(&self.keys, connection.server_name(), trust.verdicts());
        let mut standings = lock(&self.standings);
        let (_, members) = standings
            .entry(mark)
            .or_insert_with(|| (Arc::new(Standing::of(connection.server_name(), &trust)), 0));
        *members += 1;
        (mark, trust.verdicts().valid_until())
    }

    fn leave(&self, mark: Mark) {
        let mut standings = lock(&self.standings);
        if let Some((_, members)) = standings.get_mut(&mark) {
            *members = members.saturating_sub(1);
            if *members == 0 {
                standings.remove(&mark);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// With which marks are made.
    pub(crate) fn keys(&self) -> &RandomState {
        &self.keys
    }

    /// What connections have in common.
    pub(crate) fn standings(&self) -> Vec<(Mark, Arc<Standing>)> {
        lock(&self.standings)
            .iter()
            .map(|(mark, (standing, _))| (*mark, Arc::clone(standing)))
            .collect()
    }

    /// Puts another standing in the place of one, for all that have it.
    pub(crate) fn replace_standing(&self, mark: Mark, standing: Arc<Standing>) {
        if let Some((known, _)) = lock(&self.standings).get_mut(&mark) {
            *known = standing;
        }
    }

    /// The connections that bear one of the marks, in one of so many parts.
    pub(crate) fn marked(
        &self,
        part: usize,
        parts: usize,
        marks: &[Mark],
        mut visit: impl FnMut(&Connection),
    ) {
        for shard in self.shards.iter().skip(part).step_by(parts.max(1)) {
            let connections: Vec<_> = {
                let shard = lock(shard);
                let ids: BTreeSet<u64> = marks
                    .iter()
                    .flat_map(|mark| shard.by_mark.range((*mark, 0)..=(*mark, u64::MAX)))
                    .map(|(_, id)| *id)
                    .collect();
                ids.iter()
                    .filter_map(|id| shard.connections.get(id))
                    .map(|entry| Arc::clone(&entry.connection))
                    .collect()
            };
            connections
                .iter()
                .for_each(|connection| visit(connection.as_ref()));
        }
    }

    /// Takes out those whose trust ended before `now`, with when it did. Who judges them again has them found again.
    pub(crate) fn take_due(&self, now: UnixTime) -> Vec<(UnixTime, Arc<Connection>)> {
        let mut due = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            while let Some((end, id)) = shard.by_end.first().copied()
                && end < now
            {
                shard.by_end.remove(&(end, id));
                let connection = shard.connections.get(&id);
                due.extend(connection.map(|entry| (end, Arc::clone(&entry.connection))));
            }
        }
        due
    }

    /// Calls `visit` for every connection, without holding a lock meanwhile.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&Connection, Mark)) {
        for shard in &self.shards {
            let connections: Vec<_> = lock(shard)
                .connections
                .values()
                .map(|entry| (Arc::clone(&entry.connection), entry.standing))
                .collect();
            for (connection, standing) in &connections {
                visit(connection, *standing);
            }
        }
    }

    /// A connection is being ended; how long that takes is told when it is gone.
    pub(crate) fn cutting_off(&self, id: u64, why: CutOff) {
        if let Some(mut shard) = self.shard(id)
            && let Some(entry) = shard.connections.get_mut(&id)
        {
            entry.cut_off.get_or_insert_with(|| Box::new(why));
        }
    }

    /// Returns when no connection is left.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            // Enabled before the count is read, so that an emptying in between is not missed.
            emptied.as_mut().enable();
            if self.len() == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn shard(&self, id: u64) -> Option<MutexGuard<'_, Shard>> {
        self.shards
            .get(usize::try_from(id).unwrap_or_default() % SHARDS)
            .map(lock)
    }
}

impl Shard {
    fn index(&mut self, id: u64, standing: Mark, end: Option<UnixTime>) {
        self.by_mark.insert((standing, id));
        self.by_end.extend(end.map(|end| (end, id)));
    }

    fn forget(&mut self, id: u64, standing: Mark, end: Option<UnixTime>) {
        self.by_mark.remove(&(standing, id));
        if let Some(end) = end {
            self.by_end.remove(&(end, id));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Registered {
    fn drop(&mut self) {
        let node = self.0.node();
        let registry = &node.registry;
        let cut_off = registry.remove(&self.0).and_then(|entry| entry.cut_off);
        if let Some(why) = cut_off {
            node.metrics.cut_off(*why);
        }
        if registry.count.fetch_sub(1, Ordering::Relaxed) == 1 {
            registry.emptied.notify_waiters();
        }
    }
}
