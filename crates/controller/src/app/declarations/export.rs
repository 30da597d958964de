//! What there is, as a declaration.

use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::declaration::{
    Declaration, DeclaredCaSet, DeclaredCertificate, DeclaredClientCredential,
    DeclaredEdgeCertificate, DeclaredProperty, DeclaredSite,
};
use countersign_snapshot::Network;
use countersign_trust::{Sha1Signatures, to_pem};
use sqlx::SqliteConnection;

use super::affected::wire;
use super::names::{Names, Unknown};
use crate::app::sites::hide_mtls;
use crate::app::{ServiceError, deployments, edge_certificates, features, properties};
use crate::model::{Caller, Deployed, Feature};
use crate::store;
use crate::store::ca_sets::CaSetFilter;

/// The newest state of everything. A network that has an older one is listed all the same: to apply the declaration brings it up to date.
pub(super) async fn declaration(
    read: &mut SqliteConnection,
    caller: &Caller,
) -> Result<Declaration, ServiceError> {
    let mut declaration = Declaration::default();
    let mut names = Names::default();
    let account = &caller.account;
    for set in store::ca_sets::list(read, account, &CaSetFilter::default()).await? {
        names.ca_sets.insert(set.id.to_string(), set.name.clone());
        let Some(number) = set.latest_version else {
            // It holds nothing yet, so there is nothing to declare.
            continue;
        };
        let version = store::versions::find(read, set.id, number).await?;
        let held = store::versions::certificates(read, set.id, number).await?;
        let networks = Network::ALL
            .into_iter()
            .filter(|network| set.active_version(*network).is_some());
        let declared = DeclaredCaSet {
            description: set.description.clone(),
            allow_insecure_sha1: version.is_some_and(|it| it.sha1 == Sha1Signatures::Allow),
            certificates_pem: held.iter().map(|it| to_pem(&it.der)).collect(),
            networks: networks.map(wire).collect(),
        };
        declaration.ca_sets.insert(set.name, declared);
    }
    for certificate in edge_certificates::all_in(read, caller).await? {
        names
            .edge_certificates
            .insert(certificate.id.to_string(), certificate.name.clone());
        let mut settings = certificate.settings.clone();
        names.edge_certificate(&mut settings, Unknown::Stays)?;
        let certificates = certificate
            .key_pairs
            .iter()
            .map(|pair| DeclaredCertificate {
                certificate_pem: pair.chain.iter().map(|it| to_pem(it.der())).collect(),
                private_key_pem: None,
            });
        let declared = DeclaredEdgeCertificate {
            certificates: certificates.collect(),
            settings,
            networks: networks(&certificate.networks),
        };
        declaration
            .edge_certificates
            .insert(certificate.name, declared);
    }
    let credentials = store::client_credentials::list(read, account, None).await?;
    for credential in deployments::with_networks(read, caller, credentials).await? {
        names
            .client_credentials
            .insert(credential.id.to_string(), credential.name.clone());
        let Some(newest) = credential.versions.last() else {
            continue;
        };
        let declared = DeclaredClientCredential {
            certificate_pem: newest.chain.iter().map(|it| to_pem(it.der())).collect(),
            private_key_pem: None,
            networks: networks(&credential.networks),
        };
        declaration
            .client_credentials
            .insert(credential.name, declared);
    }
    let shows_mtls = features::has(read, caller, Feature::SiteConfigMtls).await?;
    let sites = store::sites::list(read, account, None).await?;
    for site in deployments::with_networks(read, caller, sites).await? {
        let mut settings = site.settings;
        if !shows_mtls {
            hide_mtls(&mut settings);
        }
        names.site(&mut settings, Unknown::Stays)?;
        let networks = networks(&site.networks);
        let declared = DeclaredSite { settings, networks };
        declaration.sites.insert(site.name, declared);
    }
    let all = store::properties::list(read, account, None).await?;
    for property in deployments::with_networks(read, caller, all).await? {
        let newest = property.latest_version;
        let version = properties::version_in(read, &property, newest).await?;
        let mut hostnames = version.hostnames;
        names.hostnames(&mut hostnames, Unknown::Stays)?;
        let mut rules =
            serde_json::from_str(&version.rules).map_err(crate::store::StoreError::from)?;
        names.rules(&mut rules, "", Unknown::Stays)?;
        let mut origins = version.origins;
        names.origins(&mut origins, Unknown::Stays)?;
        let declared = DeclaredProperty {
            hostnames,
            origins,
            rules,
            networks: networks(&property.networks),
        };
        declaration.properties.insert(property.name, declared);
    }
    Ok(declaration)
}

fn networks(deployed: &[Deployed]) -> Vec<WireNetwork> {
    Network::ALL
        .into_iter()
        .filter(|network| {
            let mut there = deployed.iter().filter(|it| it.network == *network);
            there.any(|it| it.version.is_some())
        })
        .map(wire)
        .collect()
}
