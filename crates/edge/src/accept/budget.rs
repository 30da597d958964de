//! How many handshakes may run: over all clients, and for one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts handshakes in progress (threats C5.5: they are the expensive part, and come before any authentication).
#[derive(Debug)]
pub(crate) struct HandshakeBudget {
    total: usize,
    per_address: usize,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    total: usize,
    by_address: HashMap<Source, usize>,
}

/// What one client can hardly have many of: an IPv4 address, or an IPv6 /64.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Source {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// Leave to run one handshake; given back when dropped.
#[derive(Debug)]
pub(crate) struct HandshakePermit {
    budget: Arc<HandshakeBudget>,
    /// `None` when it pays from the budget of all alone.
    source: Option<Source>,
}

/// Which budget is used up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exhausted {
    Address,
    Total,
}

impl Exhausted {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "too many handshakes from this address are running",
            Self::Total => "too many handshakes are running",
        }
    }
}

impl HandshakeBudget {
    pub(crate) fn new(total: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            total,
            per_address,
            running: Mutex::default(),
        })
    }

    /// Takes one out of the budget of an address and of all.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Result<HandshakePermit, Exhausted> {
        let source = Source::from(address);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.total >= self.total {
            return Err(Exhausted::Total);
        }
        let own = running.by_address.entry(source).or_default();
        if *own >= self.per_address {
            return Err(Exhausted::Address);
        }
        *own += 1;
        running.total += 1;
        Ok(HandshakePermit {
            budget: Arc::clone(self),
            source: Some(source),
        })
    }

    /// Takes one out of the budget of all, for an address that is not proven: anybody could have written it into a packet.
    pub(crate) fn take_unproven(self: &Arc<Self>) -> Result<HandshakePermit, Exhausted> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.total >= self.total {
            return Err(Exhausted::Total);
        }
        running.total += 1;
        Ok(HandshakePermit {
            budget: Arc::clone(self),
            source: None,
        })
    }
}

impl Drop for HandshakePermit {
    fn drop(&mut self) {
        let mut running = self
            .budget
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        running.total = running.total.saturating_sub(1);
        let Some(source) = &self.source else { return };
        if let Some(own) = running.by_address.get_mut(source) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                running.by_address.remove(source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_use_up_the_budget_of_another() {
        let budget = HandshakeBudget::new(3, 2);
        let take = |text: &str| budget.take(text.parse().unwrap());
        let first = take("2001:db8::1").unwrap();
        let _second = take("2001:db8::2").unwrap();
        assert_eq!(take("2001:db8::3").unwrap_err(), Exhausted::Address);
        let _third = take("192.0.2.1").unwrap();
        assert_eq!(take("192.0.2.2").unwrap_err(), Exhausted::Total);
        assert_eq!(budget.take_unproven().unwrap_err(), Exhausted::Total);
        drop(first);
        drop(budget.take_unproven().unwrap());
        take("::ffff:192.0.2.1").unwrap();
        drop((_second, _third));
        assert!(budget.running.lock().unwrap().by_address.is_empty());
    }
}
