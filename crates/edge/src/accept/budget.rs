//! How many handshakes may run: over all clients, and for one address.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Counts handshakes in progress (threats C5.5: they are the expensive part, and come before any authentication).
///
/// When all places are taken, an address that has fewer of them gets the oldest one of the address that has most. Whoever takes up all places
/// with handshakes that never end locks out nobody but himself.
#[derive(Debug)]
pub(crate) struct HandshakeBudget {
    total: usize,
    per_address: usize,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    total: usize,
    /// Numbers permits by their age.
    next: u64,
    by_address: HashMap<Source, BTreeMap<u64, Arc<Notify>>>,
}

/// What one client can hardly have many of: an IPv4 address, or an IPv6 /64.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Source {
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
    owner: Option<(Source, u64)>,
    taken: Arc<Notify>,
}

impl HandshakePermit {
    /// Returns when the permit was given to somebody who has fewer.
    pub(crate) async fn taken_away(&self) {
        self.taken.notified().await;
    }
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
        let mut running = self.running();
        let own = running.by_address.get(&source).map_or(0, BTreeMap::len);
        if own >= self.per_address {
            return Err(Exhausted::Address);
        }
        if running.total >= self.total && !running.take_from_the_greatest(own) {
            return Err(Exhausted::Total);
        }
        let number = running.next;
        let taken = Arc::new(Notify::new());
        running.next += 1;
        running.total += 1;
        running
            .by_address
            .entry(source)
            .or_default()
            .insert(number, Arc::clone(&taken));
        Ok(HandshakePermit {
            budget: Arc::clone(self),
            owner: Some((source, number)),
            taken,
        })
    }

    /// Takes one out of the budget of all, for an address that is not proven: anybody could have written it into a packet.
    pub(crate) fn take_unproven(self: &Arc<Self>) -> Result<HandshakePermit, Exhausted> {
        let mut running = self.running();
        if running.total >= self.total {
            return Err(Exhausted::Total);
        }
        running.total += 1;
        Ok(HandshakePermit {
            budget: Arc::clone(self),
            owner: None,
            taken: Arc::default(),
        })
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Ends the oldest handshake of the address that has most, if it would still have as many as who asks, who has `own`.
    fn take_from_the_greatest(&mut self, own: usize) -> bool {
        let greatest = self.by_address.iter_mut().max_by_key(|(_, of)| of.len());
        let Some((_, of)) = greatest.filter(|(_, of)| of.len() > own + 1) else {
            return false;
        };
        let Some((_, taken)) = of.pop_first() else {
            return false;
        };
        self.total = self.total.saturating_sub(1);
        taken.notify_one();
        true
    }
}

impl Drop for HandshakePermit {
    fn drop(&mut self) {
        let mut running = self.budget.running();
        if let Some((source, number)) = &self.owner {
            let Some(own) = running.by_address.get_mut(source) else {
                return;
            };
            // One that was taken away belongs to somebody else already.
            if own.remove(number).is_none() {
                return;
            }
            if own.is_empty() {
                running.by_address.remove(source);
            }
        }
        running.total = running.total.saturating_sub(1);
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
        let third = take("192.0.2.1").unwrap();
        assert_eq!(budget.take_unproven().unwrap_err(), Exhausted::Total);
        drop(first);
        drop(budget.take_unproven().unwrap());
        take("::ffff:192.0.2.1").unwrap();
        drop((_second, third));
        assert!(budget.running().by_address.is_empty());
        assert_eq!(budget.running().total, 0);
    }

    #[tokio::test]
    async fn whoever_has_most_makes_room_for_whoever_has_less() {
        let budget = HandshakeBudget::new(4, 4);
        let take = |text: &str| budget.take(text.parse().unwrap());
        let many: Vec<_> = (0..4).map(|_| take("192.0.2.1").unwrap()).collect();
        let one = take("192.0.2.2").unwrap();
        many[0].taken_away().await;
        let two = take("192.0.2.2").unwrap();
        many[1].taken_away().await;
        // Both have two: nobody gains by taking turns.
        assert_eq!(take("192.0.2.2").unwrap_err(), Exhausted::Total);
        assert_eq!(take("192.0.2.1").unwrap_err(), Exhausted::Total);
        let _third = take("192.0.2.3").unwrap();
        assert_eq!(budget.running().total, 4);
        drop((many, one, two, _third));
        assert!(budget.running().by_address.is_empty());
        assert_eq!(budget.running().total, 0);
    }
}
