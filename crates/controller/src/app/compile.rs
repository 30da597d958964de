//! From what a network is to enforce to its snapshot: a pure function, so that the same state always gives the same bytes.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::Arc;

use countersign_snapshot::{
    Binding, CaSet, CaSetId, CheckProblem, CheckedSnapshot, ClientAuthMode, Generation, Network,
    ServerCertificate, SignedSnapshot, SigningKey, Snapshot, SnapshotDigest,
};
use countersign_trust::UnixTime;

use super::edge_certificates::EnforcedEdgeCertificate;
use super::sites::{CheckedSite, Clients};
use crate::model::{EdgeCertificateId, SiteId};

/// What a network is to enforce. Cheap to clone: everything in it is shared.
#[derive(Clone, Debug, Default)]
pub(crate) struct NetworkState {
    pub(crate) ca_sets: BTreeMap<CaSetId, Arc<CaSet>>,
    pub(crate) edge_certificates: BTreeMap<EdgeCertificateId, Arc<EnforcedEdgeCertificate>>,
    pub(crate) sites: BTreeMap<SiteId, Arc<CheckedSite>>,
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
        let mut snapshot = self.compile(network)?;
        CheckedSnapshot::check(snapshot.clone())
            .map_err(|problems| CompileError(told(&problems)))?;
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
        let bindings = self
            .sites
            .iter()
            .map(|(id, site)| self.binding(*id, site))
            .collect::<Result<_, _>>()?;
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
            client_credentials: Vec::new(),
            origins: self
                .sites
                .iter()
                .map(|(id, site)| site.origin(made_id("site", id)))
                .collect(),
            bindings,
        })
    }

    fn binding(&self, id: SiteId, site: &CheckedSite) -> Result<Binding, CompileError> {
        let certificates = site
            .edge_certificates
            .iter()
            .map(|wanted| {
                self.edge_certificates.get(wanted).ok_or_else(|| {
                    CompileError(format!(
                        "site {id} needs the edge certificate {wanted}, which is not deployed"
                    ))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let first = certificates
            .first()
            .ok_or_else(|| CompileError(format!("site {id} has no edge certificate")))?;
        let clients = match &site.clients {
            Some(clients) => clients.clone(),
            None => Clients::of_edge_certificate(first.settings.client_auth.clone()),
        };
        let missing = (clients.auth.mode != ClientAuthMode::Off)
            .then(|| {
                clients
                    .auth
                    .ca_sets
                    .iter()
                    .find(|ca_set| !self.ca_sets.contains_key(ca_set))
            })
            .flatten();
        if let Some(ca_set) = missing {
            return Err(CompileError(format!(
                "site {id} needs the CA set {ca_set}, of which no version is active"
            )));
        }
        let origin = made_id("site", id);
        Ok(Binding {
            id: made_id("site", id),
            names: site.names.clone(),
            server_certificates: certificates
                .iter()
                .flat_map(|certificate| certificate.certificates.iter())
                .map(|certificate: &ServerCertificate| certificate.id.clone())
                .collect(),
            tls: site.tls.unwrap_or(first.settings.tls),
            rules: site.rules(&origin, Some(&clients)).to_json(),
            client_auth: clients.auth,
            origin,
            service: site.service.clone(),
        })
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
