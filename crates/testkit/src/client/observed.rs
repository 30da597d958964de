//! What a server asked for and gave.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rustls::{
    NamedGroup, SignatureScheme,
    client::{
        ClientSessionMemoryCache, ClientSessionStore, ResolvesClientCert, Tls12ClientSessionValue,
        Tls13ClientSessionValue,
    },
    crypto::aws_lc_rs,
    pki_types::ServerName,
    sign::CertifiedKey,
};

use crate::Credential;

/// What a server said when it asked for a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateRequest {
    /// The subjects of the authorities it names, each a whole `Name` element.
    pub authorities: Vec<Vec<u8>>,
    /// The signature schemes it accepts.
    pub signature_schemes: Vec<SignatureScheme>,
}

/// Notes every request and answers with the one certificate it has.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    certified: Option<Arc<CertifiedKey>>,
    last_request: Mutex<Option<CertificateRequest>>,
}

impl Resolver {
    pub(super) fn new(credential: &Credential) -> Self {
        let keys = aws_lc_rs::default_provider().key_provider;
        let key = keys.load_private_key(credential.rustls_key()).unwrap();
        let certified = CertifiedKey::new(credential.rustls_chain(), key);
        Self {
            certified: Some(Arc::new(certified)),
            last_request: Mutex::default(),
        }
    }

    pub(super) fn last_request(&self) -> Option<CertificateRequest> {
        self.last_request.lock().unwrap().clone()
    }
}

impl ResolvesClientCert for Resolver {
    fn resolve(
        &self,
        authorities: &[&[u8]],
        signature_schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        *self.last_request.lock().unwrap() = Some(CertificateRequest {
            authorities: authorities.iter().map(|name| name.to_vec()).collect(),
            signature_schemes: signature_schemes.to_vec(),
        });
        self.certified.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Sessions to resume, counted.
pub struct Sessions {
    cache: ClientSessionMemoryCache,
    received: AtomicUsize,
    offered: AtomicUsize,
    to_anyone: AtomicBool,
}

impl Sessions {
    /// How many sessions and tickets servers gave. TLS 1.3 tickets come after the handshake, with the first reads.
    pub fn received(&self) -> usize {
        self.received.load(Ordering::SeqCst)
    }

    /// How many times a session was there to be offered.
    pub fn offered(&self) -> usize {
        self.offered.load(Ordering::SeqCst)
    }

    pub(super) fn offer_to_anyone(&self) {
        self.to_anyone.store(true, Ordering::SeqCst);
    }

    /// Under which name a session is kept.
    fn key(&self, server_name: &ServerName<'_>) -> ServerName<'static> {
        if self.to_anyone.load(Ordering::SeqCst) {
            ServerName::try_from("anyone").unwrap()
        } else {
            server_name.to_owned()
        }
    }

    fn count_offer<T>(&self, session: Option<T>) -> Option<T> {
        self.offered
            .fetch_add(usize::from(session.is_some()), Ordering::SeqCst);
        session
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            cache: ClientSessionMemoryCache::new(32),
            received: AtomicUsize::new(0),
            offered: AtomicUsize::new(0),
            to_anyone: AtomicBool::new(false),
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sessions")
            .field("received", &self.received())
            .field("offered", &self.offered())
            .finish_non_exhaustive()
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.cache.set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.cache.kx_hint(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.received.fetch_add(1, Ordering::SeqCst);
        self.cache.set_tls12_session(self.key(&server_name), value);
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.count_offer(self.cache.tls12_session(&self.key(server_name)))
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.cache.remove_tls12_session(&self.key(server_name));
    }

    fn insert_tls13_ticket(
        &self,
        server_name: ServerName<'static>,
        value: Tls13ClientSessionValue,
    ) {
        self.received.fetch_add(1, Ordering::SeqCst);
        self.cache
            .insert_tls13_ticket(self.key(&server_name), value);
    }

    fn take_tls13_ticket(
        &self,
        server_name: &ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        self.count_offer(self.cache.take_tls13_ticket(&self.key(server_name)))
    }
}
