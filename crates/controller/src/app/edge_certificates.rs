//! Edge certificates: what the edge presents to clients, and how it asks them for theirs.

mod chain;

use countersign_api::v1::edge_certificates::{
    CertificateUpload, EdgeCertificateInput, EdgeCertificateSettings,
};
use countersign_snapshot::{NamePattern, Network, ServerCertificate};
use countersign_trust::{Certificate, UnixTime};
use serde_json::{Value, json};

pub(crate) use chain::{
    ChainPurpose, CheckedChain, check as check_chain, covers, left_is_little, names,
};

use super::deployments::{self, Subject};
use super::materials::EdgeCertificateBody;
use super::sites::{CheckedEdgeCertificate, short};
use super::{Context, ErrorCode, ErrorItem, ServiceError, change};
use crate::model::{
    Caller, Deployed, Deployment, DeploymentAction, DeploymentId, DeploymentKind, EdgeCertificate,
    EdgeCertificateId, KeyPair, KeyPairId, SiteId, Warning, on_network,
};
use crate::store::holdings::HeldName;
use crate::store::{self, Write};

const COUNTER: &str = "edge_certificate";
const KEY_PAIR_COUNTER: &str = "key_pair";
const NAME_MAX_CHARS: usize = 255;
const KEY_PAIRS_MAX: usize = 8;

/// What a network enforces of an edge certificate.
#[derive(Clone, Debug)]
pub(crate) struct EnforcedEdgeCertificate {
    pub(crate) settings: CheckedEdgeCertificate,
    /// Best first; never empty.
    pub(crate) certificates: Vec<ServerCertificate>,
}

/// The edge certificates of accounts.
#[derive(Clone, Copy, Debug)]
pub struct EdgeCertificates<'c> {
    context: &'c Context,
}

impl<'c> EdgeCertificates<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Makes an edge certificate; no network presents it before it is deployed.
    ///
    /// # Errors
    /// When a chain or a key cannot be used, a setting is not good, or the name is not free.
    pub async fn create(
        &self,
        caller: &Caller,
        input: &EdgeCertificateInput,
    ) -> Result<(EdgeCertificate, Vec<Warning>), ServiceError> {
        let (chains, warnings) =
            check_uploads(self.context, caller, &input.certificates, "/certificates").await?;
        let mut write = self.context.store.write().await?;
        let certificate = insert(
            self.context,
            &mut write,
            caller,
            input.name.as_deref(),
            &chains,
            &input.settings,
            None,
        )
        .await?;
        write.commit().await?;
        Ok((certificate, warnings))
    }

    /// The account's edge certificates, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<EdgeCertificate>, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        all_in(&mut read, caller).await
    }

    /// One edge certificate.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn find(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
    ) -> Result<EdgeCertificate, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        find_in(&mut read, caller, id).await
    }

    /// Changes name and settings, and the certificates when some are given; networks go on with what they have until it is deployed again.
    ///
    /// # Errors
    /// For the reasons of [`EdgeCertificates::create`], or when the account has none with that id.
    pub async fn replace(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
        input: &EdgeCertificateInput,
    ) -> Result<(EdgeCertificate, Vec<Warning>), ServiceError> {
        let uploads = if input.certificates.is_empty() {
            (Vec::new(), Vec::new())
        } else {
            check_uploads(self.context, caller, &input.certificates, "/certificates").await?
        };
        let (chains, warnings) = uploads;
        let mut write = self.context.store.write().await?;
        let certificate = find_in(write.connection(), caller, id).await?;
        let certificate = update(
            self.context,
            &mut write,
            caller,
            certificate,
            input.name.as_deref(),
            &chains,
            &input.settings,
        )
        .await?;
        write.commit().await?;
        Ok((certificate, warnings))
    }

    /// Removes an edge certificate and its keys for good.
    ///
    /// # Errors
    /// When a network has it, or a site or property names it: all of them are named.
    pub async fn delete(&self, caller: &Caller, id: EdgeCertificateId) -> Result<(), ServiceError> {
        let mut write = self.context.store.write().await?;
        let certificate = find_in(write.connection(), caller, id).await?;
        refuse_deployed(&certificate.name, &certificate.networks)?;
        let text = id.to_string();
        let sites = store::sites::list(write.connection(), &caller.account, None).await?;
        let mut users: Vec<_> = sites
            .into_iter()
            .filter(|site| site.settings.edge_certificate_ids.contains(&text))
            .map(|site| site.name)
            .collect();
        let account = &caller.account;
        users.extend(
            store::properties::naming_edge_certificate(write.connection(), account, &text).await?,
        );
        if !users.is_empty() {
            return Err(in_use(&certificate, &users));
        }
        remove_for_good(self.context, &mut write, caller, &certificate).await?;
        write.commit().await?;
        Ok(())
    }

    /// Asks a network to present it as it is now.
    ///
    /// # Errors
    /// When a CA set that it needs is not active there, a site's hostname is not covered, a certificate has expired, or a deployment of it
    /// is in progress.
    pub async fn deploy(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
        network: Network,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let certificate = find_in(write.connection(), caller, id).await?;
        let deployment = deploy_in(self.context, &mut write, caller, &certificate, network).await?;
        write.commit().await?;
        self.context.work.notify_waiters();
        Ok(deployment)
    }

    /// Asks a network to forget it.
    ///
    /// # Errors
    /// When a site or property presents it there: all of them are named; or when the network does not have it.
    pub async fn remove(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
        network: Network,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let certificate = find_in(write.connection(), caller, id).await?;
        let users = store::holdings::of_edge_certificate(write.connection(), id, network).await?;
        refuse_in_use(&certificate, &users)?;
        let deployment = remove_in(self.context, &mut write, caller, &certificate, network).await?;
        write.commit().await?;
        self.context.work.notify_waiters();
        Ok(deployment)
    }

    /// Its deployments, newest first.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn deployments(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
    ) -> Result<Vec<Deployment>, ServiceError> {
        self.find(caller, id).await?;
        let mut read = self.context.store.read().await?;
        let kind = DeploymentKind::EdgeCertificate;
        Ok(store::deployments::list(&mut read, kind, id.number()).await?)
    }

    /// One of its deployments.
    ///
    /// # Errors
    /// When there is none with that number.
    pub async fn deployment(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
        deployment: DeploymentId,
    ) -> Result<Deployment, ServiceError> {
        self.find(caller, id).await?;
        let mut read = self.context.store.read().await?;
        let kind = DeploymentKind::EdgeCertificate;
        store::deployments::find(&mut read, kind, id.number(), deployment)
            .await?
            .ok_or_else(|| deployment_not_found(deployment))
    }
}

