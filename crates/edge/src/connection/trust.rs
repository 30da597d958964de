//! Under which snapshot a connection is judged, and with what result.

use std::sync::Arc;

use countersign_snapshot::{
    CaSetId, CheckedCaSet, ClientAuthMode, Peer, Refused, ServerName, Verdicts,
};
use countersign_tls::evaluate_peer_again;
use countersign_trust::{Reason, ValidChain, Verdict};

use crate::enforced::{Enforced, EnforcedBinding};
use crate::node::Node;

/// The verdicts on a client under one generation. Replaced as a whole when trust changes.
#[derive(Debug)]
pub(crate) struct Trust {
    enforced: Arc<Enforced>,
    binding: Arc<EnforcedBinding>,
    verdicts: Verdicts,
    /// For which the verdicts hold; [`NEVER`] when they are only what was known last.
    epoch: u64,
    /// Up to which it is known that nothing has to be ended.
    swept: u64,
    /// Whether the verdicts were made under the policy of the binding.
    of_this_policy: bool,
}

/// No epoch.
const NEVER: u64 = u64::MAX;

/// Why a connection cannot serve any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Broken {
    /// Certificates are asked for now, and the handshake did not ask: nothing is known about the client.
    NeverAsked,
    /// There is no snapshot.
    NoSnapshot,
    /// The server name is bound to nothing any more.
    Unbound,
}

impl Broken {
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::NeverAsked => Reason::MisdirectedRequest,
            Self::NoSnapshot => Reason::TrustUnavailable,
            Self::Unbound => Reason::UnknownServerName,
        }
    }
}

/// Resolves the server name and evaluates the client's chain for every CA set of the binding, with what is enforced now. What was
/// known about the same connection makes it cheaper.
pub(crate) fn judge(
    node: &Node,
    server_name: &ServerName,
    peer: &Peer,
    asked: bool,
    earlier: Option<&Trust>,
) -> Result<Trust, Broken> {
    // Read before the snapshot: when an activation comes in between, the older number makes the next request judge again.
    let epoch = node.epoch();
    let enforced = node.enforced().ok_or(Broken::NoSnapshot)?;
    let binding = Arc::clone(enforced.resolve(server_name).ok_or(Broken::Unbound)?);
    if binding.mode() != ClientAuthMode::Off && !asked {
        return Err(Broken::NeverAsked);
    }
    let context = binding.trust();
    let earlier = earlier
        .filter(|earlier| earlier.is_of(&binding))
        .map(|earlier| &earlier.verdicts);
    let verdicts = evaluate_peer_again(context, peer, earlier, node.now());
    Ok(Trust {
        enforced,
        binding,
        verdicts,
        epoch,
        swept: epoch,
        of_this_policy: true,
    })
}

impl Trust {
    /// The same verdicts under what is enforced now.
    pub(super) fn carried(
        &self,
        enforced: &Arc<Enforced>,
        binding: &Arc<EnforcedBinding>,
        epoch: u64,
        hold: bool,
    ) -> Self {
        Self {
            enforced: Arc::clone(enforced),
            binding: Arc::clone(binding),
            verdicts: self.verdicts.clone(),
            epoch: if hold && self.epoch != NEVER {
                epoch
            } else {
                NEVER
            },
            swept: epoch,
            of_this_policy: self.is_of(binding),
        }
    }

    /// The same verdicts under what is enforced now, when neither that nor revocations nor time can have changed them.
    pub(super) fn renewed(&self, node: &Node, server_name: &ServerName) -> Option<Self> {
        let epoch = node.epoch();
        let enforced = node.enforced()?;
        let binding = enforced.resolve(server_name)?;
        let generation = binding.trust().revocation_generation();
        let unchanged = self.epoch != NEVER
            && self.is_of(binding)
            && self.verdicts.revocation_generation() == generation
            && self.verdicts.hold_at(node.now());
        unchanged.then(|| self.carried(&enforced, binding, epoch, true))
    }

    /// Whether the verdicts were made under the policy of this binding.
    fn is_of(&self, binding: &EnforcedBinding) -> bool {
        self.of_this_policy
            && self.binding.trust().policy_identity() == binding.trust().policy_identity()
    }

    pub(super) fn swept(&self) -> u64 {
        self.swept
    }

    pub(crate) fn enforced(&self) -> &Arc<Enforced> {
        &self.enforced
    }

    pub(crate) fn binding(&self) -> &Arc<EnforcedBinding> {
        &self.binding
    }

    pub(crate) fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Why the binding refuses the client, whatever it asks.
    pub(crate) fn refused(&self) -> Option<Refused> {
        Refused::by_binding(self.binding.checked(), &self.verdicts)
    }

    /// The chain that made the client valid, and the CA set that it is valid for.
    pub(crate) fn valid(&self) -> Option<(&Arc<CheckedCaSet>, &ValidChain)> {
        self.verdicts
            .iter()
            .find_map(|(id, verdict)| match verdict {
                Verdict::Valid(chain) => Some((self.ca_set(id)?, chain)),
                Verdict::Missing | Verdict::Invalid(_) => None,
            })
    }

    /// A CA set of the binding.
    pub(crate) fn ca_set(&self, id: CaSetId) -> Option<&Arc<CheckedCaSet>> {
        self.binding
            .checked()
            .ca_sets
            .iter()
            .find(|set| set.id == id)
    }

    /// The one verdict to speak of when these CA sets are asked for, by the ids that rules write; none asked for means any of the binding.
    pub(crate) fn verdict_for(&self, ca_sets: &[String]) -> &Verdict {
        self.verdicts.for_any_of(self.binding.checked(), ca_sets)
    }

    /// The word for logs and headers.
    pub(crate) fn word(&self) -> &'static str {
        match self.verdicts.overall() {
            Verdict::Missing => "missing",
            Verdict::Valid(_) => "valid",
            Verdict::Invalid(_) => "invalid",
        }
    }
}
