//! Edge certificates in the making: uploads are checked, then the certificate changes inside a transaction.

use countersign_api::v1::edge_certificates::{CertificateUpload, EdgeCertificateSettings};
use countersign_snapshot::ServerCertificate;
use countersign_trust::Certificate;
use serde_json::{Value, json};

use crate::app::chain::{self, ChainPurpose, CheckedChain, Keys, names};
use crate::app::input::{check_name, invalid};
use crate::app::secrets::PrivateKey;
use crate::app::sites::CheckedEdgeCertificate;
use crate::app::{Context, ErrorCode, ServiceError, change, deployments};
use crate::model::{
    Caller, EdgeCertificate, EdgeCertificateId, KeyPair, KeyPairId, SiteId, Warning,
};
use crate::store::{self, Write};

const COUNTER: &str = "edge_certificate";
pub(super) const KEY_PAIR_COUNTER: &str = "key_pair";
pub(super) const KEY_PAIRS_MAX: usize = 8;

/// Reads and checks chains with their keys, before any transaction: it takes time. A key that does not come along is looked for among those
/// that are held.
pub(crate) async fn check_uploads(
    context: &Context,
    caller: &Caller,
    uploads: &[CertificateUpload],
    held: &[PrivateKey],
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
        let keys = match upload.private_key_pem.expose() {
            "" => Keys::Held(held),
            pem => Keys::Given(pem),
        };
        // A single upload of a site is no list.
        let place = if pointer == "/certificates" {
            format!("{pointer}/{index}")
        } else {
            pointer.to_owned()
        };
        let purpose = ChainPurpose::Server;
        match chain::check(&upload.certificate_pem, keys, &known, purpose, now) {
            Ok(checked) => {
                let remarks = checked.remarks.iter();
                warnings.extend(remarks.map(|remark| remark.warning(&place)));
                chains.push(checked);
            }
            Err(problems) => items.extend(problems.into_iter().map(|it| it.item(&place))),
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
        key_requests: Vec::new(),
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
    store::edge_certificates::put(write.connection(), &after)
        .await
        .map_err(|error| {
            error.or_not_unique(|| {
                ServiceError::new(
                    ErrorCode::EdgeCertificateNameNotUnique,
                    format!("Another edge certificate is called `{}`.", after.name),
                )
                .at("/name")
            })
        })?;
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
        "keyRequests": certificate.key_requests.len(),
        "ownerSite": certificate.owner_site.map(SiteId::number),
        "certificates": certificate
            .leaves()
            .map(|leaf| json!({
                "sha256": leaf.fingerprint().to_string(),
                "subject": leaf.subject().to_rfc2253(),
                "notAfter": leaf.validity().not_after.to_string(),
            }))
            .collect::<Vec<_>>(),
    })
}
