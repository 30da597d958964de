//! The CA set that a site brings along: named after the site, made and activated step by step, each step only when it is not done yet.

use countersign_snapshot::{CaSetId, Network};
use countersign_trust::Sha1Signatures;

use crate::app::input::short;
use crate::app::{
    Activations, CaSets, Context, ErrorCode, NewCaSet, NewVersion, ServiceError, Versions, upload,
};
use crate::model::{
    ActivationKind, ActivationStatus, AssociationKind, CaSet, Caller, Site, Warning,
};
use crate::store;

const NAME_MIN_CHARS: usize = 3;
const NAME_MAX_CHARS: usize = 64;
pub(super) const POINTER: &str = "/clientCaPem";

/// Makes sure that the site's CA set holds these certificates and that the networks are asked to enforce them.
pub(super) async fn ensure(
    context: &Context,
    caller: &Caller,
    site: &Site,
    pem: &str,
    networks: &[Network],
) -> Result<(CaSetId, Vec<Warning>), ServiceError> {
    let (sha1, now) = (Sha1Signatures::Refuse, context.clock.now());
    let (submitted, accepted) = upload::judge_text(pem, sha1, now, &caller.name, POINTER)?;
    let mut warnings = accepted.warnings;
    let name = set_name(&site.name);
    let existing = {
        let mut read = context.store.read().await?;
        store::ca_sets::find_by_name(&mut read, &caller.account, &name).await?
    };
    let ca_set = match existing {
        Some(ca_set) => ca_set,
        None => {
            let description = Some(format!("Clients of the site {}", short(&site.name)));
            CaSets::new(context)
                .create(caller, NewCaSet { name, description })
                .await?
        }
    };
    let same = {
        let mut read = context.store.read().await?;
        store::versions::find_by_content(&mut read, ca_set.id, &accepted.certificates).await?
    };
    let version = match same {
        Some(version) => version,
        None => {
            refuse_others(context, site, &ca_set).await?;
            let new = NewVersion {
                description: None,
                sha1: Sha1Signatures::Refuse,
                certificates: submitted,
            };
            Versions::new(context)
                .create(caller, ca_set.id, new)
                .await?
                .0
                .number
        }
    };
    for network in networks {
        if ca_set.active_version(*network) == Some(version) {
            continue;
        }
        refuse_others(context, site, &ca_set).await?;
        let activations = Activations::new(context);
        let is_running = activations
            .list(caller, ca_set.id, Some(version))
            .await?
            .iter()
            .any(|activation| {
                activation.network == *network
                    && activation.status == ActivationStatus::InProgress
                    && activation.kind == ActivationKind::Activate
            });
        if !is_running {
            let kind = ActivationKind::Activate;
            let activation = activations
                .request(caller, ca_set.id, version, *network, kind)
                .await?;
            warnings.extend(activation.warnings);
        }
    }
    Ok((ca_set.id, warnings))
}

/// A set that others use is not changed behind their backs, even when its name fits.
async fn refuse_others(context: &Context, site: &Site, ca_set: &CaSet) -> Result<(), ServiceError> {
    let mut read = context.store.read().await?;
    let others: Vec<_> = store::associations::list(&mut read, ca_set.id)
        .await?
        .into_iter()
        .filter(|user| user.kind != AssociationKind::Property || user.user_id != site.id.number())
        .map(|user| user.user_name)
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(ServiceError::new(
        ErrorCode::CaSetNameNotUnique,
        format!(
            "The CA set `{}` exists already and is used by {}; give it another version yourself and name it in `caSetIds`.",
            ca_set.name,
            others.join(", ")
        ),
    )
    .at(POINTER)
    .with("caSetId", ca_set.id.to_string()))
}

/// The site's name in the characters that a CA set's name may have.
fn set_name(site: &str) -> String {
    let mut name: String = site
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' => character,
            '*' => '_',
            _ => '-',
        })
        .take(NAME_MAX_CHARS)
        .collect();
    while name.contains("...") {
        name = name.replace("...", ".-.");
    }
    while name.len() < NAME_MIN_CHARS {
        name.push('-');
    }
    name
}
