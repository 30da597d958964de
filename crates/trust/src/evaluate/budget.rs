//! What a search may cost. An attacker chooses the certificates of his chain, and perhaps those of a CA of the set; he must not choose how
//! long we work (threats C3.4, C5.5).

use thiserror::Error;

use crate::{KeyAlgorithm, PublicKey};

/// What is left to spend in one evaluation.
#[derive(Debug)]
pub(super) struct Budget {
    signatures: u32,
    steps: u32,
    name_comparisons: u32,
}

/// The budget is spent; the search ends without a path.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the budget of the search is spent")]
pub(super) struct Exhausted;

impl Default for Budget {
    /// 400 checks of P-256 or RSA-2048 take about 20 ms; 200 CAs of the same name and without key identifiers are still searched through.
    fn default() -> Self {
        Self {
            signatures: 400,
            steps: 4_000,
            name_comparisons: 250_000,
        }
    }
}

impl Budget {
    /// For one signature check with this key.
    pub(super) fn spend_signature(&mut self, key: &PublicKey) -> Result<(), Exhausted> {
        let cost = match &key.algorithm {
            KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss(_) => match key.bits {
                0..=3_072 => 1,
                3_073..=4_096 => 2,
                _ => 6,
            },
            KeyAlgorithm::EcP384 => 6,
            KeyAlgorithm::EcP521 => 8,
            KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => 3,
            _ => 1,
        };
        spend(&mut self.signatures, cost)
    }

    /// For one candidate.
    pub(super) fn spend_step(&mut self) -> Result<(), Exhausted> {
        spend(&mut self.steps, 1)
    }

    /// For comparing one name with that many constraints.
    pub(super) fn spend_name_comparisons(&mut self, constraints: usize) -> Result<(), Exhausted> {
        let cost = u32::try_from(constraints).unwrap_or(u32::MAX);
        spend(&mut self.name_comparisons, cost)
    }
}

fn spend(left: &mut u32, cost: u32) -> Result<(), Exhausted> {
    *left = left.checked_sub(cost).ok_or(Exhausted)?;
    Ok(())
}
