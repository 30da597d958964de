//! How many handshakes may run: over all clients, and for one address.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Counts handshakes in progress (threats C5.5: they are the expensive part, and come before any authentication).
///
/// When all places are taken, an address that has fewer of them gets the oldest one of the address that has most; one that has none gets the
/// oldest of all that has gone on for [`LONG`]. Whoever takes up all places with handshakes that never end locks out nobody but himself,
/// however many addresses he has.
#[derive(Debug)]
pub(crate) struct HandshakeBudget {
    total: usize,
    per_address: usize,
    running: Mutex<Running>,
}

/// After which a handshake makes room for an address that has none. Clients far away need a third of that.
const LONG: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Running {
    /// Those whose address anybody could have written into a packet.
    unproven: usize,
    /// Numbers the others by their age.
    next: u64,
    places: BTreeMap<u64, Place>,
    by_address: HashMap<Source, BTreeSet<u64>>,
}

#[derive(Debug)]
struct Place {
    source: Source,
    since: Instant,
    taken: Arc<Notify>,
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
    number: Option<u64>,
    taken: Arc<Notify>,
}

impl HandshakePermit {
    /// Returns when the permit was given to another address.
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
        self.take_at(address, Instant::now())
    }

    fn take_at(
        self: &Arc<Self>,
        address: IpAddr,
        now: Instant,
    ) -> Result<HandshakePermit, Exhausted> {
        let source = Source::from(address);
        let mut running = self.running();
        let own = running.by_address.get(&source).map_or(0, BTreeSet::len);
        if own >= self.per_address {
            return Err(Exhausted::Address);
        }
        if running.count() >= self.total && !running.make_room(own, now) {
            return Err(Exhausted::Total);
        }
        let taken = Arc::new(Notify::new());
        let place = Place {
            source,
            since: now,
            taken: Arc::clone(&taken),
        };
        Ok(HandshakePermit {
            budget: Arc::clone(self),
            number: Some(running.add(place)),
            taken,
        })
    }

    /// Takes one out of the budget of all, for an address that is not proven: anybody could have written it into a packet.
    pub(crate) fn take_unproven(self: &Arc<Self>) -> Result<HandshakePermit, Exhausted> {
        let mut running = self.running();
        if running.count() >= self.total {
            return Err(Exhausted::Total);
        }
        running.unproven += 1;
        Ok(HandshakePermit {
            budget: Arc::clone(self),
            number: None,
            taken: Arc::default(),
        })
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn count(&self) -> usize {
        self.unproven + self.places.len()
    }

    fn add(&mut self, place: Place) -> u64 {
        let number = self.next;
        self.next += 1;
        self.by_address
            .entry(place.source)
            .or_default()
            .insert(number);
        self.places.insert(number, place);
        number
    }

    fn remove(&mut self, number: u64) -> Option<Place> {
        let place = self.places.remove(&number)?;
        if let Entry::Occupied(mut of_address) = self.by_address.entry(place.source) {
            of_address.get_mut().remove(&number);
            if of_address.get().is_empty() {
                of_address.remove();
            }
        }
        Some(place)
    }

    /// Takes a place away for an address that has `own`.
    fn make_room(&mut self, own: usize, now: Instant) -> bool {
        let has_more = |of: &&BTreeSet<u64>| of.len() > own + 1;
        let greatest = self.by_address.values().max_by_key(|of| of.len());
        let number = match greatest.filter(has_more) {
            Some(greatest) => greatest.first().copied(),
            None if own == 0 => self.oldest_of_all(now),
            None => None,
        };
        let Some(place) = number.and_then(|number| self.remove(number)) else {
            return false;
        };
        place.taken.notify_one();
        true
    }

    fn oldest_of_all(&self, now: Instant) -> Option<u64> {
        let (number, place) = self.places.first_key_value()?;
        (now.saturating_duration_since(place.since) >= LONG).then_some(*number)
    }
}

impl Drop for HandshakePermit {
    fn drop(&mut self) {
        let mut running = self.budget.running();
        match self.number {
            // One that was taken away is no longer there.
            Some(number) => drop(running.remove(number)),
            None => running.unproven = running.unproven.saturating_sub(1),
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
        let third = take("192.0.2.1").unwrap();
        assert_eq!(budget.take_unproven().unwrap_err(), Exhausted::Total);
        drop(first);
        drop(budget.take_unproven().unwrap());
        take("::ffff:192.0.2.1").unwrap();
        drop((_second, third));
        assert!(budget.running().by_address.is_empty());
        assert_eq!(budget.running().count(), 0);
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
        assert_eq!(budget.running().count(), 4);
        drop((many, one, two, _third));
        assert!(budget.running().by_address.is_empty());
        assert_eq!(budget.running().count(), 0);
    }

    #[tokio::test]
    async fn handshakes_that_do_not_go_on_make_room_whoever_began_them() {
        let (budget, began) = (HandshakeBudget::new(2, 2), Instant::now());
        let take = |text: &str, after| budget.take_at(text.parse().unwrap(), began + after);
        let first = take("192.0.2.1", Duration::ZERO).unwrap();
        let second = take("192.0.2.2", LONG / 2).unwrap();
        let just_begun = take("192.0.2.3", LONG - Duration::from_nanos(1));
        assert_eq!(just_begun.unwrap_err(), Exhausted::Total);
        // Whoever has one already waits for the end of another's.
        assert_eq!(take("192.0.2.2", LONG).unwrap_err(), Exhausted::Total);
        let third = take("192.0.2.3", LONG).unwrap();
        first.taken_away().await;
        assert_eq!(take("192.0.2.4", LONG).unwrap_err(), Exhausted::Total);
        assert_eq!(budget.running().count(), 2);
        drop((first, second, third));
        assert!(budget.running().by_address.is_empty());
        assert_eq!(budget.running().count(), 0);
    }
}
