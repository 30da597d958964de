//! How many requests an account may send.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_trust::UnixTime;

use crate::app::ErrorCode;
use crate::model::AccountId;
use crate::{RateLimit, ServiceError};

/// Counts requests per account: a full bucket of them, refilled evenly.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    limit: RateLimit,
    /// When each account's bucket would be full again if nothing came; accounts are few.
    full_at: Mutex<HashMap<AccountId, i64>>,
}

/// What an account has left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Allowance {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// When the next request is possible, for an account that has nothing left.
    pub(crate) next: Option<UnixTime>,
}

impl RateLimiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            full_at: Mutex::default(),
        }
    }

    /// Takes one request out of the account's bucket.
    pub(crate) fn take(&self, account: &AccountId, now: UnixTime) -> Allowance {
        let window = i64::try_from(self.limit.window.as_micros())
            .unwrap_or(i64::MAX)
            .max(1);
        let requests = i64::from(self.limit.requests.max(1));
        let each = (window / requests).max(1);
        let now = now.as_micros();
        let mut accounts = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = accounts.entry(account.clone()).or_insert(now);
        let filled = (*full_at).max(now).saturating_add(each);
        let missing = filled - now;
        if missing > each * requests {
            return Allowance {
                limit: self.limit.requests,
                remaining: 0,
                next: Some(UnixTime::from_micros(filled - each * requests)),
            };
        }
        *full_at = filled;
        Allowance {
            limit: self.limit.requests,
            remaining: u32::try_from((each * requests - missing) / each).unwrap_or(0),
            next: None,
        }
    }
}

impl Allowance {
    /// Refuses when nothing was left.
    pub(crate) fn check(self) -> Result<(), ServiceError> {
        match self.next {
            None => Ok(()),
            Some(next) => Err(ServiceError::new(
                ErrorCode::AccountRateLimitExceeded,
                format!("The account may send {} requests in a row; the next one is possible at {next}.", self.limit),
            )
            .with("rateLimit", self.limit)
            .with(
                "rateLimitNext",
                countersign_api::Timestamp::from_micros(next.as_micros()).to_string(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_account_that_is_out_of_requests_gets_them_back_evenly_and_others_never_notice() {
        let limiter = RateLimiter::new(RateLimit {
            requests: 2,
            window: Duration::from_secs(10),
        });
        let (busy, idle) = (AccountId::new("busy"), AccountId::new("idle"));
        let at = UnixTime::from_secs;
        assert_eq!(limiter.take(&busy, at(100)).remaining, 1);
        assert_eq!(limiter.take(&busy, at(100)).remaining, 0);
        let refused = limiter.take(&busy, at(100));
        assert_eq!(refused.next, Some(at(105)));
        assert!(refused.check().is_err());
        assert_eq!(limiter.take(&idle, at(100)).remaining, 1);
        assert_eq!(limiter.take(&busy, at(105)).next, None);
        assert_eq!(limiter.take(&busy, at(105)).next, Some(at(110)));
        assert_eq!(limiter.take(&busy, at(1_000)).remaining, 1);
    }
}
