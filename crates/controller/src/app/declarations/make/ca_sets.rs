//! CA sets of a declaration.

use countersign_api::v1::declaration::DeclaredCaSet;
use countersign_snapshot::{CaSetId, Network, VersionNumber};
use countersign_trust::Sha1Signatures;

use super::{Making, Uploads, not_among};
use crate::app::sites::network_of;
use crate::app::{Activations, CaSets, Context, NewCaSet, ServiceError, Versions, upload};
use crate::model::{ActivationKind, CaSet, Caller};
use crate::store::{self, Write};

/// Reads and judges its certificates.
pub(super) fn read_upload(
    context: &Context,
    caller: &Caller,
    uploads: &mut Uploads,
    name: &str,
    declared: &DeclaredCaSet,
) -> Result<(), ServiceError> {
    let (_, accepted) = upload::judge_text(
        &declared.certificates_pem,
        sha1(declared),
        context.clock.now(),
        &caller.name,
        "/certificatesPem",
    )?;
    uploads.ca_sets.insert(name.to_owned(), accepted);
    Ok(())
}

impl Making<'_> {
    /// The version with the declared certificates, old or new, becomes the active one.
    pub(super) async fn ca_set(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredCaSet,
    ) -> Result<(), ServiceError> {
        let accepted = self.uploads.ca_sets.remove(name);
        let account = &self.caller.account;
        let known = store::ca_sets::find_by_name(write.connection(), account, name).await?;
        let ca_set = match known {
            Some(ca_set) => ca_set,
            None => {
                let new = NewCaSet {
                    name: name.to_owned(),
                    description: declared.description.clone(),
                };
                let made = CaSets::new(self.context)
                    .insert(write, self.caller, new)
                    .await?;
                self.note("CREATE", "caSet", name, 0, None);
                self.names
                    .ca_sets
                    .insert(name.to_owned(), made.id.to_string());
                made
            }
        };
        let Some(accepted) = accepted else {
            return Ok(());
        };
        let certificates = &accepted.certificates;
        let same =
            store::versions::find_by_content(write.connection(), ca_set.id, certificates).await?;
        let number = match same {
            Some(number) => number,
            None => {
                let new = (None, sha1(declared));
                let version = Versions::new(self.context)
                    .create_in(write, self.caller, &ca_set, new, accepted)
                    .await?;
                let number = version.number;
                self.note("UPDATE", "caSet", name, number.number(), None);
                number
            }
        };
        for network in declared.networks.iter().copied().map(network_of) {
            if self.is_active(write, &ca_set, network).await? == Some(number) {
                continue;
            }
            let kind = ActivationKind::Activate;
            Activations::new(self.context)
                .request_in(write, self.caller, ca_set.id, number, network, kind)
                .await?;
            self.note("ENFORCE", "caSet", name, number.number(), Some(network));
        }
        Ok(())
    }

    /// The version that is active, or is about to be.
    async fn is_active(
        &self,
        write: &mut Write,
        ca_set: &CaSet,
        network: Network,
    ) -> Result<Option<VersionNumber>, ServiceError> {
        let running = store::activations::running_of(write.connection(), ca_set.id).await?;
        let running = running.iter().find(|it| it.network == network);
        Ok(match running {
            Some(running) if running.kind == ActivationKind::Activate => Some(running.version),
            Some(_) => None,
            None => ca_set.active_version(network),
        })
    }

    pub(super) async fn forget_ca_set(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredCaSet,
    ) -> Result<(), ServiceError> {
        let account = &self.caller.account;
        let known = store::ca_sets::find_by_name(write.connection(), account, name).await?;
        let Some(ca_set) = known else { return Ok(()) };
        for network in not_among(&declared.networks) {
            let Some(active) = ca_set.active_version(network) else {
                continue;
            };
            let kind = ActivationKind::Deactivate;
            let id: CaSetId = ca_set.id;
            Activations::new(self.context)
                .request_in(write, self.caller, id, active, network, kind)
                .await?;
            self.note("FORGET", "caSet", name, active.number(), Some(network));
        }
        Ok(())
    }
}

const fn sha1(declared: &DeclaredCaSet) -> Sha1Signatures {
    if declared.allow_insecure_sha1 {
        Sha1Signatures::Allow
    } else {
        Sha1Signatures::Refuse
    }
}
