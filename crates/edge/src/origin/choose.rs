//! Which address gets a request.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Origin;
use super::endpoint::Address;
use super::health::State;

/// An address, and the place of the endpoint that it is of.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) endpoint: usize,
    pub(super) address: Arc<Address>,
}

/// How many parts an endpoint's weight is divided into: enough for 64 addresses that start slowly.
const PARTS: u64 = 64;

impl Origin {
    /// The next address, in turn by weight, among those that are not in `tried`. Those that are left out because requests failed are used
    /// when there are no others, those that the health check found bad never.
    pub(super) fn choose(&self, tried: &[Arc<Address>]) -> Option<Choice> {
        if let ([endpoint], []) = (self.endpoints.as_slice(), tried)
            && let [address] = endpoint.addresses().as_slice()
        {
            return (address.health.state() != State::Down).then(|| Choice {
                endpoint: 0,
                address: Arc::clone(address),
            });
        }
        self.choose_among(tried, |state| state == State::Used)
            .or_else(|| self.choose_among(tried, |state| state == State::Ejected))
    }

    fn choose_among(
        &self,
        tried: &[Arc<Address>],
        wanted: impl Fn(State) -> bool,
    ) -> Option<Choice> {
        let mut candidates = Vec::new();
        let mut total = 0_u64;
        for (endpoint, known) in self.endpoints.iter().enumerate() {
            let addresses = known.addresses();
            let part = (u64::from(known.model.weight) * PARTS)
                .checked_div(addresses.len() as u64)
                .unwrap_or(0);
            for address in addresses.iter() {
                let is_tried = tried.iter().any(|tried| Arc::ptr_eq(tried, address));
                if part > 0 && !is_tried && wanted(address.health.state()) {
                    total += part * address.health.share(self.model.policy.slow_start);
                    candidates.push((total, endpoint, Arc::clone(address)));
                }
            }
        }
        // Multiples of the golden ratio fill the range evenly, whatever the weights are and however they change.
        let turn = self
            .turn
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let point = (u128::from(turn) * u128::from(total)) >> 64;
        candidates
            .into_iter()
            .find(|(below, ..)| point < u128::from(*below))
            .map(|(_, endpoint, address)| Choice { endpoint, address })
    }

    /// Every address, with what it is now.
    pub(super) fn states(&self) -> Vec<State> {
        self.endpoints
            .iter()
            .filter(|endpoint| endpoint.model.weight > 0)
            .flat_map(|endpoint| {
                endpoint
                    .addresses()
                    .iter()
                    .map(|address| address.health.state())
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// A request to the address failed: it is left out for a while when that happened too often, and others are left to bear the load.
    pub(super) fn address_failed(&self, address: &Address) {
        let outliers = &self.model.policy.outliers;
        if !address.health.failed(outliers) {
            return;
        }
        let states = self.states();
        let ejected = states
            .iter()
            .filter(|state| **state == State::Ejected)
            .count();
        let may = states.len() > 1
            && (ejected + 1) * 100 <= states.len() * usize::from(outliers.max_ejected_percent);
        if may {
            address.health.eject(outliers);
            self.counts.ejected();
            tracing::warn!(origin = self.id(), address = %address.socket, "requests failed; the address is left out for a while");
        }
    }
}
