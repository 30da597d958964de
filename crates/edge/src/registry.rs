//! Every live connection, so that those whose client is no longer trusted can be ended (design §3.5).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::connection::Connection;

const SHARDS: usize = 64;

/// Live connections by id. Sharded, since every connection comes and goes through it.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: [Mutex<HashMap<u64, Arc<Connection>>>; SHARDS],
    count: AtomicUsize,
    emptied: Notify,
}

/// Keeps a connection registered; dropped when its last byte is done with.
#[derive(Debug)]
pub(crate) struct Registered {
    registry: Arc<Registry>,
    id: u64,
}

impl Registry {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            count: AtomicUsize::new(0),
            emptied: Notify::new(),
        })
    }

    pub(crate) fn insert(self: &Arc<Self>, connection: Arc<Connection>) -> Registered {
        let id = connection.id();
        if let Some(shard) = self.shard(id) {
            shard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id, connection);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        Registered {
            registry: Arc::clone(self),
            id,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Calls `visit` for every connection, without holding a lock meanwhile.
    pub(crate) fn for_each(&self, visit: impl FnMut(&Arc<Connection>)) {
        self.for_each_in(0, 1, |_| true, visit);
    }

    /// Calls `visit` for the connections that `wanted` names, in one of so many parts.
    pub(crate) fn for_each_in(
        &self,
        part: usize,
        parts: usize,
        wanted: impl Fn(&Connection) -> bool,
        mut visit: impl FnMut(&Arc<Connection>),
    ) {
        for shard in self.shards.iter().skip(part).step_by(parts.max(1)) {
            let connections: Vec<_> = shard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .values()
                .filter(|connection| wanted(connection))
                .cloned()
                .collect();
            connections.iter().for_each(&mut visit);
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

    fn shard(&self, id: u64) -> Option<&Mutex<HashMap<u64, Arc<Connection>>>> {
        self.shards
            .get(usize::try_from(id).unwrap_or_default() % SHARDS)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(shard) = self.registry.shard(self.id) {
            shard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&self.id);
        }
        if self.registry.count.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.registry.emptied.notify_waiters();
        }
    }
}
