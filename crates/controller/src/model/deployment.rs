//! Deployments: one attempt each to make a network enforce, or forget, a site, a property, an edge certificate or a client credential.

use std::fmt;

use countersign_snapshot::Network;
use countersign_trust::UnixTime;

use super::{
    AccountId, ActivationStatus, ClientCredential, EdgeCertificate, Property, Site, text_enum,
};

/// Numbers deployments, across everything that is deployed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DeploymentId(i64);

impl DeploymentId {
    /// Wraps a stored number.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_enum! {
    /// What is deployed.
    DeploymentKind {
        /// A version of a client credential.
        ClientCredential = "CLIENT_CREDENTIAL",
        /// An edge certificate with its settings.
        EdgeCertificate = "EDGE_CERTIFICATE",
        /// A version of a property.
        Property = "PROPERTY",
        /// A site.
        Site = "SITE",
    }
}

text_enum! {
    /// Which way.
    DeploymentAction {
        /// The network enforces it as it was when this was asked for.
        Deploy = "DEPLOY",
        /// The network forgets it.
        Remove = "REMOVE",
    }
}

/// One attempt to make a network enforce, or forget, something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deployment {
    /// Its number.
    pub id: DeploymentId,
    /// Whose.
    pub account: AccountId,
    /// What kind of thing.
    pub kind: DeploymentKind,
    /// The number of the thing.
    pub subject: i64,
    /// The name of the thing.
    pub subject_name: String,
    /// Its version.
    pub version: u32,
    /// The network.
    pub network: Network,
    /// Which way.
    pub action: DeploymentAction,
    /// How far it came.
    pub status: ActivationStatus,
    /// The share of live nodes that acknowledged, 0 to 100.
    pub percent: u8,
    /// When it was asked for.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// When its status or share last changed.
    pub modified_at: Option<UnixTime>,
    /// Why it failed, for a person.
    pub failure_reason: Option<String>,
    /// Those with the same number are enforced together or not at all.
    pub change_set: Option<i64>,
}

/// What a network has of something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deployed {
    /// The network.
    pub network: Network,
    /// The version that it enforces.
    pub version: Option<u32>,
    /// The newest attempt to change that.
    pub latest: Option<Deployment>,
}

impl Deployed {
    /// The attempt to change it that is in progress.
    pub(crate) fn running(&self) -> Option<&Deployment> {
        let latest = self.latest.as_ref()?;
        (latest.status == ActivationStatus::InProgress).then_some(latest)
    }

    /// The version that the network has, or is about to have.
    pub(crate) fn coming(&self) -> Option<u32> {
        match self.running() {
            Some(running) => {
                (running.action == DeploymentAction::Deploy).then_some(running.version)
            }
            None => self.version,
        }
    }
}

/// Something that networks are asked to enforce, or to forget.
pub(crate) trait Deployable {
    /// What kind of thing it is.
    const KIND: DeploymentKind;

    /// Its number among those of its kind.
    fn number(&self) -> i64;

    /// Its name.
    fn name(&self) -> &str;

    /// What the networks have of it.
    fn networks(&self) -> &[Deployed];

    /// The same, to be filled in.
    fn networks_mut(&mut self) -> &mut Vec<Deployed>;

    /// What a network has of it; none when it was never asked.
    fn on(&self, network: Network) -> Option<&Deployed> {
        self.networks().iter().find(|it| it.network == network)
    }

    /// The version that a network enforces.
    fn version_on(&self, network: Network) -> Option<u32> {
        self.on(network)?.version
    }

    /// The version that a network enforces, or is about to.
    fn coming_to(&self, network: Network) -> Option<u32> {
        self.on(network)?.coming()
    }

    /// Whether no change of what the networks have of it is in progress.
    fn is_settled(&self) -> bool {
        self.networks().iter().all(|it| it.running().is_none())
    }
}

macro_rules! deployable {
    ($($kind:ident => $thing:ty,)+) => {$(
        impl Deployable for $thing {
            const KIND: DeploymentKind = DeploymentKind::$kind;

            fn number(&self) -> i64 {
                self.id.number()
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn networks(&self) -> &[Deployed] {
                &self.networks
            }

            fn networks_mut(&mut self) -> &mut Vec<Deployed> {
                &mut self.networks
            }
        }
    )+};
}
deployable! {
    ClientCredential => ClientCredential,
    EdgeCertificate => EdgeCertificate,
    Property => Property,
    Site => Site,
}
