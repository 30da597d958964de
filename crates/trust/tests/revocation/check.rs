//! The one adapter between the cases and the crate.

use std::sync::Arc;
use std::time::Duration;

use countersign_testkit::pki::{Ca, Credential};
use countersign_trust::{
    CaSetVersion, Certificate, Crl, ManualRevocation, Owner, PeerChain, Policy, RevocationIndex,
    RevocationIndexBuilder, RevocationMode, RevocationPolicy, RevocationScope, Sha1Signatures,
    UnixTime, Verdict, evaluate,
};

pub(crate) use countersign_testkit::{DAY, NOW};

/// A CA set with revocation data and a policy.
pub(crate) struct World {
    set: CaSetVersion,
    known: Vec<Certificate>,
    index: RevocationIndexBuilder,
    scope: RevocationScope,
    grace: Duration,
}

pub(crate) fn parsed(der: &[u8]) -> Certificate {
    Certificate::from_der(der).unwrap()
}

impl World {
    pub(crate) fn new(set: &[&Ca]) -> Self {
        let certificates: Vec<_> = set.iter().map(|ca| parsed(ca.der())).collect();
        Self {
            set: CaSetVersion::new(certificates.clone(), Sha1Signatures::Refuse).unwrap(),
            known: certificates,
            index: RevocationIndexBuilder::new(1),
            scope: RevocationScope::Leaf,
            grace: Duration::ZERO,
        }
    }

    /// As a version of the CA set that accepts SHA-1.
    pub(crate) fn accepting_sha1(mut self) -> Self {
        self.set = CaSetVersion::new(self.known.clone(), Sha1Signatures::Allow).unwrap();
        self
    }

    /// Another certificate that CRLs may be signed by.
    pub(crate) fn knows(mut self, ca: &Ca) -> Self {
        self.known.push(parsed(ca.der()));
        self.index.certificate(parsed(ca.der()));
        self
    }

    pub(crate) fn crl(mut self, der: &[u8]) -> Self {
        // Loaded for all CA sets; which of them it says something to is decided when a certificate is looked up.
        let crl = Crl::load(der, &self.known, Sha1Signatures::Allow).unwrap();
        self.index.crl(Arc::new(crl));
        self
    }

    pub(crate) fn manual(mut self, revocation: ManualRevocation) -> Self {
        self.index.manual(None, revocation);
        self
    }

    pub(crate) fn manual_of(mut self, owner: &str, revocation: ManualRevocation) -> Self {
        self.index.manual(Some(Owner::new(owner)), revocation);
        self
    }

    /// Whose the CA set is.
    pub(crate) fn owned_by(mut self, owner: &str) -> Self {
        self.set = self.set.owned_by(Some(Owner::new(owner)));
        self
    }

    pub(crate) fn ocsp(mut self, answer: countersign_trust::ocsp::OcspAnswer) -> Self {
        self.index.ocsp(Arc::new(answer));
        self
    }

    pub(crate) fn scope(mut self, scope: RevocationScope) -> Self {
        self.scope = scope;
        self
    }

    pub(crate) fn grace(mut self, seconds: u64) -> Self {
        self.grace = Duration::from_secs(seconds);
        self
    }

    pub(crate) fn build(self) -> Built {
        Built {
            index: self.index.build(),
            set: self.set,
            scope: self.scope,
            grace: self.grace,
        }
    }
}

pub(crate) struct Built {
    pub(crate) index: RevocationIndex,
    set: CaSetVersion,
    scope: RevocationScope,
    grace: Duration,
}

impl Built {
    pub(crate) fn set(&self) -> &CaSetVersion {
        &self.set
    }

    pub(crate) fn policy(&self, mode: RevocationMode) -> Policy {
        Policy {
            revocation: RevocationPolicy {
                mode,
                scope: self.scope,
                stale_grace: self.grace,
            },
            ..Policy::default()
        }
    }

    pub(crate) fn verdict(&self, client: &Credential, mode: RevocationMode) -> Verdict {
        let policy = self.policy(mode);
        let chain = PeerChain::from_der(&client.chain_der()).unwrap();
        evaluate(
            &chain,
            &self.set,
            &self.index,
            &policy,
            UnixTime::from_secs(NOW),
        )
    }

    /// Checks the verdicts with revocation off, preferred and required.
    #[track_caller]
    pub(crate) fn is(&self, client: &Credential, expected: [&str; 3]) -> &Self {
        let modes = [
            RevocationMode::Off,
            RevocationMode::Prefer,
            RevocationMode::Require,
        ];
        let found = modes.map(|mode| {
            self.verdict(client, mode)
                .reason()
                .map_or("valid", |reason| reason.code())
        });
        assert_eq!(found, expected);
        self
    }
}

pub(crate) const GOOD: [&str; 3] = ["valid", "valid", "valid"];
pub(crate) const REVOKED: [&str; 3] = ["valid", "revoked", "revoked"];
pub(crate) const UNKNOWN: [&str; 3] = ["valid", "valid", "revocation_unknown"];
pub(crate) const STALE: [&str; 3] = ["valid", "valid", "revocation_stale"];
pub(crate) const ALWAYS_REVOKED: [&str; 3] = ["revoked", "revoked", "revoked"];
