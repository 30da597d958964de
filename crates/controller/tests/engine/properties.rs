//! Properties: versions, what stands against activating them, and what a network enforces of them.

use std::collections::BTreeMap;

use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::edge_certificates::{
    EdgeCertificateInput, EdgeCertificateSettings, MutualAuthentication,
};
use countersign_api::v1::explain::ExplainRequest;
use countersign_api::v1::properties::PropertyHostname;
use countersign_api::v1::sites::SiteOrigin;
use countersign_api::v1::tls::{CaList, ClientCertificateMode};
use countersign_controller::{
    ActivationKind, ActivationStatus, EdgeCertificate, ErrorCode, Findings, NewProperty, Property,
    ServiceError, VersionPart,
};
use countersign_snapshot::{
    CaSetId, ClientAuthMode, Network, OriginScheme, Snapshot, VersionNumber,
};
use countersign_testkit::Pki;
use serde_json::{Value, json};

use crate::support::{Mood, World, upload};

const STAGING: Network = Network::Staging;
const PRODUCTION: Network = Network::Production;

async fn property(world: &World, name: &str) -> Property {
    let new = NewProperty {
        name: name.to_owned(),
        ..NewProperty::default()
    };
    let properties = world.controller.properties();
    properties.create(&world.caller, new).await.unwrap()
}

/// An edge certificate that asks for clients of a CA set, deployed on staging.
async fn asking(world: &World, names: &[&str], ca_set: Option<CaSetId>) -> EdgeCertificate {
    let input = EdgeCertificateInput {
        certificates: vec![upload(&world.credential(names))],
        settings: EdgeCertificateSettings {
            mutual_authentication: ca_set.map(|id| MutualAuthentication {
                ca_set_id: id.to_string(),
                additional_ca_set_ids: Vec::new(),
                mode: ClientCertificateMode::Request,
                send_ca_list: CaList::default(),
                ocsp: false,
            }),
            ..EdgeCertificateSettings::default()
        },
        name: Some(format!("for {}", names.join(" and "))),
        key_request: None,
    };
    let service = world.controller.edge_certificates();
    let (made, _) = service.create(&world.caller, &input).await.unwrap();
    service
        .deploy(&world.caller, made.id, STAGING)
        .await
        .unwrap();
    made
}

fn hostnames(names: &[&str]) -> VersionPart {
    let hostname = |name: &&str| PropertyHostname {
        hostname: (*name).to_owned(),
        edge_certificate_ids: Vec::new(),
    };
    VersionPart::Hostnames(names.iter().map(hostname).collect())
}

fn origins() -> VersionPart {
    let plain = SiteOrigin {
        url: "http://127.0.0.1:8080".to_owned(),
        ..SiteOrigin::default()
    };
    VersionPart::Origins(BTreeMap::from([("main".to_owned(), plain)]))
}

fn rules(behaviors: Value, children: Value) -> VersionPart {
    let mut all = vec![json!({"name": "origin", "options": {"originId": "main"}})];
    all.extend(behaviors.as_array().unwrap().iter().cloned());
    let tree = json!({"ruleFormat": "latest", "rules": {"name": "default", "behaviors": all, "children": children}});
    VersionPart::Rules(tree.to_string())
}

fn enforce(ca_set: CaSetId) -> Value {
    json!([{"name": "enforceMtlsSettings", "options": {
        "enableAuthSet": true, "certificateAuthoritySet": [ca_set.to_string()], "enableDenyRequest": true}}])
}

async fn edit(
    world: &World,
    property: &Property,
    number: u32,
    parts: Vec<VersionPart>,
) -> Findings {
    let mut last = Findings::default();
    for part in parts {
        let properties = world.controller.properties();
        let edited = properties
            .edit(&world.caller, property.id, number, None, part)
            .await;
        last = edited.unwrap().2;
    }
    last
}

async fn activate(
    world: &World,
    property: &Property,
    number: u32,
    network: Network,
) -> Result<Property, ServiceError> {
    let properties = world.controller.properties();
    properties
        .activate(&world.caller, property.id, number, network)
        .await?;
    properties.settled(&world.caller, property.id).await
}

fn enforced(world: &World, node: &str) -> Snapshot {
    world
        .fleet
        .with(node, |node| node.enforced.clone().unwrap())
}

