//! Who uses a CA set, and the refusal to take it away from them.

use std::collections::BTreeMap;

use countersign_api::truststore::links;
use countersign_snapshot::Network;
use serde_json::{Value, json};

use super::{ErrorCode, ServiceError};
use crate::model::{Association, AssociationKind, CaSet, DeploymentKind};
use crate::store::{self, Write};

/// Refuses when something uses the set, on one network or on any.
pub(super) async fn refuse_in_use(
    write: &mut Write,
    ca_set: &CaSet,
    network: Option<Network>,
) -> Result<(), ServiceError> {
    let mut users = store::associations::list(write.connection(), ca_set.id).await?;
    users.retain(|user| network.is_none_or(|network| user.network == network));
    let mut named: Vec<_> = users.iter().map(|user| (user.user, told(user))).collect();
    if network.is_none() {
        // Nobody could deploy what names a set that is gone.
        let naming =
            store::associations::naming(write.connection(), &ca_set.account, ca_set.id).await?;
        let by_newest = naming.into_iter().filter(|(kind, name)| {
            let is_it = |user: &Association| user.user == *kind && user.user_name == *name;
            !users.iter().any(is_it)
        });
        named.extend(by_newest.map(|(kind, name)| {
            let what = format!("{} `{name}`, which is not deployed", word(kind));
            (kind, what)
        }));
    }
    let is_enrollment = |kind: DeploymentKind| kind == DeploymentKind::EdgeCertificate;
    let code = match (
        named.iter().any(|(kind, _)| is_enrollment(*kind)),
        named.iter().any(|(kind, _)| !is_enrollment(*kind)),
    ) {
        (false, false) => return Ok(()),
        (true, false) => ErrorCode::CaSetInUseByEnrollments,
        (false, true) => ErrorCode::CaSetInUseByHostnames,
        (true, true) => ErrorCode::CaSetInUseByBoth,
    };
    let named: Vec<_> = named.into_iter().map(|(_, what)| what).collect();
    Err(ServiceError::new(
        code,
        format!(
            "The CA set `{}` is used by {}; unbind it there first.",
            ca_set.name,
            named.join(", ")
        ),
    )
    .with("caSetId", ca_set.id.to_string())
    .with("caSetName", ca_set.name.as_str())
    .with("associations", evidence(&users)))
}

/// Who uses the set, and where.
fn told(user: &Association) -> String {
    let (what, name) = (word(user.user), &user.user_name);
    match user.user {
        DeploymentKind::EdgeCertificate => format!("{what} `{name}` ({})", user.network),
        _ => format!("{what} `{name}` for `{}` ({})", user.hostname, user.network),
    }
}

const fn word(kind: DeploymentKind) -> &'static str {
    match kind {
        DeploymentKind::ClientCredential => "the client credential",
        DeploymentKind::EdgeCertificate => "the edge certificate",
        DeploymentKind::Property => "the property",
        DeploymentKind::Site => "the site",
    }
}

fn evidence(users: &[Association]) -> Value {
    let mut enrollments = BTreeMap::<i64, Vec<&Association>>::new();
    let mut properties = BTreeMap::<i64, Vec<&Association>>::new();
    for user in users {
        match user.kind {
            AssociationKind::Enrollment => &mut enrollments,
            AssociationKind::Property => &mut properties,
        }
        .entry(user.user_id)
        .or_default()
        .push(user);
    }
    let slots = |id: i64, users: &[&Association], network| -> Vec<i64> {
        let on = users.iter().any(|user| user.network == network);
        on.then_some(id).into_iter().collect()
    };
    let mut evidence = serde_json::Map::new();
    if !enrollments.is_empty() {
        let list: Vec<_> = enrollments
            .iter()
            .map(|(&id, users)| {
                json!({
                    "cn": users.first().map(|user| user.user_name.as_str()),
                    "enrollmentId": id,
                    "enrollmentLink": links::enrollment(id),
                    "productionSlots": slots(id, users, Network::Production),
                    "stagingSlots": slots(id, users, Network::Staging),
                })
            })
            .collect();
        evidence.insert("enrollments".to_owned(), list.into());
    }
    if !properties.is_empty() {
        let list: Vec<_> = properties
            .iter()
            .map(|(id, users)| {
                json!({
                    "propertyId": id.to_string(),
                    "propertyName": users.first().map(|user| user.user_name.as_str()),
                    // The vendor writes `hostname` here and `hostName` in the list of associations.
                    "hostnames": users.iter().map(|user| json!({
                        "hostname": user.hostname,
                        "network": user.network.as_str().to_ascii_uppercase(),
                    })).collect::<Vec<_>>(),
                })
            })
            .collect();
        evidence.insert("properties".to_owned(), list.into());
    }
    Value::Object(evidence)
}
