//! Client credentials of a declaration.

use countersign_api::v1::client_credentials::ClientCredentialVersionInput;
use countersign_api::v1::declaration::DeclaredClientCredential;
use countersign_trust::parse_bundle;

use super::{Making, Uploads, not_among};
use crate::app::chain::CheckedChain;
use crate::app::client_credentials::{find_by_name, refuse_used};
use crate::app::sites::network_of;
use crate::app::{ClientCredentials, Context, ErrorCode, ServiceError, deployments};
use crate::model::{ClientCredential, CredentialVersion, Deployable};
use crate::store::Write;

/// Judges those whose keys are given.
pub(super) fn read_upload(
    context: &Context,
    uploads: &mut Uploads,
    name: &str,
    declared: &DeclaredClientCredential,
) -> Result<(), ServiceError> {
    let Some(key) = &declared.private_key_pem else {
        return Ok(());
    };
    let input = ClientCredentialVersionInput {
        certificate_pem: declared.certificate_pem.clone(),
        private_key_pem: key.clone(),
    };
    let (chain, _) = ClientCredentials::new(context).check(&input)?;
    uploads.client_credentials.insert(name.to_owned(), chain);
    Ok(())
}

impl Making<'_> {
    /// The version with the declared certificate, old or new, becomes the active one.
    pub(super) async fn client_credential(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredClientCredential,
    ) -> Result<(), ServiceError> {
        let service = ClientCredentials::new(self.context);
        let chain = self.uploads.client_credentials.remove(name);
        let needs = |chain: Option<CheckedChain>| chain.ok_or_else(|| needs_key(name));
        let (credential, number) = match find_by_name(write.connection(), self.caller, name).await?
        {
            None => {
                let made = service
                    .insert(write, self.caller, name, &needs(chain)?)
                    .await?;
                self.note("CREATE", "clientCredential", name, 1, None);
                let names = &mut self.names.client_credentials;
                names.insert(name.to_owned(), made.id.to_string());
                (made, 1)
            }
            Some(known) => match version_with(&known, declared)? {
                Some(number) => (known, number),
                None => {
                    let chain = needs(chain)?;
                    let (longer, number) = service
                        .insert_version(write, self.caller, known, &chain)
                        .await?;
                    self.note("UPDATE", "clientCredential", name, number, None);
                    (longer, number)
                }
            },
        };
        for network in declared.networks.iter().copied().map(network_of) {
            if credential.coming_to(network) != Some(number) {
                service
                    .activate_in(write, self.caller, &credential, network, Some(number))
                    .await?;
                self.note("ENFORCE", "clientCredential", name, number, Some(network));
            }
        }
        Ok(())
    }

    pub(super) async fn forget_client_credential(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredClientCredential,
    ) -> Result<(), ServiceError> {
        let known = find_by_name(write.connection(), self.caller, name).await?;
        let Some(credential) = known else {
            return Ok(());
        };
        for network in not_among(&declared.networks) {
            if let Some(version) = credential.coming_to(network) {
                refuse_used(write, &credential, Some(network)).await?;
                let (context, caller) = (self.context, self.caller);
                deployments::forget(context, write, caller, &credential, network).await?;
                self.note("FORGET", "clientCredential", name, version, Some(network));
            }
        }
        Ok(())
    }
}

/// The newest version that shows exactly the declared certificates; roots that came along are not shown.
fn version_with(
    known: &ClientCredential,
    declared: &DeclaredClientCredential,
) -> Result<Option<u32>, ServiceError> {
    let bundle = parse_bundle(declared.certificate_pem.as_bytes()).map_err(|error| {
        ServiceError::new(
            ErrorCode::ClientCredentialValidationFailure,
            format!("The certificate cannot be read: {error}."),
        )
        .at("/certificatePem")
    })?;
    let entries = &bundle.certificates;
    let is_shown = |version: &&CredentialVersion| {
        let has = |der: &[u8]| entries.iter().any(|it| it.certificate.der() == der);
        version.chain.iter().all(|it| has(it.der()))
    };
    let found = known.versions.iter().rev().find(is_shown);
    Ok(found.map(|version| version.number))
}

fn needs_key(name: &str) -> ServiceError {
    ServiceError::new(
        ErrorCode::InvalidField,
        format!("The client credential `{name}` has no version with this certificate yet, so its key is needed."),
    )
    .at("/privateKeyPem")
}
