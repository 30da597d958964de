//! Properties: hostnames with a rule tree, in versions that are activated like those of CA sets.

mod activate;
mod checked;
mod walk;

use std::collections::BTreeMap;

use countersign_api::v1::properties::PropertyHostname;
use countersign_api::v1::sites::SiteOrigin;
use countersign_rules::{Rule, RuleFormat, RuleTree};
use serde_json::{Value, json};

pub(crate) use checked::{CheckedProperty, PropertyBody};
pub use checked::{Finding, Findings};

use super::input::{check_name, short};
use super::{
    Context, ErrorCode, ErrorItem, ServiceError, change, client_credentials, deployments,
    edge_certificates,
};
use crate::model::{
    Caller, CredentialReference, EdgeCertificateId, Property, PropertyId, PropertyVersion,
};
use crate::store::{self, Write};

/// The same as that of sites: to what uses a CA set, a site is a property.
const COUNTER: &str = "site";
const VERSIONS_MAX: u32 = 500;
const NOTE_MAX_CHARS: usize = 255;

/// The properties of accounts.
#[derive(Clone, Copy, Debug)]
pub struct Properties<'c> {
    context: &'c Context,
}

/// A property that is to be made.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NewProperty {
    /// Its name; never changes.
    pub name: String,
    /// The rule format of version 1.
    pub rule_format: RuleFormat,
    /// What version 1 is a copy of.
    pub clone_from: Option<(PropertyId, u32)>,
}

/// A part of a version, as it is to be.
#[derive(Clone, Debug, PartialEq)]
pub enum VersionPart {
    /// The server names.
    Hostnames(Vec<PropertyHostname>),
    /// The origins that rules choose by id.
    Origins(BTreeMap<String, SiteOrigin>),
    /// The rule tree, JSON as it was written.
    Rules(String),
}

