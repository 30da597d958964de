//! Keys that are made here: sealed at once, told to nobody, and known again when somebody signed their certificate.

use countersign_api::v1::edge_certificates::{KeyRequestInput, KeyType};
use countersign_pki::{IssueError, KeyAlgorithm, KeyWithRequest, Name, Subject};
use countersign_snapshot::{NamePattern, Secret, ServerCertificate};

use super::changes::{KEY_PAIR_COUNTER, KEY_PAIRS_MAX};
use crate::app::input::{Problems, invalid, short};
use crate::app::secrets::PrivateKey;
use crate::app::{Context, ErrorCode, ServiceError};
use crate::model::{Caller, EdgeCertificate, KeyPairId, KeyRequest};
use crate::store::{self, Write};

const NAMES_MAX: usize = 100;

/// Makes a key with the request for its certificate, before any transaction: RSA keys take a while.
pub(super) async fn make(input: &KeyRequestInput) -> Result<KeyWithRequest, ServiceError> {
    let names = names(input)?;
    let first = input.names.first().cloned();
    let mut subject = match input.common_name.clone().or(first) {
        Some(name) => Subject::common_name(name),
        None => Subject::default(),
    };
    if let Some(organization) = &input.organization {
        subject = subject.organization(organization);
    }
    if let Some(unit) = &input.organizational_unit {
        subject = subject.organizational_unit(unit);
    }
    if let Some(country) = &input.country {
        subject = subject.country(country);
    }
    let key = match input.key_type {
        KeyType::P256 => KeyAlgorithm::P256,
        KeyType::P384 => KeyAlgorithm::P384,
        KeyType::Ed25519 => KeyAlgorithm::Ed25519,
        KeyType::Rsa2048 => KeyAlgorithm::Rsa2048,
        KeyType::Rsa4096 => KeyAlgorithm::Rsa4096,
    };
    let made = move || KeyWithRequest::server(&subject, &names, key);
    let made = tokio::task::spawn_blocking(made)
        .await
        .map_err(ServiceError::internal)?;
    made.map_err(|error| match error {
        IssueError::Signing { .. } => ServiceError::internal(error),
        error => ServiceError::new(
            ErrorCode::InvalidField,
            format!("The request cannot be made: {error}."),
        )
        .at("/keyRequest"),
    })
}

fn names(input: &KeyRequestInput) -> Result<Vec<Name>, ServiceError> {
    let mut problems = Problems::default();
    if input.names.is_empty() || input.names.len() > NAMES_MAX {
        problems.add(
            "/keyRequest/names",
            "invalid-hostnames",
            format!(
                "A certificate covers 1 to {NAMES_MAX} names; {} are given.",
                input.names.len()
            ),
        );
    }
    let mut names = Vec::with_capacity(input.names.len());
    for (index, text) in input.names.iter().enumerate() {
        // Only what a client can ask the edge for.
        let is_name = text.parse::<NamePattern>().is_ok();
        match format!("dns:{text}").parse() {
            Ok(name) if is_name => names.push(name),
            _ => problems.add(
                format!("/keyRequest/names/{index}"),
                "invalid-hostname",
                format!("`{}` cannot be a hostname.", short(text)),
            ),
        }
    }
    problems.or(names).map_err(invalid)
}

/// Keeps a key until its certificate comes, in the caller's transaction.
pub(super) async fn keep(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    certificate: &mut EdgeCertificate,
    made: KeyWithRequest,
) -> Result<(), ServiceError> {
    if certificate.key_requests.len() >= KEY_PAIRS_MAX {
        return Err(ServiceError::new(
            ErrorCode::InvalidField,
            format!(
                "{KEY_PAIRS_MAX} keys wait for their certificates already; install those first."
            ),
        )
        .at("/keyRequest"));
    }
    let request_pem = made.request_pem().to_owned();
    let key = Secret::new(made.into_key_der());
    let request = KeyRequest {
        id: KeyPairId::new(write.next_number(KEY_PAIR_COUNTER).await?),
        request_pem,
        sealed_key: context
            .sealing_key
            .seal(ServerCertificate::SEAL_CONTEXT, &key)
            .map_err(ServiceError::internal)?,
        created_at: context.clock.now(),
        created_by: caller.name.clone(),
    };
    store::edge_certificates::insert_request(write.connection(), certificate.id, &request).await?;
    certificate.key_requests.push(request);
    Ok(())
}

/// The keys that an edge certificate has, those that wait for their certificates first.
pub(super) fn held(
    context: &Context,
    certificate: &EdgeCertificate,
) -> Result<Vec<PrivateKey>, ServiceError> {
    let waiting = certificate.key_requests.iter().map(|it| &it.sealed_key);
    let used = certificate.key_pairs.iter().map(|it| &it.sealed_key);
    let mut held = Vec::new();
    for sealed in waiting.chain(used) {
        let key = context
            .sealing_key
            .open(ServerCertificate::SEAL_CONTEXT, sealed)
            .map_err(ServiceError::internal)?;
        held.push(PrivateKey::from_pkcs8(key.expose()).map_err(ServiceError::internal)?);
    }
    Ok(held)
}

/// Forgets the requests whose certificates are there now.
pub(super) async fn forget_answered(
    context: &Context,
    write: &mut Write,
    certificate: &mut EdgeCertificate,
) -> Result<(), ServiceError> {
    let leaves: Vec<_> = certificate.leaves().cloned().collect();
    let mut open = Vec::new();
    for request in std::mem::take(&mut certificate.key_requests) {
        let key = context
            .sealing_key
            .open(ServerCertificate::SEAL_CONTEXT, &request.sealed_key)
            .map_err(ServiceError::internal)?;
        let key = PrivateKey::from_pkcs8(key.expose()).map_err(ServiceError::internal)?;
        if leaves.iter().any(|leaf| key.belongs_to(leaf.public_key())) {
            store::edge_certificates::delete_request(write.connection(), request.id).await?;
        } else {
            open.push(request);
        }
    }
    certificate.key_requests = open;
    Ok(())
}
