//! What the edge shows to origins that ask who it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

/// One credential or none, and whether an origin ever asked for what is not there.
#[derive(Debug)]
pub(super) struct Shown {
    credential: Option<Arc<CertifiedKey>>,
    missed: AtomicBool,
}

impl Shown {
    pub(super) fn new(credential: Option<CertifiedKey>) -> Self {
        Self {
            credential: credential.map(Arc::new),
            missed: AtomicBool::new(false),
        }
    }

    /// Whether an origin asked for a certificate, and there was none that it could have been shown.
    pub(super) fn was_missed(&self) -> bool {
        self.missed.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        // The CA names are a hint only: the credential was chosen by the operator, and what the origin thinks of it is better heard from it.
        let shown = self
            .credential
            .clone()
            .filter(|credential| credential.key.choose_scheme(schemes).is_some());
        if shown.is_none() {
            self.missed.store(true, Ordering::Relaxed);
        }
        shown
    }

    fn has_certs(&self) -> bool {
        self.credential.is_some()
    }
}

/// Notices whether an origin asks, on one connection.
#[derive(Debug)]
pub(super) struct Witness {
    shown: Arc<Shown>,
    asked: AtomicBool,
}

impl Witness {
    pub(super) fn new(shown: &Arc<Shown>) -> Self {
        Self {
            shown: Arc::clone(shown),
            asked: AtomicBool::new(false),
        }
    }

    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Witness {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.shown.resolve(root_hint_subjects, schemes)
    }

    fn has_certs(&self) -> bool {
        self.shown.has_certs()
    }
}