impl<'c> Properties<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Makes a property with its version 1: a copy, or hostnames and rules to be filled in.
    ///
    /// # Errors
    /// When the name is not good or not free, or there is nothing to copy.
    pub async fn create(
        &self,
        caller: &Caller,
        new: NewProperty,
    ) -> Result<Property, ServiceError> {
        let mut write = self.context.store.write().await?;
        let property = self.insert(&mut write, caller, new).await?;
        write.commit().await?;
        Ok(property)
    }

    /// The account's properties, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Property>, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        let all = store::properties::list(&mut read, &caller.account, None).await?;
        Ok(deployments::with_networks(&mut read, caller, all).await?)
    }

    /// One property.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn find(&self, caller: &Caller, id: PropertyId) -> Result<Property, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        find_in(&mut read, caller, id).await
    }

    /// Takes a property away; its activated versions stay in the history.
    ///
    /// # Errors
    /// When a network has it.
    pub async fn delete(&self, caller: &Caller, id: PropertyId) -> Result<(), ServiceError> {
        let mut write = self.context.store.write().await?;
        self.delete_in(&mut write, caller, id).await?;
        write.commit().await?;
        Ok(())
    }

    /// Makes a version as a copy of another one; of the newest when none is named.
    ///
    /// # Errors
    /// When there is no such property or version, or the property has as many as it may.
    pub async fn create_version(
        &self,
        caller: &Caller,
        id: PropertyId,
        from: Option<u32>,
        note: Option<String>,
    ) -> Result<PropertyVersion, ServiceError> {
        let mut write = self.context.store.write().await?;
        let property = find_in(write.connection(), caller, id).await?;
        let version = self
            .next_version(&mut write, caller, &property, from, note)
            .await?;
        write.commit().await?;
        Ok(version)
    }

    /// The versions of a property, newest first.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn versions(
        &self,
        caller: &Caller,
        id: PropertyId,
    ) -> Result<(Property, Vec<PropertyVersion>), ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        let property = find_in(&mut read, caller, id).await?;
        let versions = store::properties::versions(&mut read, id, None).await?;
        Ok((property, versions))
    }

    /// One version.
    ///
    /// # Errors
    /// When there is none.
    pub async fn version(
        &self,
        caller: &Caller,
        id: PropertyId,
        number: u32,
    ) -> Result<(Property, PropertyVersion), ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        let property = find_in(&mut read, caller, id).await?;
        let version = version_in(&mut read, &property, number).await?;
        Ok((property, version))
    }

    /// One version with everything that is known to be wrong with it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn judged(
        &self,
        caller: &Caller,
        id: PropertyId,
        number: u32,
    ) -> Result<(PropertyVersion, Findings), ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        let property = find_in(&mut read, caller, id).await?;
        let version = version_in(&mut read, &property, number).await?;
        let (_, findings) = judge(&mut read, caller, &version).await?;
        Ok((version, findings))
    }

    /// Replaces a part of a version. It is kept with what is wrong with it, which only stands against its activation.
    ///
    /// # Errors
    /// When there is no such version, it is frozen, it was changed since the caller saw it, or rules are not in the form of rules.
    pub async fn edit(
        &self,
        caller: &Caller,
        id: PropertyId,
        number: u32,
        seen: Option<&str>,
        part: VersionPart,
    ) -> Result<(Property, PropertyVersion, Findings), ServiceError> {
        let part = normalise(part)?;
        let mut write = self.context.store.write().await?;
        let property = find_in(write.connection(), caller, id).await?;
        let before = version_in(write.connection(), &property, number).await?;
        if seen.is_some_and(|seen| seen != before.tag()) {
            return Err(changed_meanwhile(&property, &before));
        }
        let version = self
            .edit_in(&mut write, caller, &property, before, vec![part])
            .await?;
        let (_, findings) = judge(write.connection(), caller, &version).await?;
        write.commit().await?;
        Ok((property, version, findings))
    }

    pub(crate) async fn insert(
        &self,
        write: &mut Write,
        caller: &Caller,
        new: NewProperty,
    ) -> Result<Property, ServiceError> {
        check_name(&new.name).map_err(|error| error.at("/propertyName"))?;
        let source = match new.clone_from {
            Some((id, number)) => {
                let property = find_in(write.connection(), caller, id).await?;
                Some(version_in(write.connection(), &property, number).await?)
            }
            None => None,
        };
        let at = self.context.clock.now();
        let property = Property {
            id: PropertyId::new(write.next_number(COUNTER).await?),
            account: caller.account.clone(),
            name: new.name,
            latest_version: 1,
            created_at: at,
            created_by: caller.name.clone(),
            networks: Vec::new(),
        };
        store::properties::insert(write.connection(), &property)
            .await
            .map_err(|error| {
                error.or_not_unique(|| {
                    ServiceError::new(
                        ErrorCode::PropertyNameNotUnique,
                        format!("Another property is called `{}`.", short(&property.name)),
                    )
                    .at("/propertyName")
                })
            })?;
        let version = PropertyVersion {
            property: property.id,
            number: 1,
            edit: 1,
            note: None,
            created_from: None,
            hostnames: Vec::new(),
            origins: source
                .as_ref()
                .map(|source| source.origins.clone())
                .unwrap_or_default(),
            // Hostnames belong to one property only, so a copy begins without.
            rules: source.map_or_else(|| empty_rules(new.rule_format), |source| source.rules),
            created_at: at,
            created_by: caller.name.clone(),
            modified_at: None,
            modified_by: None,
            frozen_at: None,
        };
        store::properties::put_version(write.connection(), &version).await?;
        write
            .record(&change(
                caller,
                at,
                "property.create",
                resource(property.id),
                None,
                Some(json!({"name": property.name})),
            ))
            .await?;
        self.record_version(write, caller, "property.create-version", None, &version)
            .await?;
        Ok(property)
    }

    pub(crate) async fn delete_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        id: PropertyId,
    ) -> Result<(), ServiceError> {
        let property = find_in(write.connection(), caller, id).await?;
        deployments::refuse_deployed(&property)?;
        let at = self.context.clock.now();
        store::properties::delete(write.connection(), id, at, &caller.name).await?;
        let before = Some(json!({"name": property.name}));
        let record = change(caller, at, "property.delete", resource(id), before, None);
        write.record(&record).await?;
        Ok(())
    }

    pub(crate) async fn next_version(
        &self,
        write: &mut Write,
        caller: &Caller,
        property: &Property,
        from: Option<u32>,
        note: Option<String>,
    ) -> Result<PropertyVersion, ServiceError> {
        if note
            .as_ref()
            .is_some_and(|note| note.chars().count() > NOTE_MAX_CHARS)
        {
            let detail = format!("A note has at most {NOTE_MAX_CHARS} characters.");
            return Err(ServiceError::new(ErrorCode::InvalidField, detail).at("/note"));
        }
        if property.latest_version >= VERSIONS_MAX {
            return Err(ServiceError::new(
                ErrorCode::PropertyVersionLimitReached,
                format!(
                    "The property `{}` has {VERSIONS_MAX} versions; clone it into a new one.",
                    property.name
                ),
            )
            .with("propertyId", property.id.to_string()));
        }
        let from = from.unwrap_or(property.latest_version);
        let source = version_in(write.connection(), property, from).await?;
        let version = PropertyVersion {
            number: property.latest_version.saturating_add(1),
            edit: 1,
            note,
            created_from: Some(from),
            created_at: self.context.clock.now(),
            created_by: caller.name.clone(),
            modified_at: None,
            modified_by: None,
            frozen_at: None,
            ..source
        };
        store::properties::put_version(write.connection(), &version).await?;
        self.record_version(write, caller, "property.create-version", None, &version)
            .await?;
        Ok(version)
    }

    /// Replaces parts of a version that is not frozen. Rules must have come through [`normalise`].
    pub(crate) async fn edit_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        property: &Property,
        before: PropertyVersion,
        parts: Vec<VersionPart>,
    ) -> Result<PropertyVersion, ServiceError> {
        if before.frozen_at.is_some() {
            return Err(ServiceError::new(
                ErrorCode::PropertyVersionFrozen,
                format!(
                    "Version {} of the property `{}` was activated and never changes; make a new version from it.",
                    before.number, property.name
                ),
            )
            .with("propertyId", property.id.to_string())
            .with("version", before.number));
        }
        let mut version = before.clone();
        for part in parts {
            match part {
                VersionPart::Hostnames(hostnames) => version.hostnames = hostnames,
                VersionPart::Origins(origins) => version.origins = origins,
                VersionPart::Rules(rules) => version.rules = rules,
            }
        }
        version.edit += 1;
        version.modified_at = Some(self.context.clock.now());
        version.modified_by = Some(caller.name.clone());
        store::properties::put_version(write.connection(), &version).await?;
        let action = "property.edit-version";
        self.record_version(write, caller, action, Some(&before), &version)
            .await?;
        Ok(version)
    }

    async fn record_version(
        &self,
        write: &mut Write,
        caller: &Caller,
        action: &'static str,
        before: Option<&PropertyVersion>,
        after: &PropertyVersion,
    ) -> Result<(), ServiceError> {
        write
            .record(&change(
                caller,
                self.context.clock.now(),
                action,
                format!("{}/version/{}", resource(after.property), after.number),
                before.map(version_state),
                Some(version_state(after)),
            ))
            .await?;
        Ok(())
    }
}

