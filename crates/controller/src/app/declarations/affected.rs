//! For which server names something else is enforced than before.

use std::collections::BTreeMap;

use countersign_api::v1::declaration::AffectedHostname;
use countersign_snapshot::{Network, Snapshot};

pub(super) fn between(
    network: Network,
    before: Option<&Snapshot>,
    after: &Snapshot,
) -> Vec<AffectedHostname> {
    let before = before.map(by_name).unwrap_or_default();
    let after = by_name(after);
    let mut affected = Vec::new();
    let mut note = |hostname: &String, how: &str| {
        affected.push(AffectedHostname {
            network: wire(network),
            hostname: hostname.clone(),
            how: how.to_owned(),
        });
    };
    for (name, now) in &after {
        match before.get(name) {
            None => note(name, "ADDED"),
            Some(was) if was != now => note(name, "CHANGED"),
            Some(_) => {}
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        note(name, "REMOVED");
    }
    affected.sort_by(|one, other| one.hostname.cmp(&other.hostname));
    affected
}

/// What is enforced for each name: its binding with everything that the binding refers to, written out.
fn by_name(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let mut by_name = BTreeMap::new();
    for binding in &snapshot.bindings {
        let ca_sets: Vec<_> = snapshot
            .ca_sets
            .iter()
            .filter(|set| binding.client_auth.ca_sets.contains(&set.id))
            .collect();
        let named = |id: &str| id == binding.origin.as_str() || binding.rules.contains(id);
        let origins: Vec<_> = snapshot
            .origins
            .iter()
            .filter(|origin| named(origin.id.as_str()))
            .collect();
        let credentials: Vec<_> = snapshot
            .client_credentials
            .iter()
            .filter(|it| {
                let mut shown = origins.iter().filter_map(|origin| origin.scheme.tls());
                shown.any(|tls| tls.client_credential.as_ref() == Some(&it.id))
                    || named(it.id.as_str())
            })
            .map(|it| (&it.id, &it.chain))
            .collect();
        let settings = (
            &binding.server_certificates,
            &binding.tls,
            &binding.client_auth,
            &binding.service,
            &binding.rules,
        );
        let enforced = format!("{settings:?} {ca_sets:?} {origins:?} {credentials:?}");
        for name in &binding.names {
            by_name.insert(name.to_string(), enforced.clone());
        }
    }
    by_name
}

/// A network, as the API names it.
pub(super) const fn wire(network: Network) -> countersign_api::v1::Network {
    match network {
        Network::Production => countersign_api::v1::Network::Production,
        Network::Staging => countersign_api::v1::Network::Staging,
    }
}
