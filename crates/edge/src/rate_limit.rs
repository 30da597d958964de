//! How many requests a client identity may send in a time (the rules' `rateLimitPerIdentity`).

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use countersign_rules::{LimitKey, RateLimit};
use countersign_trust::{Certificate, Fingerprint, UnixTime};
use quick_cache::sync::Cache;

/// Identities that are remembered; some 10 MiB. When there are more, those that were not seen for long begin anew.
const IDENTITIES_MAX: usize = 100_000;

/// Counts per limit and identity on this node, by the generic cell rate algorithm: one number per identity, no windows to fall between.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    /// When the allowance of an identity is whole again, in microseconds.
    whole_at: Cache<Key, Arc<AtomicI64>>,
    names: RandomState,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Key {
    limit: u64,
    identity: Fingerprint,
}

impl RateLimiter {
    pub(crate) fn new() -> Self {
        Self {
            whole_at: Cache::new(IDENTITIES_MAX),
            names: RandomState::new(),
        }
    }

    /// Counts a request of a client. `false` means that it is one too many; those are not counted.
    pub(crate) fn admits(&self, limit: &RateLimit, client: &Certificate, now: UnixTime) -> bool {
        let key = Key {
            limit: self
                .names
                .hash_one((&limit.name, limit.requests, limit.seconds)),
            identity: match limit.key {
                LimitKey::Fingerprint => client.fingerprint(),
                LimitKey::Spki => client.spki_fingerprint(),
                LimitKey::Subject => Fingerprint::of(client.subject().der()),
            },
        };
        let whole_at = match self
            .whole_at
            .get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(Arc::default()))
        {
            Ok(whole_at) => whole_at,
            Err(never) => match never {},
        };
        let period = i64::from(limit.seconds).saturating_mul(1_000_000);
        // A limit of none admits none.
        let Some(cost) = period.checked_div(i64::from(limit.requests)) else {
            return false;
        };
        let now = now.as_micros();
        let spend = |whole_at: i64| {
            let next = whole_at.max(now).saturating_add(cost);
            (next.saturating_sub(now) <= period).then_some(next)
        };
        whole_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use countersign_testkit::{NOW, Pki};

    use super::*;

    #[test]
    fn an_identity_has_its_requests_in_its_time_and_takes_none_from_others() {
        let root = Pki::new().root("Root");
        let certificate =
            |name: &str| Certificate::from_der(root.client(name).issue().der()).unwrap();
        let (alice, bob) = (certificate("alice"), certificate("bob"));
        let limit = |name: &str| RateLimit {
            name: name.to_owned(),
            requests: 3,
            seconds: 60,
            key: LimitKey::Subject,
        };
        let limiter = RateLimiter::new();
        let admits = |limit: &RateLimit, client: &Certificate, after: i64| {
            limiter.admits(limit, client, UnixTime::from_secs(NOW + after))
        };
        let one = limit("one");
        assert!((0..3).all(|_| admits(&one, &alice, 0)));
        assert!(!admits(&one, &alice, 0));
        assert!(admits(&one, &bob, 0));
        assert!(admits(&limit("two"), &alice, 0));
        // A third of the time gives a third of the requests back.
        assert!(!admits(&one, &alice, 19));
        assert!(admits(&one, &alice, 20));
        assert!(!admits(&one, &alice, 20));
        assert!((0..3).all(|_| admits(&one, &alice, 200)));
        assert!(!admits(&one, &alice, 200));
    }
}
