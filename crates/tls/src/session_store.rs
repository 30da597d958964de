//! TLS 1.2 sessions by id, for clients without tickets.

use std::fmt;
use std::sync::Arc;

use countersign_snapshot::{PolicyIdentity, Secret};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use rustls::server::StoresServerSessions;

use crate::handshake::Lineage;
use crate::session_scope::SessionScope;

/// The policy identity is part of the key: an id of another policy finds nothing.
type Key = (PolicyIdentity, Box<[u8]>);

#[derive(Debug)]
struct Session {
    lineage: Lineage,
    secrets: Secret,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Arc<Session>> for Bytes {
    fn weight(&self, key: &Key, session: &Arc<Session>) -> u64 {
        const FIXED: usize = 192;
        (FIXED + key.1.len() + session.secrets.expose().len()) as u64
    }
}

/// The sessions of every binding of a node, bounded in memory; what is used least makes room.
pub(crate) struct SessionStore(Cache<Key, Arc<Session>, Bytes>);

impl SessionStore {
    pub(crate) fn new(bytes: u64) -> Self {
        const TYPICAL_SESSION_BYTES: u64 = 2048;
        let items = usize::try_from(bytes / TYPICAL_SESSION_BYTES).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(items, bytes, Bytes))
    }
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionStore")
            .field("sessions", &self.0.len())
            .finish_non_exhaustive()
    }
}

/// The part of the store that belongs to one policy identity.
#[derive(Debug)]
pub(crate) struct ScopedSessions {
    pub(crate) store: Arc<SessionStore>,
    pub(crate) scope: SessionScope,
}

impl ScopedSessions {
    fn key(&self, id: &[u8]) -> Key {
        (self.scope.policy, id.into())
    }

    fn admit(&self, session: &Session) -> Option<Vec<u8>> {
        self.scope.admit(session.lineage, self.scope.clock.now())?;
        Some(session.secrets.expose().to_vec())
    }
}

impl StoresServerSessions for ScopedSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let Some(lineage) = self.scope.lineage_to_store(self.scope.clock.now()) else {
            return false;
        };
        let session = Session {
            lineage,
            secrets: Secret::new(value),
        };
        self.store.0.insert(self.key(&key), Arc::new(session));
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let session = self.store.0.get(&self.key(key))?;
        self.admit(&session)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let (_, session) = self.store.0.remove(&self.key(key))?;
        self.admit(&session)
    }

    fn can_cache(&self) -> bool {
        true
    }
}
