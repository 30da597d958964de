//! Who uses a CA set, and the refusal to take it away from them.

use std::collections::BTreeMap;

use countersign_api::truststore::links;
use countersign_snapshot::Network;
use serde_json::{Value, json};

use super::{ErrorCode, ServiceError};
use crate::model::{Association, AssociationKind, CaSet};
use crate::store::{self, Write};

/// Refuses when something uses the set, on one network or on any.
pub(super) async fn refuse_in_use(
    write: &mut Write,
    ca_set: &CaSet,
    network: Option<Network>,
) -> Result<(), ServiceError> {
    let mut users = store::associations::list(write.connection(), ca_set.id).await?;
    users.retain(|user| network.is_none_or(|network| user.network == network));
    let has = |kind| users.iter().any(|user| user.kind == kind);
    let code = match (
        has(AssociationKind::Enrollment),
        has(AssociationKind::Property),
    ) {
        (false, false) => return Ok(()),
        (true, false) => ErrorCode::CaSetInUseByEnrollments,
        (false, true) => ErrorCode::CaSetInUseByHostnames,
        (true, true) => ErrorCode::CaSetInUseByBoth,
    };
    let mut names: Vec<_> = users
        .iter()
        .map(|user| format!("`{}` ({})", user.hostname, user.network))
        .collect();
    names.dedup();
    Err(ServiceError::new(
        code,
        format!(
            "The CA set `{}` is used by {}; unbind it there first.",
            ca_set.name,
            names.join(", ")
        ),
    )
    .with("caSetId", ca_set.id.to_string())
    .with("caSetName", ca_set.name.as_str())
    .with("associations", evidence(&users)))
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