/// Rules as they are kept: read strictly, and written again.
pub(crate) fn normalise(part: VersionPart) -> Result<VersionPart, ServiceError> {
    let VersionPart::Rules(text) = part else {
        return Ok(part);
    };
    match RuleTree::from_json(&text) {
        Ok(tree) => Ok(VersionPart::Rules(tree.to_json())),
        Err(problems) => Err(ServiceError::new(
            ErrorCode::JsonSchemaValidationError,
            "The body is not in the form of a rule tree, so nothing was saved.",
        )
        .with_items(
            problems
                .iter()
                .map(|problem| item(&Finding::of(problem)))
                .collect(),
        )),
    }
}

/// Everything that is known about a version: from itself, and from what it refers to.
pub(crate) async fn judge(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    version: &PropertyVersion,
) -> Result<(Option<CheckedProperty>, Findings), ServiceError> {
    let (checked, mut findings) =
        CheckedProperty::check(&version.hostnames, &version.origins, &version.rules);
    let references = match &checked {
        Some(checked) => checked.references.clone(),
        None => match RuleTree::from_json(&version.rules) {
            Ok(tree) => walk::References::of(&tree),
            Err(_) => walk::References::default(),
        },
    };
    let named_sets = [&references.ca_sets, &references.compared_ca_sets];
    for named in named_sets.into_iter().flatten() {
        let Ok(id) = named.name.parse() else { continue };
        let found = store::ca_sets::find(connection, &caller.account, id).await?;
        if found.is_none_or(|set| set.status != crate::model::CaSetStatus::NotDeleted) {
            findings.error(
                &named.pointer,
                "unknown_ca_set",
                format!("The account has no CA set {id}."),
                "Write the id of a CA set; `countersign ca-set list` shows them.",
            );
        }
    }
    for named in &references.credentials {
        let found = match CredentialReference::from_text(&named.name) {
            Some(reference) => client_credentials::exists(connection, caller, reference).await?,
            None => false,
        };
        if found {
            continue;
        }
        findings.error(
            &named.pointer,
            "unknown_client_credential",
            format!(
                "The account has no client credential or version of one called `{}`.",
                short(&named.name)
            ),
            "Write the reference of a client credential or of one of its versions; `countersign client-credential show NAME` shows them.",
        );
    }
    for (index, host) in version.hostnames.iter().enumerate() {
        let pattern = host.hostname.parse().ok();
        for (position, text) in host.edge_certificate_ids.iter().enumerate() {
            let pointer = format!("/hostnames/{index}/edgeCertificateIds/{position}");
            let Some(id) = EdgeCertificateId::from_text(text) else {
                continue;
            };
            let certificate = edge_certificates::find_in(connection, caller, id).await;
            match certificate {
                Ok(certificate) => {
                    let uncovered = pattern
                        .iter()
                        .find(|pattern| !edge_certificates::covers_all(&certificate, pattern));
                    if let Some(pattern) = uncovered {
                        findings.error(
                            pointer,
                            "hostname_not_covered",
                            format!(
                                "The edge certificate `{}` does not cover `{pattern}`.",
                                certificate.name
                            ),
                            "Name another edge certificate, or renew it with the name.",
                        );
                    }
                }
                Err(error) if error.code == ErrorCode::EdgeCertificateNotFound => {
                    findings.error(
                        pointer,
                        "unknown_edge_certificate",
                        error.detail,
                        "Write the id of an edge certificate; `countersign certificate list` shows them.",
                    );
                }
                Err(error) => return Err(error),
            }
        }
    }
    let checked = checked.filter(|_| findings.errors.is_empty());
    Ok((checked, findings))
}

