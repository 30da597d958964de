//! Whom to ask about a certificate, and whom not to ask for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_api::v1::ocsp::RevocationSources;
use countersign_trust::{Certificate, UnixTime};
use tokio::sync::Semaphore;

use crate::app::outbound::{AllowedHosts, Target};

/// Of the responders that a certificate names, so many are tried.
const TRIED_MAX: usize = 2;
/// Questions to one responder at the same time.
const AT_ONCE: usize = 16;
/// After so many failures in a row it is left alone.
const PATIENCE: u32 = 5;
const PAUSE_MIN: Duration = Duration::from_secs(30);
const PAUSE_MAX: Duration = Duration::from_secs(600);
const KNOWN_MAX: usize = 1_000;

/// Whom to ask: those that are configured for the certificate's CA, else those that the certificate names and somebody allowed. An error
/// says why nobody is asked.
pub(super) fn targets(
    certificate: &Certificate,
    issuer: &Certificate,
    sources: &RevocationSources,
    hosts: &AllowedHosts,
) -> Result<Vec<Target>, String> {
    let key = issuer.spki_fingerprint();
    let of_the_ca = |of: &Option<String>| match of {
        Some(text) => text.parse() == Ok(key),
        None => true,
    };
    let configured: Vec<_> = sources
        .responders
        .iter()
        .filter(|responder| of_the_ca(&responder.issuer_spki_sha256))
        .map(|responder| Target {
            url: responder.url.clone(),
            private_network: responder.private_network,
        })
        .collect();
    if !configured.is_empty() {
        return Ok(configured);
    }
    let named = certificate.ocsp_uris();
    let Some(first) = named.first() else {
        return Err(
            "the certificate names no OCSP responder and none is configured for its CA".to_owned(),
        );
    };
    let allowed: Vec<_> = named
        .iter()
        .filter(|url| url.parse().is_ok_and(|uri| hosts.allow(&uri)))
        .take(TRIED_MAX)
        .map(|url| Target {
            url: (*url).to_owned(),
            private_network: sources.private_network,
        })
        .collect();
    if allowed.is_empty() {
        let shown: String = first.chars().take(200).collect();
        return Err(format!(
            "the responder {shown}, which the certificate names, is not among the hosts that may be asked for this CA set"
        ));
    }
    Ok(allowed)
}

/// How responders do.
#[derive(Debug, Default)]
pub(super) struct Responders(Mutex<HashMap<String, Responder>>);

#[derive(Clone, Debug)]
struct Responder {
    places: Arc<Semaphore>,
    failures: u32,
    /// Not to be asked before; one question goes through then.
    closed_until: Option<UnixTime>,
}

impl Responders {
    /// The way to a responder, or until when it is left alone.
    pub(super) fn admit(&self, url: &str, now: UnixTime) -> Result<Arc<Semaphore>, UnixTime> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX && !known.contains_key(url) {
            // Those that do well need no memory.
            known.retain(|_, responder| responder.failures > 0);
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
        }
        let responder = known.entry(url.to_owned()).or_insert_with(|| Responder {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            failures: 0,
            closed_until: None,
        });
        match responder.closed_until {
            Some(until) if now < until => Err(until),
            Some(_) => {
                // Half open: this question tells, and no other is sent meanwhile.
                responder.closed_until = Some(now.saturating_add(pause(responder.failures)));
                Ok(Arc::clone(&responder.places))
            }
            None => Ok(Arc::clone(&responder.places)),
        }
    }

    /// Notes how a question to a responder ended.
    pub(super) fn note(&self, url: &str, well: bool, now: UnixTime) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(responder) = known.get_mut(url) else {
            return;
        };
        if well {
            responder.failures = 0;
            responder.closed_until = None;
            return;
        }
        responder.failures = responder.failures.saturating_add(1);
        if responder.failures >= PATIENCE {
            responder.closed_until = Some(now.saturating_add(pause(responder.failures)));
        }
    }
}

fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(PATIENCE).min(8);
    PAUSE_MIN.saturating_mul(1 << doublings).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_responder_that_fails_is_left_alone_then_tried_once() {
        let responders = Responders::default();
        let now = UnixTime::from_secs(1_000);
        let url = "http://ocsp.test/";
        for _ in 0..PATIENCE {
            assert!(responders.admit(url, now).is_ok());
            responders.note(url, false, now);
        }
        let until = now.saturating_add(PAUSE_MIN);
        assert_eq!(responders.admit(url, now).unwrap_err(), until);
        assert!(responders.admit("http://other.test/", now).is_ok());
        assert!(responders.admit(url, until).is_ok());
        assert!(responders.admit(url, until).is_err());
        responders.note(url, false, until);
        let longer = until.saturating_add(2 * PAUSE_MIN);
        assert_eq!(responders.admit(url, until).unwrap_err(), longer);
        assert!(responders.admit(url, longer).is_ok());
        responders.note(url, true, longer);
        for _ in 1..PATIENCE {
            responders.note(url, false, longer);
            assert!(responders.admit(url, longer).is_ok());
        }
    }
}