fn codes(error: &ServiceError) -> Vec<&str> {
    error.items.iter().map(|item| item.code.as_str()).collect()
}

#[tokio::test]
async fn a_version_is_filled_in_activated_and_enforced() {
    let world = World::new().await;
    let id = world.active_ca_set("partners", STAGING).await;
    asking(&world, &["www.a.test"], Some(id)).await;
    let property = property(&world, "shop").await;
    let parts = vec![
        hostnames(&["www.a.test"]),
        origins(),
        rules(enforce(id), json!([])),
    ];
    let findings = edit(&world, &property, 1, parts).await;
    assert_eq!(findings, Findings::default());
    let active = activate(&world, &property, 1, STAGING).await.unwrap();
    let latest = active.networks[0].latest.as_ref().unwrap();
    assert_eq!(
        (active.networks[0].version, latest.status),
        (Some(1), ActivationStatus::Complete),
        "{:?}",
        latest.failure_reason
    );
    let snapshot = enforced(&world, "staging-1");
    let binding = &snapshot.bindings[0];
    assert_eq!(binding.names[0].to_string(), "www.a.test");
    assert_eq!(binding.client_auth.mode, ClientAuthMode::Request);
    assert_eq!(binding.client_auth.ca_sets, [id]);
    assert_eq!(snapshot.origins.len(), 1);
    assert_eq!(snapshot.origins[0].id, binding.origin);
    assert!(world.fleet.names("production-1").is_empty());
}

#[tokio::test]
async fn an_explanation_says_how_often_a_client_may_come() {
    let world = World::new().await;
    let root = Pki::new().root("Clients");
    let id = world.ca_set("partners", &[&root]).await;
    world.ended(&world.activate(id, 1, STAGING).await).await;
    asking(&world, &["www.a.test"], Some(id)).await;
    let property = property(&world, "shop").await;
    let mut behaviors = enforce(id);
    let limit = json!({"name": "rateLimitPerIdentity", "options": {"name": "calls", "requests": 5, "seconds": 60, "key": "SPKI"}});
    behaviors.as_array_mut().unwrap().push(limit);
    let parts = vec![
        hostnames(&["www.a.test"]),
        origins(),
        rules(behaviors, json!([])),
    ];
    edit(&world, &property, 1, parts).await;
    activate(&world, &property, 1, STAGING).await.unwrap();
    let request = ExplainRequest {
        network: Some(WireNetwork::Staging),
        hostname: "www.a.test".to_owned(),
        certificate_pem: Some(root.client("alice").issue().chain_pem()),
        ..ExplainRequest::default()
    };
    let explanations = world.controller.explanations();
    let answer = explanations.explain(&world.caller, &request).await.unwrap();
    let decision = answer.decision;
    assert_eq!(decision.outcome, "forwarded", "{decision:?}");
    assert_eq!(decision.rate_limit.as_deref(), Some("calls"));
    let expected =
        "5 requests of one public key in within 60 s; one more is refused: rate_limited (`calls`).";
    assert!(decision.sentence.ends_with(expected), "{decision:?}");
}

#[tokio::test]
async fn an_activated_version_never_changes_and_the_next_one_begins_as_its_copy() {
    let world = World::new().await;
    asking(&world, &["www.a.test"], None).await;
    let property = property(&world, "shop").await;
    let parts = vec![
        hostnames(&["www.a.test"]),
        origins(),
        rules(json!([]), json!([])),
    ];
    edit(&world, &property, 1, parts).await;
    activate(&world, &property, 1, STAGING).await.unwrap();
    let properties = world.controller.properties();
    let refused = properties
        .edit(&world.caller, property.id, 1, None, origins())
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::PropertyVersionFrozen);
    let second = properties
        .create_version(&world.caller, property.id, None, Some("next".to_owned()))
        .await
        .unwrap();
    assert_eq!((second.number, second.created_from), (2, Some(1)));
    assert_eq!(second.hostnames[0].hostname, "www.a.test");
    // What somebody saw and what is there now are two things.
    let seen = second.tag();
    edit(&world, &property, 2, vec![origins()]).await;
    let stale = properties
        .edit(&world.caller, property.id, 2, Some(&seen), origins())
        .await
        .unwrap_err();
    assert_eq!(stale.code, ErrorCode::PreconditionFailed);
}