/// Reads and checks chains with their keys, before any transaction: it takes time.
pub(crate) async fn check_uploads(
    context: &Context,
    caller: &Caller,
    uploads: &[CertificateUpload],
    pointer: &str,
) -> Result<(Vec<CheckedChain>, Vec<Warning>), ServiceError> {
    if uploads.is_empty() || uploads.len() > KEY_PAIRS_MAX {
        return Err(ServiceError::new(
            ErrorCode::InvalidField,
            format!("An edge certificate needs 1 to {KEY_PAIRS_MAX} certificates with their keys; {} are given.", uploads.len()),
        )
        .at(pointer));
    }
    let known: Vec<Certificate> = {
        let mut read = context.store.read().await?;
        store::edge_certificates::list(&mut read, &caller.account, None)
            .await?
            .into_iter()
            .flat_map(|certificate| certificate.key_pairs)
            .flat_map(|pair| pair.chain.into_iter().skip(1))
            .collect()
    };
    let now = context.clock.now();
    let (mut chains, mut items, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    for (index, upload) in uploads.iter().enumerate() {
        let key = upload.private_key_pem.expose();
        // A single upload of a site is no list.
        let place = if pointer == "/certificates" {
            format!("{pointer}/{index}")
        } else {
            pointer.to_owned()
        };
        let purpose = ChainPurpose::Server;
        match chain::check(&upload.certificate_pem, key, &known, purpose, now) {
            Ok(checked) => {
                warnings.extend(checked.remarks.iter().map(|remark| Warning {
                    code: remark.code.to_owned(),
                    title: "About the certificate chain.".to_owned(),
                    detail: remark.detail.clone(),
                    pointer: Some(format!("{place}/certificatePem")),
                    context: serde_json::Map::new(),
                }));
                chains.push(checked);
            }
            Err(problems) => items.extend(problems.into_iter().map(|problem| ErrorItem {
                code: problem.code.to_owned(),
                title: "The certificate or its key cannot be used.".to_owned(),
                detail: problem.detail,
                pointer: Some(format!("{place}/{}", problem.field.name())),
                context: serde_json::Map::new(),
            })),
        }
    }
    if items.is_empty() {
        Ok((chains, warnings))
    } else {
        Err(ServiceError::new(
            ErrorCode::EdgeCertificateValidationFailure,
            "A certificate or its key cannot be used.",
        )
        .with_items(items))
    }
}

/// Adds an edge certificate in the caller's transaction.
pub(crate) async fn insert(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    name: Option<&str>,
    chains: &[CheckedChain],
    settings: &EdgeCertificateSettings,
    owner_site: Option<SiteId>,
) -> Result<EdgeCertificate, ServiceError> {
    let certificate = EdgeCertificate {
        id: EdgeCertificateId::new(write.next_number(COUNTER).await?),
        account: caller.account.clone(),
        name: name.map_or_else(|| first_name(chains), str::to_owned),
        version: 0,
        settings: EdgeCertificateSettings::default(),
        owner_site,
        key_pairs: Vec::new(),
        created_at: context.clock.now(),
        created_by: caller.name.clone(),
        modified_at: None,
        modified_by: None,
        networks: Vec::new(),
    };
    update(context, write, caller, certificate, None, chains, settings).await
}

/// Gives an edge certificate its next version in the caller's transaction. Without chains it keeps its keys.
pub(crate) async fn update(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    before: EdgeCertificate,
    name: Option<&str>,
    chains: &[CheckedChain],
    settings: &EdgeCertificateSettings,
) -> Result<EdgeCertificate, ServiceError> {
    let checked = CheckedEdgeCertificate::new(settings).map_err(invalid)?;
    for id in &checked.client_auth.ca_sets {
        store::ca_sets::find(write.connection(), &caller.account, *id)
            .await?
            .ok_or_else(|| {
                deployments::unknown_ca_set(*id, "/settings/mutualAuthentication/caSetId")
            })?;
    }
    let at = context.clock.now();
    let is_new = before.version == 0;
    let mut after = before.clone();
    after.version += 1;
    after.settings = settings.clone();
    if let Some(name) = name {
        name.clone_into(&mut after.name);
    }
    if !is_new {
        after.modified_at = Some(at);
        after.modified_by = Some(caller.name.clone());
    }
    check_name(&after.name)?;
    if !chains.is_empty() {
        after.key_pairs.clear();
    }
    for chain in chains {
        after.key_pairs.push(KeyPair {
            id: KeyPairId::new(write.next_number(KEY_PAIR_COUNTER).await?),
            chain: chain.chain.clone(),
            sealed_key: context
                .sealing_key
                .seal(ServerCertificate::SEAL_CONTEXT, &chain.key.pkcs8)
                .map_err(ServiceError::internal)?,
        });
    }
    match store::edge_certificates::put(write.connection(), &after).await {
        Err(error) if error.is_unique_violation() => {
            return Err(ServiceError::new(
                ErrorCode::EdgeCertificateNameNotUnique,
                format!("Another edge certificate is called `{}`.", after.name),
            )
            .at("/name"));
        }
        other => other?,
    }
    if !chains.is_empty() {
        let pairs = &after.key_pairs;
        store::edge_certificates::replace_keys(write.connection(), after.id, pairs, at).await?;
    }
    write
        .record(&change(
            caller,
            at,
            if is_new {
                "edge-certificate.create"
            } else {
                "edge-certificate.update"
            },
            resource(after.id),
            (!is_new).then(|| state(&before)),
            Some(state(&after)),
        ))
        .await?;
    Ok(after)
}

/// Asks a network, in the caller's transaction, to present the certificate as it is.
pub(crate) async fn deploy_in(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    certificate: &EdgeCertificate,
    network: Network,
) -> Result<Deployment, ServiceError> {
    let checked = CheckedEdgeCertificate::new(&certificate.settings).map_err(invalid)?;
    let pointer = "/settings/mutualAuthentication/caSetId";
    let ca_sets = &checked.client_auth.ca_sets;
    deployments::require_active(write, caller, network, ca_sets, pointer).await?;
    let users =
        store::holdings::of_edge_certificate(write.connection(), certificate.id, network).await?;
    let patterns: Vec<NamePattern> = users
        .iter()
        .filter_map(|user| user.pattern.parse().ok())
        .collect();
    require_presentable(certificate, &patterns, context.clock.now())?;
    let body = serde_json::to_string(&EdgeCertificateBody {
        settings: certificate.settings.clone(),
        key_pairs: certificate
            .key_pairs
            .iter()
            .map(|pair| pair.id.number())
            .collect(),
    })
    .map_err(ServiceError::internal)?;
    deployments::request(
        context,
        write,
        caller,
        subject(certificate),
        network,
        DeploymentAction::Deploy,
        &body,
    )
    .await
}

/// Asks a network, in the caller's transaction, to forget the certificate.
pub(crate) async fn remove_in(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    certificate: &EdgeCertificate,
    network: Network,
) -> Result<Deployment, ServiceError> {
    let version = on_network(&certificate.networks, network).and_then(|it| it.version);
    let Some(version) = version else {
        return Err(not_deployed(&certificate.name, network));
    };
    let subject = Subject {
        version,
        ..subject(certificate)
    };
    let action = DeploymentAction::Remove;
    deployments::request(context, write, caller, subject, network, action, "{}").await
}

/// Refuses a certificate that has expired or does not cover a name that it is to be presented for.
pub(crate) fn require_presentable(
    certificate: &EdgeCertificate,
    patterns: &[NamePattern],
    now: UnixTime,
) -> Result<(), ServiceError> {
    for leaf in certificate
        .key_pairs
        .iter()
        .filter_map(|pair| pair.chain.first())
    {
        let until = leaf.validity().not_after;
        if until < now {
            return Err(ServiceError::new(
                ErrorCode::EdgeCertificateValidationFailure,
                format!(
                    "A certificate of `{}` expired at {until}; upload a new one.",
                    certificate.name
                ),
            )
            .with("edgeCertificateId", certificate.id.to_string()));
        }
        let uncovered: Vec<_> = patterns
            .iter()
            .filter(|pattern| !covers(leaf, pattern))
            .map(ToString::to_string)
            .collect();
        if !uncovered.is_empty() {
            let covered: Vec<_> = names(leaf).iter().map(ToString::to_string).collect();
            return Err(ServiceError::new(
                ErrorCode::EdgeCertificateValidationFailure,
                format!(
                    "The edge certificate `{}` does not cover {}; it covers {}.",
                    certificate.name,
                    uncovered.join(", "),
                    covered.join(", ")
                ),
            )
            .with("edgeCertificateId", certificate.id.to_string())
            .with("hostnames", uncovered));
        }
    }
    Ok(())
}

/// The account's edge certificates, by name.
pub(crate) async fn all_in(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
) -> Result<Vec<EdgeCertificate>, ServiceError> {
    let mut certificates =
        store::edge_certificates::list(connection, &caller.account, None).await?;
    let kind = DeploymentKind::EdgeCertificate;
    let deployed = store::deployments::deployed(connection, kind, &caller.account, None).await?;
    let mut by_id = by_subject(deployed);
    for certificate in &mut certificates {
        certificate.networks = by_id.remove(&certificate.id.number()).unwrap_or_default();
    }
    Ok(certificates)
}

/// Whether each of its certificates may be presented for all names of a pattern.
pub(crate) fn covers_all(certificate: &EdgeCertificate, pattern: &NamePattern) -> bool {
    let mut leaves = certificate
        .key_pairs
        .iter()
        .filter_map(|pair| pair.chain.first());
    leaves.all(|leaf| covers(leaf, pattern))
}

pub(crate) async fn find_in(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    id: EdgeCertificateId,
) -> Result<EdgeCertificate, ServiceError> {
    let found = store::edge_certificates::list(connection, &caller.account, Some(id)).await?;
    let mut certificate = found.into_iter().next().ok_or_else(|| not_found(id))?;
    let kind = DeploymentKind::EdgeCertificate;
    certificate.networks =
        store::deployments::deployed(connection, kind, &caller.account, Some(id.number()))
            .await?
            .into_iter()
            .map(|(_, deployed)| deployed)
            .collect();
    Ok(certificate)
}

pub(crate) async fn remove_for_good(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    certificate: &EdgeCertificate,
) -> Result<(), ServiceError> {
    store::edge_certificates::delete(write.connection(), certificate.id).await?;
    write
        .record(&change(
            caller,
            context.clock.now(),
            "edge-certificate.delete",
            resource(certificate.id),
            Some(state(certificate)),
            None,
        ))
        .await?;
    Ok(())
}

/// Refuses when a network enforces something or is about to.
pub(crate) fn refuse_deployed(name: &str, networks: &[Deployed]) -> Result<(), ServiceError> {
    let places: Vec<_> = networks
        .iter()
        .filter(|deployed| {
            let is_running = deployed
                .latest
                .as_ref()
                .is_some_and(|it| it.status == crate::model::ActivationStatus::InProgress);
            deployed.version.is_some() || is_running
        })
        .map(|deployed| deployed.network.as_str())
        .collect();
    if places.is_empty() {
        return Ok(());
    }
    Err(ServiceError::new(
        ErrorCode::StillDeployed,
        format!(
            "`{name}` is deployed on {}; remove it there first.",
            places.join(" and ")
        ),
    )
    .with(
        "networks",
        places
            .iter()
            .map(|place| place.to_ascii_uppercase())
            .collect::<Vec<_>>(),
    ))
}

pub(crate) fn by_subject(
    deployed: Vec<(i64, Deployed)>,
) -> std::collections::HashMap<i64, Vec<Deployed>> {
    let mut by_subject: std::collections::HashMap<i64, Vec<Deployed>> =
        std::collections::HashMap::new();
    for (subject, deployed) in deployed {
        by_subject.entry(subject).or_default().push(deployed);
    }
    by_subject
}

pub(crate) fn invalid(items: Vec<ErrorItem>) -> ServiceError {
    let error = ServiceError::new(ErrorCode::InvalidField, "A setting is not good.");
    match items.first().and_then(|item| item.pointer.clone()) {
        Some(pointer) => error.at(pointer),
        None => error,
    }
    .with_items(items)
}

pub(crate) fn not_deployed(name: &str, network: Network) -> ServiceError {
    ServiceError::new(
        ErrorCode::NotDeployed,
        format!("`{name}` is not deployed on {network}."),
    )
    .with("network", network.as_str().to_ascii_uppercase())
}

pub(crate) fn deployment_not_found(id: DeploymentId) -> ServiceError {
    ServiceError::new(
        ErrorCode::DeploymentNotFound,
        format!("There is no deployment {id} of it."),
    )
}

/// Refuses a name that nobody could type.
pub(crate) fn check_name(name: &str) -> Result<(), ServiceError> {
    let length = name.chars().count();
    if (1..=NAME_MAX_CHARS).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ServiceError::new(
        ErrorCode::InvalidField,
        format!("`{}` cannot be a name: 1 to {NAME_MAX_CHARS} characters, none of them a control character.", short(name)),
    )
    .at("/name"))
}

