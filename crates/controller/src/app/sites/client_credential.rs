//! The client credential that a site brings along: named after the site, made with the first certificate, given its next version by another.

use countersign_snapshot::Network;

use crate::app::chain::CheckedChain;
use crate::app::client_credentials::{find_by_name, others_than};
use crate::app::{ClientCredentials, Context, ErrorCode, ServiceError};
use crate::model::{Caller, CredentialId, Deployable, DeploymentKind, Site};
use crate::store::Write;

pub(super) const POINTER: &str = "/clientCredential";

/// Makes sure, in the caller's transaction, that the site's credential has this certificate and that the networks are asked to show it.
pub(super) async fn ensure(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    site: &Site,
    chain: &CheckedChain,
    networks: &[Network],
) -> Result<CredentialId, ServiceError> {
    let service = ClientCredentials::new(context);
    let known = find_by_name(write.connection(), caller, &site.name).await?;
    let (credential, version) = match known {
        None => {
            let made = service.insert(write, caller, &site.name, chain).await?;
            (made, 1)
        }
        Some(known) => {
            // One that others show is not changed behind their backs, even when its name fits.
            let site = (DeploymentKind::Site, site.name.as_str());
            let others = others_than(write, known.id, site).await?;
            if !others.is_empty() {
                return Err(ServiceError::new(
                    ErrorCode::ClientCredentialNameNotUnique,
                    format!(
                        "The client credential `{}` exists already and is shown by {}; give it another version yourself and name it in `origin.clientCredentialId`.",
                        known.name,
                        others.join(", ")
                    ),
                )
                .at(POINTER)
                .with("clientCredentialId", known.id.to_string()));
            }
            let mut versions = known.versions.iter().rev();
            match versions.find(|version| version.chain == chain.chain) {
                Some(same) => {
                    let number = same.number;
                    (known, number)
                }
                None => service.insert_version(write, caller, known, chain).await?,
            }
        }
    };
    for network in networks {
        if credential.coming_to(*network) != Some(version) {
            let version = Some(version);
            service
                .activate_in(write, caller, &credential, *network, version)
                .await
                .map_err(|error| error.below(POINTER))?;
        }
    }
    Ok(credential.id)
}
