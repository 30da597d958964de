//! Where an edge certificate is presented, and what stands against that or against the end of it.

use countersign_snapshot::{NamePattern, Network};
use countersign_trust::UnixTime;

use crate::app::chain::{covers, names};
use crate::app::deployments::{self, Subject};
use crate::app::input::invalid;
use crate::app::materials::EdgeCertificateBody;
use crate::app::sites::CheckedEdgeCertificate;
use crate::app::{Context, ErrorCode, ServiceError};
use crate::model::{Caller, Deployment, DeploymentAction, EdgeCertificate};
use crate::store::holdings::HeldName;
use crate::store::{self, Write};

/// Asks a network, in the caller's transaction, to present the certificate as it is.
pub(crate) async fn deploy_in(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    certificate: &EdgeCertificate,
    network: Network,
) -> Result<Deployment, ServiceError> {
    require_deployable(context, write, caller, certificate, network).await?;
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
        Subject::of(certificate, certificate.version),
        network,
        DeploymentAction::Deploy,
        &body,
    )
    .await
}

/// Refuses what a network could not present, or not for everybody who presents it there.
pub(super) async fn require_deployable(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    certificate: &EdgeCertificate,
    network: Network,
) -> Result<(), ServiceError> {
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
    require_presentable(certificate, &patterns, context.clock.now())
}

/// Refuses a certificate that has expired or does not cover a name that it is to be presented for.
pub(crate) fn require_presentable(
    certificate: &EdgeCertificate,
    patterns: &[NamePattern],
    now: UnixTime,
) -> Result<(), ServiceError> {
    if certificate.key_pairs.is_empty() {
        return Err(ServiceError::new(
            ErrorCode::EdgeCertificateValidationFailure,
            format!(
                "`{}` has no certificate yet; have its request signed and install what comes back.",
                certificate.name
            ),
        )
        .with("edgeCertificateId", certificate.id.to_string()));
    }
    for leaf in certificate.leaves() {
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

/// Whether each of its certificates may be presented for all names of a pattern.
pub(crate) fn covers_all(certificate: &EdgeCertificate, pattern: &NamePattern) -> bool {
    certificate.leaves().all(|leaf| covers(leaf, pattern))
}

/// The edge certificate that covers all hostnames of a site which names none, by its id; no id when there is none.
///
/// # Errors
/// When several do: which one is meant is for a person to say.
pub(crate) fn the_one_for_all(
    known: &[EdgeCertificate],
    hostnames: &[String],
    now: UnixTime,
) -> Result<Vec<String>, ServiceError> {
    let names = hostnames.iter().map(|name| name.parse());
    let Ok(patterns) = names.collect::<Result<Vec<NamePattern>, _>>() else {
        return Ok(Vec::new());
    };
    let covering: Vec<_> = known
        .iter()
        // A site's own comes and goes with that site.
        .filter(|it| it.owner_site.is_none() && !it.key_pairs.is_empty() && !patterns.is_empty())
        .filter(|it| it.leaves().all(|leaf| leaf.validity().not_after > now))
        .filter(|it| patterns.iter().all(|pattern| covers_all(it, pattern)))
        .collect();
    if covering.len() > 1 {
        let names: Vec<_> = covering
            .iter()
            .map(|it| format!("`{}` ({})", it.name, it.id))
            .collect();
        return Err(ServiceError::new(
            ErrorCode::InvalidField,
            format!(
                "Several edge certificates cover the hostnames: {}; name one.",
                names.join(", ")
            ),
        )
        .at("/edgeCertificateIds"));
    }
    Ok(covering.iter().map(|it| it.id.to_string()).collect())
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

pub(super) fn in_use(certificate: &EdgeCertificate, users: &[String]) -> ServiceError {
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
