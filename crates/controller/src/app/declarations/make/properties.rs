//! Properties of a declaration.

use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::declaration::DeclaredProperty;

use super::{Making, not_among};
use crate::app::declarations::names::Unknown;
use crate::app::properties::{self, NewProperty, Properties, VersionPart};
use crate::app::sites::network_of;
use crate::app::{ServiceError, deployments};
use crate::model::{Deployable, Property, PropertyVersion};
use crate::store::{self, Write};

impl Making<'_> {
    pub(super) async fn property(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredProperty,
    ) -> Result<(), ServiceError> {
        let mut hostnames = declared.hostnames.clone();
        self.names.hostnames(&mut hostnames, Unknown::Refused)?;
        let mut rules = declared.rules.clone();
        self.names.rules(&mut rules, "", Unknown::Refused)?;
        let mut origins = declared.origins.clone();
        self.names.origins(&mut origins, Unknown::Refused)?;
        let rules = properties::normalise(VersionPart::Rules(rules.to_string()))?;
        let service = Properties::new(self.context);
        let account = &self.caller.account;
        let all = store::properties::list(write.connection(), account, None).await?;
        let known = all
            .into_iter()
            .find(|it| it.name.to_lowercase() == name.to_lowercase());
        let (property, is_new) = match known {
            Some(known) => {
                let id = known.id;
                let found = properties::find_in(write.connection(), self.caller, id).await?;
                (found, false)
            }
            None => {
                let new = NewProperty {
                    name: name.to_owned(),
                    ..NewProperty::default()
                };
                let made = service.insert(write, self.caller, new).await?;
                self.note("CREATE", "property", name, 1, None);
                (made, true)
            }
        };
        let number = property.latest_version;
        let mut version = properties::version_in(write.connection(), &property, number).await?;
        let is_same = version.hostnames == hostnames
            && version.origins == origins
            && matches!(&rules, VersionPart::Rules(rules) if *rules == version.rules);
        if !is_same {
            if version.frozen_at.is_some() {
                version = service
                    .next_version(write, self.caller, &property, None, None)
                    .await?;
            }
            let parts = vec![
                VersionPart::Hostnames(hostnames),
                VersionPart::Origins(origins),
                rules,
            ];
            version = service
                .edit_in(write, self.caller, &property, version, parts)
                .await?;
            if !is_new {
                self.note("UPDATE", "property", name, version.number, None);
            }
        }
        self.enforce_property(write, &property, &version, &declared.networks)
            .await
    }

    async fn enforce_property(
        &mut self,
        write: &mut Write,
        property: &Property,
        version: &PropertyVersion,
        networks: &[WireNetwork],
    ) -> Result<(), ServiceError> {
        let service = Properties::new(self.context);
        let name = property.name.as_str();
        for network in networks.iter().copied().map(network_of) {
            if property.coming_to(network) != Some(version.number) {
                service
                    .activate_in(write, self.caller, property, version, network)
                    .await?;
                self.note("ENFORCE", "property", name, version.number, Some(network));
            }
        }
        for network in not_among(networks) {
            if let Some(active) = property.coming_to(network) {
                deployments::forget(self.context, write, self.caller, property, network).await?;
                self.note("FORGET", "property", name, active, Some(network));
            }
        }
        Ok(())
    }
}