/// A finding as one of several problems of a request.
pub(crate) fn item(finding: &Finding) -> ErrorItem {
    let mut context = serde_json::Map::new();
    context.insert("remedy".to_owned(), finding.remedy.as_str().into());
    ErrorItem {
        code: finding.code.replace('_', "-"),
        title: "The property cannot be activated as it is.".to_owned(),
        detail: format!("{} {}", finding.detail, finding.remedy),
        pointer: Some(finding.pointer.clone()),
        context,
    }
}

pub(crate) async fn find_in(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    id: PropertyId,
) -> Result<Property, ServiceError> {
    let found = store::properties::list(connection, &caller.account, Some(id)).await?;
    let found = deployments::with_networks(connection, caller, found).await?;
    found.into_iter().next().ok_or_else(|| {
        ServiceError::new(
            ErrorCode::PropertyNotFound,
            format!("The account has no property {id}."),
        )
        .with("propertyId", id.to_string())
    })
}

pub(crate) async fn version_in(
    connection: &mut sqlx::SqliteConnection,
    property: &Property,
    number: u32,
) -> Result<PropertyVersion, ServiceError> {
    let found = store::properties::versions(connection, property.id, Some(number)).await?;
    found.into_iter().next().ok_or_else(|| {
        ServiceError::new(
            ErrorCode::PropertyVersionNotFound,
            format!(
                "The property `{}` has no version {number}; its newest is {}.",
                property.name, property.latest_version
            ),
        )
        .with("propertyId", property.id.to_string())
        .with("version", number)
    })
}

fn changed_meanwhile(property: &Property, version: &PropertyVersion) -> ServiceError {
    ServiceError::new(
        ErrorCode::PreconditionFailed,
        format!(
            "Version {} of the property `{}` was changed since you read it; read it again.",
            version.number, property.name
        ),
    )
    .with("etag", version.tag())
}

fn empty_rules(rule_format: RuleFormat) -> String {
    RuleTree {
        rules: Rule {
            name: "default".to_owned(),
            ..Rule::default()
        },
        rule_format,
        comments: None,
    }
    .to_json()
}

fn resource(id: PropertyId) -> String {
    format!("property/{id}")
}

fn version_state(version: &PropertyVersion) -> Value {
    let rules = serde_json::from_str(&version.rules).unwrap_or(Value::Null);
    json!({
        "edit": version.edit,
        "note": version.note,
        "hostnames": version.hostnames,
        "origins": version.origins,
        "rules": rules,
    })
}