#[tokio::test]
async fn a_network_goes_back_to_the_version_before() {
    let world = World::new().await;
    asking(&world, &["www.a.test"], None).await;
    let property = property(&world, "shop").await;
    let parts = vec![
        hostnames(&["www.a.test"]),
        origins(),
        rules(json!([]), json!([])),
    ];
    edit(&world, &property, 1, parts).await;
    activate(&world, &property, 1, STAGING).await.unwrap();
    let properties = world.controller.properties();
    let none = properties
        .roll_back(&world.caller, property.id, STAGING)
        .await
        .unwrap_err();
    assert_eq!(none.code, ErrorCode::NoPreviousPropertyVersion);
    properties
        .create_version(&world.caller, property.id, None, None)
        .await
        .unwrap();
    let closed = json!([{"name": "denyAccess", "options": {"reason": "closed", "enabled": true}}]);
    edit(&world, &property, 2, vec![rules(closed, json!([]))]).await;
    activate(&world, &property, 2, STAGING).await.unwrap();
    assert!(
        enforced(&world, "staging-1").bindings[0]
            .rules
            .contains("closed")
    );
    properties
        .roll_back(&world.caller, property.id, STAGING)
        .await
        .unwrap();
    let back = properties
        .settled(&world.caller, property.id)
        .await
        .unwrap();
    assert_eq!(back.networks[0].version, Some(1));
    assert!(
        !enforced(&world, "staging-1").bindings[0]
            .rules
            .contains("closed")
    );
}

#[tokio::test]
async fn rules_are_saved_with_their_errors_which_stand_against_activation() {
    let world = World::new().await;
    let property = property(&world, "shop").await;
    let parts = vec![
        hostnames(&["www.a.test"]),
        origins(),
        rules(
            json!([{"name": "enforceMtls", "options": {}},
                {"name": "enforceMtlsSettings", "options": {"enableAuthSet": true, "certificateAuthoritySet": ["77"], "enableDenyRequest": true}},
                {"name": "mtlsOriginKeystore", "options": {"enable": true, "clientCertificateVersionGuid": "no-such"}}]),
            json!([{"name": "elsewhere", "criteria": [{"name": "hostname", "options": {"values": ["www.b.test"]}}],
                "behaviors": [{"name": "origin", "options": {"originId": "other"}}]}]),
        ),
    ];
    let findings = edit(&world, &property, 1, parts).await;
    let found: Vec<_> = findings
        .errors
        .iter()
        .map(|it| (it.code.as_str(), it.pointer.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (
                "unknown_origin",
                "/rules/children/0/behaviors/0/options/originId"
            ),
            ("unknown_behavior", "/rules/behaviors/1/name"),
            (
                "unknown_ca_set",
                "/rules/behaviors/2/options/certificateAuthoritySet/0"
            ),
            (
                "unknown_client_credential",
                "/rules/behaviors/3/options/clientCertificateVersionGuid"
            ),
        ]
    );
    assert!(findings.errors.iter().all(|it| !it.remedy.is_empty()));
    assert_eq!(findings.warnings[0].code, "hostname_of_another_property");
    let refused = activate(&world, &property, 1, STAGING).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PropertyValidationFailure);
    assert_eq!(refused.items.len(), 4);
    // What is no rule tree at all is not saved.
    let properties = world.controller.properties();
    let part = VersionPart::Rules(r#"{"ruleFormat": "latest", "rules": {"nam": "x"}}"#.to_owned());
    let refused = properties
        .edit(&world.caller, property.id, 1, None, part)
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::JsonSchemaValidationError);
    // Still editable: nothing of the refused activation remains.
    edit(&world, &property, 1, vec![origins()]).await;
}

