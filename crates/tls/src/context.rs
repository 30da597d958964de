//! What all bindings of a node share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use countersign_snapshot::{CaList, CheckedBinding, PolicyIdentity, Service, TlsPolicy};
use countersign_trust::ocsp::OcspAnswer;
use countersign_trust::{Certificate, Clock, Fingerprint, RevocationIndex, UnixTime};
use rustls::RootCertStore;

use crate::api::system_roots;
use crate::handshake::Lineage;
use crate::provider::Providers;
use crate::session_scope::SessionScope;
use crate::session_store::{ScopedSessions, SessionStore};
use crate::staples::Staples;
use crate::ticket::Ticketer;
use crate::verdict_cache::{VerdictCache, VerdictLookups};
use crate::{BindingTls, Staple, TicketSecret};

/// How much is remembered, and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MemoryLimits {
    /// How long a session can be resumed, counted from the full handshake; whole seconds, 7 days at most (RFC 8446 §4.6.1).
    pub session_lifetime: Duration,
    /// How much memory the TLS 1.2 sessions of clients without tickets may take.
    pub session_bytes: u64,
    /// How many chains keep their verdicts.
    pub verdicts: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self {
            // A working day and a night: clients that come daily resume, a lost device does not for long.
            session_lifetime: Duration::from_secs(12 * 3600),
            session_bytes: 32 << 20,
            verdicts: 16_384,
        }
    }
}

/// The clock, the ticket secret, the session store, the verdict cache, the revocation index and the built bindings of a node.
#[derive(Debug)]
pub struct TlsContext {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) providers: Providers,
    pub(crate) verdicts: Arc<VerdictCache>,
    pub(crate) staples: Arc<Staples>,
    session_lifetime: Duration,
    tickets: Arc<TicketSecret>,
    sessions: Arc<SessionStore>,
    bindings: Mutex<BuiltBindings>,
    system_roots: OnceLock<Option<Arc<RootCertStore>>>,
}

/// The bindings in use, and those that were.
#[derive(Debug, Default)]
struct BuiltBindings {
    by_key: HashMap<BindingKey, Weak<BindingTls>>,
    /// Those that were are removed when there are so many: looking at all for each new one would make a large snapshot slow to build.
    prune_at: usize,
}

/// What a built binding depends on; equal keys share one build, and with it their sessions.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct BindingKey {
    pub(crate) policy: PolicyIdentity,
    pub(crate) certificates: Vec<[u8; 32]>,
    pub(crate) tls: TlsPolicy,
    pub(crate) ca_list: CaList,
    pub(crate) service: Service,
}

impl TlsContext {
    /// Puts the shared parts together.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, tickets: TicketSecret, limits: MemoryLimits) -> Arc<Self> {
        const SEVEN_DAYS: Duration = Duration::from_secs(7 * 24 * 3600);
        Arc::new(Self {
            clock,
            providers: Providers::new(),
            verdicts: Arc::new(VerdictCache::new(limits.verdicts)),
            staples: Arc::default(),
            session_lifetime: limits.session_lifetime.min(SEVEN_DAYS),
            tickets: Arc::new(tickets),
            sessions: Arc::new(SessionStore::new(limits.session_bytes)),
            bindings: Mutex::default(),
            system_roots: OnceLock::new(),
        })
    }

    /// Puts a new revocation index in force, for handshakes and evaluations from now on. Its generation must differ from the last one's.
    pub fn replace_revocation(&self, index: Arc<RevocationIndex>) {
        self.verdicts.replace_revocation(index);
    }

    /// Staples these OCSP responses to handshakes from now on, by the certificates that they are about, each as long as it may be shown.
    pub fn replace_staples(&self, staples: HashMap<Fingerprint, Staple>) {
        self.staples.replace(staples);
    }

    /// Says that clients whose CAs have not been asked yet come through the handshake of a binding that requires a certificate. Whoever sets it
    /// asks, evaluates again and refuses then.
    pub fn ask_later(&self, asks: bool) {
        self.verdicts.set_asks_later(asks);
    }

    /// Takes an OCSP answer about a certificate of a client into account, beside the index and bounded in memory. A newer one takes the place
    /// of the last.
    pub fn remember_answer(&self, certificate: &Certificate, answer: Arc<OcspAnswer>) {
        self.verdicts
            .answers()
            .remember(certificate.fingerprint(), answer);
    }

    /// Whether the answer about a certificate was looked at since this was last asked; `None` when there is none.
    #[must_use]
    pub fn answer_was_used(&self, certificate: &Fingerprint) -> Option<bool> {
        self.verdicts.answers().was_used(certificate)
    }

    /// Looks at every OCSP answer that is remembered.
    pub fn for_each_answer(&self, look: impl FnMut(&OcspAnswer)) {
        self.verdicts.answers().for_each(look);
    }

    /// The revocation index in force.
    #[must_use]
    pub fn revocation(&self) -> Arc<RevocationIndex> {
        self.verdicts.revocation()
    }

    /// How often verdicts were remembered, and how often they were not.
    #[must_use]
    pub fn verdict_lookups(&self) -> VerdictLookups {
        self.verdicts.lookups()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn ticket_secret(&self) -> &TicketSecret {
        &self.tickets
    }

    /// The CAs of this machine, read once.
    pub(crate) fn system_roots(&self) -> Option<Arc<RootCertStore>> {
        self.system_roots
            .get_or_init(|| system_roots().map(Arc::new))
            .clone()
    }

    pub(crate) fn session_scope(&self, binding: &CheckedBinding) -> SessionScope {
        SessionScope {
            policy: binding.policy_identity,
            mode: binding.binding.client_auth.mode,
            clock: Arc::clone(&self.clock),
            verdicts: Arc::clone(&self.verdicts),
        }
    }

    pub(crate) fn ticketer(&self, scope: SessionScope) -> Arc<Ticketer> {
        Arc::new(Ticketer {
            secret: Arc::clone(&self.tickets),
            scope,
            lifetime: self.session_lifetime,
        })
    }

    pub(crate) fn sessions(&self, scope: SessionScope) -> Arc<ScopedSessions> {
        Arc::new(ScopedSessions {
            store: Arc::clone(&self.sessions),
            scope,
        })
    }

    /// Where a session that begins with a full handshake comes from.
    pub(crate) fn new_lineage(&self, now: UnixTime) -> Lineage {
        Lineage {
            authenticated_at: now,
            expires_at: now.saturating_add(self.session_lifetime),
            chain: None,
        }
    }

    /// The binding of this key that is in use somewhere, or the one that `build` makes.
    pub(crate) fn shared_binding<E>(
        &self,
        key: BindingKey,
        build: impl FnOnce() -> Result<BindingTls, E>,
    ) -> Result<Arc<BindingTls>, E> {
        // A panic while the lock is held cannot leave the map half changed, so that a poisoned lock is as good as another.
        let known = |key: &BindingKey| {
            let bindings = self.bindings.lock().unwrap_or_else(PoisonError::into_inner);
            bindings.by_key.get(key).and_then(Weak::upgrade)
        };
        if let Some(binding) = known(&key) {
            return Ok(binding);
        }
        let binding = Arc::new(build()?);
        let mut bindings = self.bindings.lock().unwrap_or_else(PoisonError::into_inner);
        if bindings.by_key.len() >= bindings.prune_at {
            bindings
                .by_key
                .retain(|_, binding| binding.strong_count() > 0);
            bindings.prune_at = 2 * bindings.by_key.len() + 16;
        }
        bindings.by_key.insert(key, Arc::downgrade(&binding));
        Ok(binding)
    }
}
