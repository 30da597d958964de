//! Sites of a declaration.

use countersign_api::v1::declaration::DeclaredSite;

use super::{Making, not_among};
use crate::app::declarations::names::Unknown;
use crate::app::sites::{self, Sites, network_of};
use crate::app::{ServiceError, deployments};
use crate::model::Deployable;
use crate::store::{self, Write};

impl Making<'_> {
    pub(super) async fn site(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredSite,
    ) -> Result<(), ServiceError> {
        let mut settings = declared.settings.clone();
        self.names.site(&mut settings, Unknown::Refused)?;
        let service = Sites::new(self.context);
        let account = &self.caller.account;
        let known = store::sites::find_by_name(write.connection(), account, name).await?;
        let site = match known {
            Some(known) => {
                let known = sites::find_in(write.connection(), self.caller, known.id).await?;
                sites::keep_mtls(write, self.caller, &known, &mut settings).await?;
                if known.settings == settings {
                    known
                } else {
                    let changed = service
                        .put_in(write, self.caller, &known, known.clone(), settings)
                        .await?;
                    self.note("UPDATE", "site", name, changed.version, None);
                    changed
                }
            }
            None => {
                let new = service.new_in(write, self.caller, name).await?;
                sites::keep_mtls(write, self.caller, &new, &mut settings).await?;
                let made = service
                    .put_in(write, self.caller, &new.clone(), new, settings)
                    .await?;
                self.note("CREATE", "site", name, made.version, None);
                made
            }
        };
        for network in declared.networks.iter().copied().map(network_of) {
            if site.coming_to(network) != Some(site.version) {
                sites::deploy_in(self.context, write, self.caller, &site, network).await?;
                self.note("ENFORCE", "site", name, site.version, Some(network));
            }
        }
        for network in not_among(&declared.networks) {
            if let Some(version) = site.coming_to(network) {
                deployments::forget(self.context, write, self.caller, &site, network).await?;
                self.note("FORGET", "site", name, version, Some(network));
            }
        }
        Ok(())
    }
}
