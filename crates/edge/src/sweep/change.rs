//! Whom a change of trust concerns.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_snapshot::ClientAuthMode;
use countersign_trust::{Concern, PeerChain, RevocationChanges, RevocationIndex, crl_issuers};

use crate::connection::{Connection, Protocol, Why};
use crate::enforced::{Enforced, EnforcedBinding};
use crate::node::Node;
use crate::registry::{Mark, Standing, cas};
use crate::sweep::pace::Pace;

/// What all live connections were brought up to.
#[derive(Clone, Debug)]
pub(super) struct Swept {
    epoch: u64,
    revocation: Arc<RevocationIndex>,
}

impl Swept {
    pub(super) fn nothing(node: &Node) -> Self {
        Self {
            epoch: 0,
            revocation: node.tls.revocation(),
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// From what was swept to what is in force.
#[derive(Debug)]
pub(super) struct Change {
    from: u64,
    epoch: u64,
    enforced: Option<Arc<Enforced>>,
    revocation: Arc<RevocationIndex>,
    changes: RevocationChanges,
    fates: HashMap<Mark, (Arc<Standing>, Fate)>,
    /// Who is judged.
    marks: Vec<Mark>,
    /// Of whom those are judged that a CRL lists.
    listed: Vec<Mark>,
    why: Why,
}

/// What a change means for the connections of a standing.
#[derive(Debug)]
enum Fate {
    /// The verdicts are what they were.
    Kept(Arc<EnforcedBinding>),
    /// Nothing that was let in has to end; what else the verdicts are now is seen with the next request.
    Goes(Arc<EnforcedBinding>),
    /// Only judging tells.
    Open,
}

impl Change {
    pub(super) fn begin(node: &Node, swept: &Swept) -> Self {
        // Read first: what comes in between is swept again.
        let (epoch, why) = (node.epoch(), node.take_why());
        let (enforced, revocation) = (node.enforced(), node.tls.revocation());
        let changes = revocation.changes_since(&swept.revocation, node.now());
        let mut listed = Vec::new();
        let fates: HashMap<_, _> = node
            .registry
            .standings()
            .into_iter()
            .map(|(mark, standing)| {
                let concern = concern(&standing, &changes);
                let fate = match concern {
                    Concern::All => Fate::Open,
                    Concern::Listed | Concern::None => fate(&standing, enforced.as_deref()),
                };
                if concern == Concern::Listed {
                    listed.push(mark);
                }
                (mark, (standing, fate))
            })
            .collect();
        let open = fates
            .iter()
            .filter(|(_, (_, fate))| matches!(fate, Fate::Open));
        let keys = node.registry.keys();
        let named = [
            changes
                .certificates()
                .map(|certificate| Mark::of_certificate(keys, certificate))
                .collect::<Vec<_>>(),
            changes.keys().map(|key| Mark::of_key(keys, key)).collect(),
            changes
                .serials()
                .map(|serial| Mark::of_serial(keys, serial))
                .collect(),
        ];
        Self {
            marks: open
                .map(|(mark, _)| *mark)
                .chain(named.into_iter().flatten())
                .collect(),
            listed,
            from: swept.epoch,
            epoch,
            enforced,
            revocation,
            changes,
            fates,
            why,
        }
    }

    /// Judges those whom the change may concern, in one of so many parts.
    pub(super) fn judge(&self, node: &Node, part: usize, parts: usize) {
        let mut pace = Pace::new();
        let judge = |connection: &Connection| {
            connection.swept() < self.epoch && connection.sweep(&self.why)
        };
        node.registry
            .marked(part, parts, &self.marks, |connection| {
                pace.step(judge(connection));
            });
        let changes = &self.changes;
        node.registry
            .marked(part, parts, &self.listed, |connection| {
                let leaf = connection.peer().chain().map(PeerChain::leaf);
                let listed = leaf.is_some_and(|leaf| changes.lists(leaf));
                pace.step(listed && judge(connection));
            });
    }

    /// Tells the others that they are, so that their next request finds it so, and that nothing of what was in force stays in memory.
    pub(super) fn bring_up_to_date(&self, node: &Node) {
        let mut pace = Pace::new();
        node.registry.for_each(|connection, standing| {
            pace.step(self.bring(connection, standing));
        });
        let Some(enforced) = &self.enforced else {
            return;
        };
        for (mark, (standing, _)) in &self.fates {
            if let Some(binding) = enforced.resolve(&standing.server_name) {
                let standing = standing.under(binding.trust().clone());
                node.registry.replace_standing(*mark, Arc::new(standing));
            }
        }
    }

    /// Gives whether the connection ends.
    fn bring(&self, connection: &Connection, standing: Mark) -> bool {
        let swept = connection.swept();
        if swept >= self.epoch {
            return false;
        }
        if Self::decides_now(connection) {
            return connection.sweep(&self.why);
        }
        let fate = self.fates.get(&standing).map(|(_, fate)| fate);
        // One that was not brought up to where this change begins knows less than the change takes for granted.
        match (fate, &self.enforced) {
            (Some(Fate::Kept(binding)), Some(enforced)) if swept >= self.from => {
                // A refusal may be none any more.
                let kept = self.changes.is_empty() || connection.latest().verdicts().none_refused();
                connection.carry(enforced, binding, self.epoch, kept);
                false
            }
            (Some(Fate::Goes(binding)), Some(enforced)) if swept >= self.from => {
                connection.carry(enforced, binding, self.epoch, false);
                false
            }
            _ => connection.sweep(&self.why),
        }
    }

    /// Rules decide about a request when it comes; about bytes that are passed on they decide now.
    fn decides_now(connection: &Connection) -> bool {
        connection.protocol() == Protocol::Tcp
    }

    pub(super) fn swept(&self) -> Swept {
        Swept {
            epoch: self.epoch,
            revocation: Arc::clone(&self.revocation),
        }
    }
}

fn concern(standing: &Standing, changes: &RevocationChanges) -> Concern {
    let concerns = standing.valid.iter().map(|(_, chain)| {
        let issuers = chain.path().first().map(crl_issuers).unwrap_or_default();
        changes.concern(cas(chain), issuers)
    });
    concerns.max().unwrap_or(Concern::None)
}

/// As far as the snapshot goes.
fn fate(standing: &Standing, enforced: Option<&Enforced>) -> Fate {
    let Some(binding) = enforced.and_then(|enforced| enforced.resolve(&standing.server_name))
    else {
        return Fate::Open;
    };
    let (old, new) = (&standing.context, binding.trust());
    if old.policy_identity() == new.policy_identity() {
        return Fate::Kept(Arc::clone(binding));
    }
    // Whom nobody vouched for has nothing to lose, except where somebody has to.
    let kept = if standing.valid.is_empty() {
        new.mode() != ClientAuthMode::Require
    } else {
        standing
            .valid
            .iter()
            .any(|(ca_set, chain)| new.keeps(old, *ca_set, chain.anchor()))
    };
    let begins_to_ask = old.mode() == ClientAuthMode::Off && new.mode() != ClientAuthMode::Off;
    if kept && !begins_to_ask {
        Fate::Goes(Arc::clone(binding))
    } else {
        Fate::Open
    }
}