fn subject(certificate: &EdgeCertificate) -> Subject<'_> {
    Subject {
        kind: DeploymentKind::EdgeCertificate,
        id: certificate.id.number(),
        name: &certificate.name,
        version: certificate.version,
    }
}

fn first_name(chains: &[CheckedChain]) -> String {
    chains
        .iter()
        .filter_map(|checked| checked.chain.first())
        .find_map(|leaf| names(leaf).first().map(ToString::to_string))
        .unwrap_or_default()
}

fn resource(id: EdgeCertificateId) -> String {
    format!("edge-certificate/{id}")
}

/// What the logs keep: certificates by fingerprint, keys not at all.
fn state(certificate: &EdgeCertificate) -> Value {
    json!({
        "name": certificate.name,
        "version": certificate.version,
        "settings": certificate.settings,
        "ownerSite": certificate.owner_site.map(SiteId::number),
        "certificates": certificate
            .key_pairs
            .iter()
            .filter_map(|pair| pair.chain.first())
            .map(|leaf| json!({
                "sha256": leaf.fingerprint().to_string(),
                "subject": leaf.subject().to_rfc2253(),
                "notAfter": leaf.validity().not_after.to_string(),
            }))
            .collect::<Vec<_>>(),
    })
}

fn not_found(id: EdgeCertificateId) -> ServiceError {
    ServiceError::new(
        ErrorCode::EdgeCertificateNotFound,
        format!("The account has no edge certificate {id}."),
    )
    .with("edgeCertificateId", id.to_string())
}

/// Refuses to take an edge certificate away from those that present it.
pub(crate) fn refuse_in_use(
    certificate: &EdgeCertificate,
    users: &[HeldName],
) -> Result<(), ServiceError> {
    if users.is_empty() {
        return Ok(());
    }
    let users: Vec<_> = users
        .iter()
        .map(|user| format!("{} ({})", user.name, user.pattern))
        .collect();
    Err(in_use(certificate, &users))
}

fn in_use(certificate: &EdgeCertificate, users: &[String]) -> ServiceError {
    ServiceError::new(
        ErrorCode::EdgeCertificateInUse,
        format!(
            "The edge certificate `{}` is presented by {}; change or remove them first.",
            certificate.name,
            users.join(", ")
        ),
    )
    .with("edgeCertificateId", certificate.id.to_string())
    .with("sites", users.to_vec())
}
