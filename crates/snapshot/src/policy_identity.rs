//! When two bindings decide about clients in the same way.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use countersign_trust::Sha1Signatures;

use crate::wire;
use crate::{CaSet, ClientAuth, ClientAuthMode};

/// A hash of every input of a binding's client-auth policy: mode, CA sets with their versions, certificates and owners, key-usage rule,
/// revocation policy.
///
/// Equal identities mean that a client authenticated for one binding is authenticated for the other. It scopes session tickets (threats
/// C1.1–C1.5) and decides when a request for another name on the same connection is answered with 421 (threats C2.1, C2.5).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PolicyIdentity([u8; 32]);

impl PolicyIdentity {
    /// Computes the identity. `ca_sets` are those that the policy names, in its order.
    #[must_use]
    pub fn new<'a>(client_auth: &ClientAuth, ca_sets: impl IntoIterator<Item = &'a CaSet>) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(b"countersign policy identity v1\0");
        context.update(&[match client_auth.mode {
            ClientAuthMode::Off => 0,
            ClientAuthMode::Request => 1,
            ClientAuthMode::Require => 2,
        }]);
        // Without a certificate nothing else is an input: all bindings that never ask decide alike.
        if client_auth.mode != ClientAuthMode::Off {
            frame(&mut context, &wire::encode_policy(&client_auth.policy));
            // Order and repetition mean nothing in a set of trust stores or of certificates.
            let mut sets: Vec<Vec<u8>> = ca_sets.into_iter().map(ca_set_digest).collect();
            sets.sort_unstable();
            sets.dedup();
            for set in &sets {
                frame(&mut context, set);
            }
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }

    /// The raw hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn ca_set_digest(set: &CaSet) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(&set.id.number().to_be_bytes());
    context.update(&set.version.number().to_be_bytes());
    context.update(&[match set.sha1 {
        Sha1Signatures::Allow => 1,
        Sha1Signatures::Refuse => 0,
    }]);
    let mut certificates: Vec<&[u8]> = set.certificates.iter().map(Vec::as_slice).collect();
    certificates.sort_unstable();
    certificates.dedup();
    for certificate in certificates {
        frame(&mut context, certificate);
    }
    let policy = wire::encode_ca_set_policy(&set.policy);
    if !policy.is_empty() {
        frame(&mut context, &policy);
    }
    if let Some(owner) = &set.owner {
        context.update(b"owner\0");
        frame(&mut context, owner.as_str().as_bytes());
    }
    context.finish().as_ref().to_vec()
}

/// Length first, so that two lists of parts never hash alike.
fn frame(context: &mut Context, bytes: &[u8]) {
    context.update(&(bytes.len() as u64).to_be_bytes());
    context.update(bytes);
}

impl fmt::Display for PolicyIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PolicyIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyIdentity({self})")
    }
}
