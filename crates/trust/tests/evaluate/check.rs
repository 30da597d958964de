//! The one adapter between the cases and the crate.

use countersign_testkit::pki::{Ca, Credential};
use countersign_trust::{
    CaSetVersion, Certificate, ExtendedKeyUsageRule, PeerChain, Policy, RevocationIndex,
    Sha1Signatures, UnixTime, Verdict, evaluate,
};

/// 2027-01-15T08:00:00Z
pub(crate) const NOW: i64 = 1_800_000_000;

/// A client that sends some certificates to a CA set.
pub(crate) struct Case {
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) set: Vec<Vec<u8>>,
    pub(crate) sha1: Sha1Signatures,
    pub(crate) policy: Policy,
    pub(crate) now: i64,
}

impl Case {
    pub(crate) fn new(chain: Vec<Vec<u8>>, set: &[&Ca]) -> Self {
        Self {
            chain,
            set: set.iter().map(|ca| ca.der().to_vec()).collect(),
            sha1: Sha1Signatures::Refuse,
            policy: Policy::default(),
            now: NOW,
        }
    }

    /// The client sends what its credential holds.
    pub(crate) fn of(client: &Credential, set: &[&Ca]) -> Self {
        Self::new(client.chain_der(), set)
    }

    pub(crate) fn rule(mut self, rule: ExtendedKeyUsageRule) -> Self {
        self.policy.extended_key_usage = rule;
        self
    }

    pub(crate) fn at(mut self, now: i64) -> Self {
        self.now = now;
        self
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let set = self
            .set
            .iter()
            .map(|der| Certificate::from_der(der).unwrap())
            .collect();
        let set = CaSetVersion::new(set, self.sha1).unwrap();
        match PeerChain::from_der(&self.chain) {
            Ok(chain) => evaluate(
                &chain,
                &set,
                &RevocationIndex::empty(),
                &self.policy,
                UnixTime::from_secs(self.now),
            ),
            Err(refusal) => Verdict::Invalid(refusal),
        }
    }

    /// Checks the verdict: `valid` or the code of a reason.
    #[track_caller]
    pub(crate) fn is(&self, expected: &str) -> Verdict {
        let verdict = self.verdict();
        let found = verdict.reason().map_or("valid", |reason| reason.code());
        assert_eq!(found, expected, "{verdict:#?}");
        verdict
    }
}

/// Checks the verdict on a client that sends what its credential holds.
#[track_caller]
pub(crate) fn check(client: &Credential, set: &[&Ca], expected: &str) -> Verdict {
    Case::of(client, set).is(expected)
}

#[track_caller]
pub(crate) fn explanation(verdict: &Verdict) -> (String, String) {
    match verdict {
        Verdict::Invalid(refusal) => (refusal.explanation(), refusal.remedy()),
        other => panic!("{other:?}"),
    }
}