#[tokio::test]
async fn every_hostname_needs_an_edge_certificate_on_the_network() {
    let world = World::new().await;
    let property = property(&world, "shop").await;
    let parts = vec![
        hostnames(&["www.a.test"]),
        origins(),
        rules(json!([]), json!([])),
    ];
    edit(&world, &property, 1, parts).await;
    let none = activate(&world, &property, 1, STAGING).await.unwrap_err();
    assert_eq!(codes(&none), ["no-edge-certificate"]);
    asking(&world, &["*.a.test"], None).await;
    asking(&world, &["*.a.test", "b.test"], None).await;
    let several = activate(&world, &property, 1, STAGING).await.unwrap_err();
    assert_eq!(codes(&several), ["several-edge-certificates"]);
    // The very name goes before a wildcard.
    let exact = asking(&world, &["www.a.test"], None).await;
    activate(&world, &property, 1, STAGING).await.unwrap();
    let certificates = world.controller.edge_certificates();
    let kept = certificates
        .remove(&world.caller, exact.id, STAGING)
        .await
        .unwrap_err();
    assert_eq!(kept.code, ErrorCode::EdgeCertificateInUse);
    assert!(kept.detail.contains("shop (www.a.test)"), "{}", kept.detail);
    // Nothing is deployed on the other network.
    let elsewhere = activate(&world, &property, 1, PRODUCTION)
        .await
        .unwrap_err();
    assert_eq!(codes(&elsewhere), ["no-edge-certificate"]);
}

#[tokio::test]
async fn a_ca_set_of_a_rule_must_be_active_and_asked_for_and_stays() {
    let world = World::new().await;
    let id = world
        .ca_set("partners", &[&countersign_testkit::Pki::new().root("P")])
        .await;
    asking(&world, &["www.a.test"], None).await;
    let property = property(&world, "shop").await;
    let parts = vec![
        hostnames(&["www.a.test"]),
        origins(),
        rules(enforce(id), json!([])),
    ];
    edit(&world, &property, 1, parts).await;
    let inactive = activate(&world, &property, 1, STAGING).await.unwrap_err();
    assert_eq!(inactive.code, ErrorCode::CaSetNotActive);
    assert_eq!(
        inactive.pointer.as_deref(),
        Some("/rules/behaviors/1/options/certificateAuthoritySet/0")
    );
    let activation = world.activate(id, 1, STAGING).await;
    world.ended(&activation).await;
    let unasked = activate(&world, &property, 1, STAGING).await.unwrap_err();
    assert_eq!(codes(&unasked), ["ca-set-not-asked-for"]);
    // One hostname that asks is enough; the other one's requests can only fail the check.
    asking(&world, &["api.a.test"], Some(id)).await;
    let both = hostnames(&["www.a.test", "api.a.test"]);
    edit(&world, &property, 1, vec![both]).await;
    activate(&world, &property, 1, STAGING).await.unwrap();
    let snapshot = enforced(&world, "staging-1");
    let modes: Vec<_> = snapshot
        .bindings
        .iter()
        .map(|it| (it.names[0].to_string(), it.client_auth.mode))
        .collect();
    assert_eq!(
        modes,
        [
            ("www.a.test".to_owned(), ClientAuthMode::Off),
            ("api.a.test".to_owned(), ClientAuthMode::Request),
        ]
    );
    let refused = world
        .controller
        .activations()
        .request(
            &world.caller,
            id,
            VersionNumber::new(1),
            STAGING,
            ActivationKind::Deactivate,
        )
        .await
        .unwrap_err();
    assert!(refused.detail.contains("www.a.test"), "{}", refused.detail);
}

