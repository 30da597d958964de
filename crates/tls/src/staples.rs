//! What the CAs of our own certificates say about them, to be stapled to handshakes (RFC 6066 §8).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use countersign_trust::{Fingerprint, UnixTime};
use rustls::sign::CertifiedKey;

/// An OCSP response that says that one of our certificates is good.
#[derive(Clone, Eq, PartialEq)]
pub struct Staple {
    /// The response, DER.
    pub response: Vec<u8>,
    /// The last moment at which it may be shown.
    pub until: UnixTime,
}

impl fmt::Debug for Staple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staple")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// The staples of a node, by certificate.
#[derive(Debug, Default)]
pub(crate) struct Staples(ArcSwap<HashMap<Fingerprint, Arc<Staple>>>);

impl Staples {
    /// Takes up new ones. A staple that did not change keeps what was made of it.
    pub(crate) fn replace(&self, staples: HashMap<Fingerprint, Staple>) {
        let before = self.0.load();
        let next = staples
            .into_iter()
            .map(|(certificate, staple)| {
                let known = before.get(&certificate).filter(|known| ***known == staple);
                let staple = known.map_or_else(|| Arc::new(staple), Arc::clone);
                (certificate, staple)
            })
            .collect();
        self.0.store(Arc::new(next));
    }

    /// The staple of a certificate that may be shown now. One whose time is over would be worse than none: clients refuse it.
    fn of(&self, certificate: &Fingerprint, now: UnixTime) -> Option<Arc<Staple>> {
        self.0
            .load()
            .get(certificate)
            .filter(|staple| now <= staple.until)
            .map(Arc::clone)
    }
}

/// The last staple of one certificate together with its key, so that a handshake costs a comparison.
#[derive(Default)]
pub(crate) struct Stapled(ArcSwapOption<(Arc<Staple>, Arc<CertifiedKey>)>);

impl Stapled {
    /// The key with the staple that may be shown now, or as it is.
    pub(crate) fn key(
        &self,
        plain: &Arc<CertifiedKey>,
        certificate: &Fingerprint,
        staples: &Staples,
        now: UnixTime,
    ) -> Arc<CertifiedKey> {
        let Some(staple) = staples.of(certificate, now) else {
            return Arc::clone(plain);
        };
        if let Some(made) = &*self.0.load()
            && Arc::ptr_eq(&made.0, &staple)
        {
            return Arc::clone(&made.1);
        }
        let mut key = CertifiedKey::clone(plain);
        key.ocsp = Some(staple.response.clone());
        let key = Arc::new(key);
        self.0.store(Some(Arc::new((staple, Arc::clone(&key)))));
        key
    }
}

impl fmt::Debug for Stapled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stapled")
    }
}

#[cfg(test)]
mod tests {
    use countersign_snapshot::Secret;
    use countersign_testkit::Pki;

    use super::*;
    use crate::server_credential::certify;

    #[test]
    fn a_staple_is_shown_until_its_time_is_over_and_made_once() {
        let server = Pki::new().root("Root").server(["a.test"]).issue();
        let key = Secret::new(server.key_der().to_vec());
        let Ok(plain) = certify(&server.chain_der(), &key).map(Arc::new) else {
            panic!("the key fits");
        };
        let leaf = Fingerprint::of(server.der());
        let (staples, stapled) = (Staples::default(), Stapled::default());
        let at = UnixTime::from_secs;
        let shown = |now| stapled.key(&plain, &leaf, &staples, at(now));
        assert!(Arc::ptr_eq(&shown(0), &plain));
        let staple = |response: &[u8]| Staple {
            response: response.to_vec(),
            until: at(100),
        };
        staples.replace(HashMap::from([(leaf, staple(b"one"))]));
        let first = shown(100);
        assert_eq!(first.ocsp.as_deref(), Some(&b"one"[..]));
        assert!(Arc::ptr_eq(&shown(99), &first));
        assert_eq!(shown(101).ocsp, None);
        staples.replace(HashMap::from([(leaf, staple(b"one"))]));
        assert!(Arc::ptr_eq(&shown(50), &first));
        staples.replace(HashMap::from([(leaf, staple(b"two"))]));
        assert_eq!(shown(50).ocsp.as_deref(), Some(&b"two"[..]));
        staples.replace(HashMap::from([(Fingerprint::of(b"other"), staple(b"x"))]));
        assert!(Arc::ptr_eq(&shown(50), &plain));
    }
}
