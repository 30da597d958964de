//! Makes things as a declaration says, in one transaction, and writes down what was changed.

mod ca_sets;
mod client_credentials;
mod edge_certificates;
mod properties;
mod sites;

use std::collections::BTreeMap;

use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::declaration::{Declaration, DeclaredChange};
use countersign_snapshot::Network;

use super::affected::wire;
use super::names::Names;
use super::places::Section;
use crate::app::chain::CheckedChain;
use crate::app::upload::Accepted;
use crate::app::{Context, ServiceError, edge_certificates as all_edge_certificates};
use crate::model::Caller;
use crate::store::ca_sets::CaSetFilter;
use crate::store::{self, Write};

/// What had to be judged before the transaction, since it takes time.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    ca_sets: BTreeMap<String, Accepted>,
    /// Those whose keys are given.
    edge_certificates: BTreeMap<String, Vec<CheckedChain>>,
    /// Those whose key is given.
    client_credentials: BTreeMap<String, CheckedChain>,
}

/// A declaration on its way to be true.
pub(super) struct Making<'a> {
    context: &'a Context,
    caller: &'a Caller,
    declaration: &'a Declaration,
    uploads: Uploads,
    names: Names,
    pub(super) changes: Vec<DeclaredChange>,
}

/// Reads and judges the certificates of a declaration.
pub(super) async fn read_uploads(
    context: &Context,
    caller: &Caller,
    declaration: &Declaration,
) -> Result<Uploads, ServiceError> {
    let mut uploads = Uploads::default();
    for (name, declared) in &declaration.ca_sets {
        ca_sets::read_upload(context, caller, &mut uploads, name, declared)
            .map_err(|error| Section::CaSets.refuses(name, error))?;
    }
    for (name, declared) in &declaration.edge_certificates {
        edge_certificates::read_upload(context, caller, &mut uploads, name, declared)
            .await
            .map_err(|error| Section::EdgeCertificates.refuses(name, error))?;
    }
    for (name, declared) in &declaration.client_credentials {
        client_credentials::read_upload(context, &mut uploads, name, declared)
            .map_err(|error| Section::ClientCredentials.refuses(name, error))?;
    }
    Ok(uploads)
}

impl<'a> Making<'a> {
    pub(super) fn new(
        context: &'a Context,
        caller: &'a Caller,
        declaration: &'a Declaration,
        uploads: Uploads,
    ) -> Self {
        Self {
            context,
            caller,
            declaration,
            uploads,
            names: Names::default(),
            changes: Vec::new(),
        }
    }

    /// What others need comes first when it is made, and last when it goes.
    /// What others need comes first when it is made, and last when it goes.
    pub(super) async fn everything(&mut self, write: &mut Write) -> Result<(), ServiceError> {
        let declaration = self.declaration;
        self.learn_names(write).await?;
        for (name, declared) in &declaration.ca_sets {
            let made = self.ca_set(write, name, declared).await;
            made.map_err(|error| Section::CaSets.refuses(name, error))?;
        }
        for (name, declared) in &declaration.edge_certificates {
            let made = self.edge_certificate(write, name, declared).await;
            made.map_err(|error| Section::EdgeCertificates.refuses(name, error))?;
        }
        for (name, declared) in &declaration.client_credentials {
            let made = self.client_credential(write, name, declared).await;
            made.map_err(|error| Section::ClientCredentials.refuses(name, error))?;
        }
        for (name, declared) in &declaration.sites {
            let made = self.site(write, name, declared).await;
            made.map_err(|error| Section::Sites.refuses(name, error))?;
        }
        for (name, declared) in &declaration.properties {
            let made = self.property(write, name, declared).await;
            made.map_err(|error| Section::Properties.refuses(name, error))?;
        }
        for (name, declared) in &declaration.client_credentials {
            let gone = self.forget_client_credential(write, name, declared).await;
            gone.map_err(|error| Section::ClientCredentials.keeps(name, error))?;
        }
        for (name, declared) in &declaration.edge_certificates {
            let gone = self.forget_edge_certificate(write, name, declared).await;
            gone.map_err(|error| Section::EdgeCertificates.keeps(name, error))?;
        }
        for (name, declared) in &declaration.ca_sets {
            let gone = self.forget_ca_set(write, name, declared).await;
            gone.map_err(|error| Section::CaSets.keeps(name, error))?;
        }
        Ok(())
    }

    async fn learn_names(&mut self, write: &mut Write) -> Result<(), ServiceError> {
        let account = &self.caller.account;
        let filter = CaSetFilter::default();
        for set in store::ca_sets::list(write.connection(), account, &filter).await? {
            self.names.ca_sets.insert(set.name, set.id.to_string());
        }
        for certificate in all_edge_certificates::all_in(write.connection(), self.caller).await? {
            let names = &mut self.names.edge_certificates;
            names.insert(certificate.name, certificate.id.to_string());
        }
        for credential in store::client_credentials::list(write.connection(), account, None).await?
        {
            let names = &mut self.names.client_credentials;
            names.insert(credential.name, credential.id.to_string());
        }
        Ok(())
    }

    fn note(
        &mut self,
        action: &str,
        kind: &str,
        name: &str,
        version: u32,
        network: Option<Network>,
    ) {
        self.changes.push(DeclaredChange {
            action: action.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            version,
            network: network.map(wire),
        });
    }
}

fn not_among(networks: &[WireNetwork]) -> impl Iterator<Item = Network> + '_ {
    Network::ALL
        .into_iter()
        .filter(|network| !networks.contains(&wire(*network)))
}
