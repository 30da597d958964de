//! From what a network is to enforce to its snapshot: a pure function, so that the same state always gives the same bytes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::Arc;

use countersign_snapshot::{
    CaSet, CaSetId, CheckProblem, CheckedSnapshot, ClientCredential, ClientCredentialId,
    ForwardingKey, Generation, Network, Origin, OriginId, PropertyVersion, SealedSecret,
    SignedSnapshot, SigningKey, Snapshot, SnapshotDigest,
};
use countersign_trust::UnixTime;

use super::edge_certificates::EnforcedEdgeCertificate;
use super::properties::CheckedProperty;
use super::sites::CheckedSite;
use crate::model::{CredentialId, EdgeCertificateId, PropertyId, SiteId};

pub(crate) use property::{EnforcedProperty, Hosts};

mod property;

/// What a network is to enforce. Cheap to clone: everything in it is shared.
#[derive(Clone, Debug, Default)]
pub(crate) struct NetworkState {
    pub(crate) ca_sets: BTreeMap<CaSetId, Arc<CaSet>>,
    pub(crate) client_credentials: BTreeMap<CredentialId, Arc<EnforcedCredential>>,
    pub(crate) edge_certificates: BTreeMap<EdgeCertificateId, Arc<EnforcedEdgeCertificate>>,
    pub(crate) properties: BTreeMap<PropertyId, Activated<CheckedProperty>>,
    pub(crate) sites: BTreeMap<SiteId, Activated<CheckedSite>>,
    pub(crate) forwarding_keys: Vec<ForwardingKey>,
}

/// The version of a property or site that a network has.
#[derive(Clone, Debug)]
pub(crate) struct Activated<T> {
    /// What logs call it.
    pub(crate) version: PropertyVersion,
    pub(crate) checked: Arc<T>,
    /// The versions of client credentials that it wants whichever the network has.
    pub(crate) pinned: Vec<(CredentialId, Arc<EnforcedCredential>)>,
}

/// A version of a client credential that a network has.
#[derive(Clone, Debug)]
pub(crate) struct EnforcedCredential {
    pub(crate) version: u32,
    /// DER, leaf first.
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: SealedSecret,
}

/// Why a state cannot be enforced, as a person is told.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the configuration of the network cannot be enforced: {0}")]
pub(crate) struct CompileError(String);

/// A snapshot that was compiled, checked and signed.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) generation: Generation,
    pub(crate) created: UnixTime,
    /// Equal exactly when the same is enforced.
    pub(crate) content: SnapshotDigest,
    pub(crate) signed: Arc<SignedSnapshot>,
}

impl NetworkState {
    /// Compiles, checks and signs. Takes as long as the state is large: not for an async thread.
    ///
    /// # Errors
    /// When something refers to what is not there; then nothing of the state may be enforced (invariant I1).
    pub(crate) fn publishable(
        &self,
        network: Network,
        generation: Generation,
        created: UnixTime,
        key: &SigningKey,
    ) -> Result<Compiled, CompileError> {
        let mut snapshot = self.checked(network)?;
        let content = key.sign(&snapshot).digest();
        snapshot.generation = generation;
        snapshot.created = created;
        Ok(Compiled {
            generation,
            created,
            content,
            signed: Arc::new(key.sign(&snapshot)),
        })
    }

    /// Compiles and checks, without a place in the order and a time. Takes as long as the state is large.
    ///
    /// # Errors
    /// As [`NetworkState::publishable`].
    pub(crate) fn checked(&self, network: Network) -> Result<Snapshot, CompileError> {
        let snapshot = self.compile(network)?;
        CheckedSnapshot::check(snapshot.clone())
            .map_err(|problems| CompileError(told(&problems)))?;
        Ok(snapshot)
    }

    /// The digest of what would be enforced.
    pub(crate) fn content(
        &self,
        network: Network,
        key: &SigningKey,
    ) -> Result<SnapshotDigest, CompileError> {
        Ok(key.sign(&self.compile(network)?).digest())
    }