#[tokio::test]
async fn a_hostname_is_in_one_site_or_property_only() {
    let world = World::new().await;
    let site = world.site("www.a.test", None, &[countersign_api::v1::Network::Staging]);
    let sites = world.controller.sites();
    let (site, _) = sites.create(&world.caller, &site).await.unwrap();
    sites.settled(&world.caller, site.id).await.unwrap();
    let shop = property(&world, "shop").await;
    let parts = vec![
        hostnames(&["www.a.test"]),
        origins(),
        rules(json!([]), json!([])),
    ];
    edit(&world, &shop, 1, parts.clone()).await;
    let taken = activate(&world, &shop, 1, STAGING).await.unwrap_err();
    assert_eq!(taken.code, ErrorCode::HostnameTaken);
    assert!(
        taken.detail.contains("the site `www.a.test`"),
        "{}",
        taken.detail
    );
    // The other way round.
    asking(&world, &["api.a.test"], None).await;
    edit(&world, &shop, 1, vec![hostnames(&["api.a.test"])]).await;
    activate(&world, &shop, 1, STAGING).await.unwrap();
    let second = world.site("api.a.test", None, &[countersign_api::v1::Network::Staging]);
    let taken = sites.create(&world.caller, &second).await.unwrap_err();
    assert!(
        taken.detail.contains("the property `shop`"),
        "{}",
        taken.detail
    );
    // Forgotten, the name is free.
    let properties = world.controller.properties();
    let kept = properties.delete(&world.caller, shop.id).await.unwrap_err();
    assert_eq!(kept.code, ErrorCode::StillDeployed);
    properties
        .deactivate(&world.caller, shop.id, 1, STAGING)
        .await
        .unwrap();
    properties.settled(&world.caller, shop.id).await.unwrap();
    properties.delete(&world.caller, shop.id).await.unwrap();
    sites.create(&world.caller, &second).await.unwrap();
    assert!(properties.list(&world.caller).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_origin_that_a_rule_writes_is_verified_and_shared() {
    let world = World::new().await;
    asking(&world, &["a.test"], None).await;
    asking(&world, &["b.test"], None).await;
    let tree = json!({"ruleFormat": "v2025-10-16", "rules": {"name": "default", "behaviors": [
        {"name": "origin", "options": {"originType": "CUSTOMER", "hostname": "Origin.test", "httpsPort": 8443}}]}});
    for name in ["a.test", "b.test"] {
        let property = property(&world, name).await;
        let parts = vec![hostnames(&[name]), VersionPart::Rules(tree.to_string())];
        let findings = edit(&world, &property, 1, parts).await;
        assert_eq!(findings.errors, []);
        activate(&world, &property, 1, STAGING).await.unwrap();
    }
    let snapshot = enforced(&world, "staging-1");
    assert_eq!(snapshot.bindings.len(), 2);
    assert_eq!(snapshot.origins.len(), 1);
    assert_eq!(snapshot.origins[0].endpoints[0].host, "origin.test");
    assert!(matches!(snapshot.origins[0].scheme, OriginScheme::Https(_)));
}

#[tokio::test]
async fn a_refused_activation_leaves_what_was_there() {
    let world = World::new().await;
    asking(&world, &["a.test"], None).await;
    asking(&world, &["b.test"], None).await;
    let property = property(&world, "shop").await;
    let parts = vec![
        hostnames(&["a.test"]),
        origins(),
        rules(json!([]), json!([])),
    ];
    edit(&world, &property, 1, parts).await;
    activate(&world, &property, 1, STAGING).await.unwrap();
    let properties = world.controller.properties();
    properties
        .create_version(&world.caller, property.id, None, None)
        .await
        .unwrap();
    edit(&world, &property, 2, vec![hostnames(&["a.test", "b.test"])]).await;
    world
        .fleet
        .join(STAGING, "staging-2", Mood::Refusing("b.test"));
    let failed = activate(&world, &property, 2, STAGING).await.unwrap();
    let latest = failed.networks[0].latest.clone().unwrap();
    assert_eq!(
        (failed.networks[0].version, latest.status),
        (Some(1), ActivationStatus::Failed)
    );
    assert!(
        latest
            .failure_reason
            .unwrap()
            .contains("No memory for b.test")
    );
    assert_eq!(world.fleet.names("staging-1"), ["a.test"]);
}

#[tokio::test]
async fn an_edge_certificate_that_a_property_names_stays() {
    let world = World::new().await;
    let certificate = world.edge_certificate(&["a.test"]).await;
    let property = property(&world, "shop").await;
    let named = VersionPart::Hostnames(vec![PropertyHostname {
        hostname: "a.test".to_owned(),
        edge_certificate_ids: vec![certificate.id.to_string()],
    }]);
    let parts = vec![named, origins(), rules(json!([]), json!([]))];
    edit(&world, &property, 1, parts).await;
    let undeployed = activate(&world, &property, 1, STAGING).await.unwrap_err();
    assert_eq!(codes(&undeployed), ["edge-certificate-not-deployed"]);
    let certificates = world.controller.edge_certificates();
    let kept = certificates
        .delete(&world.caller, certificate.id)
        .await
        .unwrap_err();
    assert!(kept.detail.contains("shop"), "{}", kept.detail);
    world
        .controller
        .properties()
        .delete(&world.caller, property.id)
        .await
        .unwrap();
    certificates
        .delete(&world.caller, certificate.id)
        .await
        .unwrap();
}