    /// The snapshot, without its place in the order and its time.
    fn compile(&self, network: Network) -> Result<Snapshot, CompileError> {
        let mut bindings = Vec::new();
        let mut origins: Vec<Origin> = Vec::new();
        let mut places: HashMap<OriginId, usize> = HashMap::new();
        for property in self.enforced_properties() {
            bindings.extend(self.bindings(&property)?);
            for origin in property.origins {
                let place = places.get(&origin.id);
                match place.and_then(|place| origins.get(*place)) {
                    // An address that several rule trees write is one origin.
                    Some(known) if *known == origin => {}
                    Some(_) => {
                        return Err(CompileError(format!(
                            "two different origins are called {}",
                            origin.id
                        )));
                    }
                    None => {
                        places.insert(origin.id.clone(), origins.len());
                        origins.push(origin);
                    }
                }
            }
        }
        Ok(Snapshot {
            network,
            generation: Generation::new(0),
            created: UnixTime::from_micros(0),
            ca_sets: self.ca_sets.values().map(|set| CaSet::clone(set)).collect(),
            server_certificates: self
                .edge_certificates
                .values()
                .flat_map(|certificate| certificate.certificates.iter().cloned())
                .collect(),
            client_credentials: self.shown_credentials().into_values().collect(),
            origins,
            bindings,
            forwarding_keys: self.forwarding_keys.clone(),
        })
    }

    /// Each under the names by which origins and rules choose it: the version that the network has by that of the credential and its own,
    /// and those that are pinned by their own.
    fn shown_credentials(&self) -> BTreeMap<ClientCredentialId, ClientCredential> {
        let current = self.client_credentials.iter().flat_map(|(id, credential)| {
            let names: [ClientCredentialId; 2] =
                [made_id("client-credential", id), credential.own_name(*id)];
            names.map(|name| credential.under(name))
        });
        let properties = self.properties.values();
        let pinned = properties
            .flat_map(|property| &property.pinned)
            .map(|(id, credential)| credential.under(credential.own_name(*id)));
        let all = current.chain(pinned);
        all.map(|credential| (credential.id.clone(), credential))
            .collect()
    }

    /// Everything that has names, in a stable order: a site is a property in short form.
    fn enforced_properties(&self) -> impl Iterator<Item = EnforcedProperty> {
        let sites = self.sites.iter().map(|(id, site)| EnforcedProperty {
            version: Some(site.version.clone()),
            ..site.checked.as_property(*id, &self.edge_certificates)
        });
        let properties = self
            .properties
            .iter()
            .map(|(id, property)| EnforcedProperty {
                version: Some(property.version.clone()),
                ..property.checked.as_enforced(*id)
            });
        sites.chain(properties)
    }
}

impl EnforcedCredential {
    /// What it is called by those who want this version and no other.
    fn own_name(&self, id: CredentialId) -> ClientCredentialId {
        made_id("client-credential", format_args!("{id}-{}", self.version))
    }

    fn under(&self, id: ClientCredentialId) -> ClientCredential {
        ClientCredential {
            id,
            chain: self.chain.clone(),
            key: self.key.clone(),
        }
    }
}

/// The first few problems; the rest is counted.
fn told(problems: &[CheckProblem]) -> String {
    const SHOWN: usize = 5;
    let mut texts: Vec<_> = problems
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    if problems.len() > SHOWN {
        texts.push(format!("and {} more", problems.len() - SHOWN));
    }
    texts.join("; ")
}

/// An identifier within a snapshot, made of a word and a number.
#[expect(
    clippy::expect_used,
    reason = "a word, a hyphen and a decimal number are an identifier; callers pass nothing else"
)]
pub(crate) fn made_id<T: FromStr<Err: Debug>>(kind: &str, number: impl Display) -> T {
    format!("{kind}-{number}")
        .parse()
        .expect("a word, a hyphen and a number")
}

#[cfg(test)]
mod tests;
