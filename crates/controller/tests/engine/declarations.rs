//! Declarations: planned, made true as a whole or not at all, exported and applied again.

use countersign_api::v1::SecretText;
use countersign_api::v1::declaration::{Declaration, DeclaredChange};
use countersign_api::v1::edge_certificates::{EdgeCertificateInput, KeyRequestInput};
use countersign_controller::{ActivationStatus, Applied, ErrorCode, Run, ServiceError};
use countersign_snapshot::Network;
use countersign_testkit::{Credential, Pki};
use serde_json::{Value, json};

use crate::support::{Mood, World};

const STAGING: Network = Network::Staging;

/// A CA set, an edge certificate that asks for its clients, a site and a property, called by their names.
pub fn declaration(world: &World) -> Declaration {
    let certificate = |name: &str| {
        let credential = world.credential(&[name]);
        json!([{"certificatePem": credential.chain_pem(), "privateKeyPem": credential.key_pem()}])
    };
    let networks = json!(["STAGING"]);
    let document = json!({
        "caSets": {"partners": {"certificatesPem": Pki::new().root("Partners").pem(), "networks": networks}},
        "edgeCertificates": {
            "site": {"certificates": certificate("www.a.test"), "networks": networks},
            "shop": {"certificates": certificate("shop.a.test"), "networks": networks,
                "settings": {"mutualAuthentication": {"caSetId": "partners", "mode": "request"}}},
        },
        "sites": {"www": {"networks": networks, "settings": {
            "hostnames": ["www.a.test"], "edgeCertificateIds": ["site"], "origin": {"url": "http://127.0.0.1:8080"},
            "mutualAuthentication": {"caSetIds": ["partners"]}}}},
        "properties": {"shop": {"networks": networks,
            "hostnames": [{"hostname": "shop.a.test", "edgeCertificateIds": ["shop"]}],
            "origins": {"main": {"url": "http://127.0.0.1:8081"}},
            "rules": {"ruleFormat": "latest", "rules": {"name": "default", "behaviors": [
                {"name": "origin", "options": {"originId": "main"}},
                {"name": "enforceMtlsSettings", "options": {"enableAuthSet": true, "certificateAuthoritySet": ["partners"], "enableDenyRequest": true}}]}}}},
    });
    serde_json::from_value(document).unwrap()
}

pub async fn apply(
    world: &World,
    declaration: &Declaration,
    run: Run,
) -> Result<Applied, ServiceError> {
    let declarations = world.controller.declarations();
    declarations.apply(&world.caller, declaration, run).await
}

/// Applied, and enforced.
async fn enforced(world: &World, declaration: &Declaration) -> Applied {
    let applied = apply(world, declaration, Run::Real).await.unwrap();
    let declarations = world.controller.declarations();
    let ended = declarations
        .ended(&world.caller, applied.change_set.unwrap())
        .await
        .unwrap();
    for network in ended {
        assert_eq!(network.status, ActivationStatus::Complete, "{network:?}");
    }
    applied
}

fn texts(changes: &[DeclaredChange]) -> Vec<String> {
    changes
        .iter()
        .map(|it| format!("{} {} {}", it.action, it.kind, it.name))
        .collect()
}

fn hostnames(applied: &Applied) -> Vec<(&str, &str)> {
    applied
        .affected
        .iter()
        .map(|it| (it.hostname.as_str(), it.how.as_str()))
        .collect()
}

#[tokio::test]
async fn a_plan_changes_nothing_and_says_all_that_the_real_thing_does() {
    let world = World::new().await;
    let document = declaration(&world);
    let planned = apply(&world, &document, Run::Dry).await.unwrap();
    assert_eq!(
        texts(&planned.changes),
        [
            "CREATE caSet partners",
            "UPDATE caSet partners",
            "ENFORCE caSet partners",
            "CREATE edgeCertificate shop",
            "ENFORCE edgeCertificate shop",
            "CREATE edgeCertificate site",
            "ENFORCE edgeCertificate site",
            "CREATE site www",
            "ENFORCE site www",
            "CREATE property shop",
            "ENFORCE property shop",
        ]
    );
    let added = [("shop.a.test", "ADDED"), ("www.a.test", "ADDED")];
    assert_eq!(hostnames(&planned), added);
    let sites = world.controller.sites();
    assert!(sites.list(&world.caller).await.unwrap().is_empty());
    let made = enforced(&world, &document).await;
    assert_eq!(made.changes, planned.changes);
    assert_eq!(made.affected, planned.affected);
    assert_eq!(
        world.fleet.names("staging-1"),
        ["www.a.test", "shop.a.test"]
    );
    assert!(world.fleet.names("production-1").is_empty());
}

#[tokio::test]
async fn what_is_exported_and_applied_changes_nothing() {
    let world = World::new().await;
    enforced(&world, &declaration(&world)).await;
    let declarations = world.controller.declarations();
    let exported = declarations.export(&world.caller).await.unwrap();
    let text = serde_json::to_string(&exported).unwrap();
    assert!(!text.contains("PRIVATE KEY"), "{text}");
    assert!(
        text.contains(r#""certificateAuthoritySet":["partners"]"#),
        "{text}"
    );
    let again = apply(&world, &exported, Run::Real).await.unwrap();
    assert_eq!(again.changes, []);
    assert_eq!((again.change_set, again.affected.len()), (None, 0));
    // What was declared first is still true as well.
    let document: Declaration = serde_json::from_str(&text).unwrap();
    assert_eq!(
        apply(&world, &document, Run::Dry).await.unwrap().changes,
        []
    );
}

#[tokio::test]
async fn several_ca_sets_and_a_certificate_that_is_waited_for_are_exported_and_applied_again() {
    let world = World::new().await;
    let mut document = declaration(&world);
    let mut other = document.ca_sets["partners"].clone();
    other.certificates_pem = Pki::new().root("Suppliers").pem();
    document.ca_sets.insert("suppliers".to_owned(), other);
    let shop = document.edge_certificates.get_mut("shop").unwrap();
    let clients = shop.settings.mutual_authentication.as_mut().unwrap();
    clients.additional_ca_set_ids = vec!["suppliers".to_owned()];
    enforced(&world, &document).await;
    let input = EdgeCertificateInput {
        name: Some("waiting".to_owned()),
        key_request: Some(KeyRequestInput {
            names: vec!["soon.a.test".to_owned()],
            ..KeyRequestInput::default()
        }),
        ..EdgeCertificateInput::default()
    };
    let certificates = world.controller.edge_certificates();
    certificates.create(&world.caller, &input).await.unwrap();

    let declarations = world.controller.declarations();
    let mut exported = declarations.export(&world.caller).await.unwrap();
    let clients = &exported.edge_certificates["shop"].settings;
    let clients = clients.mutual_authentication.as_ref().unwrap();
    assert_eq!(clients.additional_ca_set_ids, ["suppliers"]);
    assert!(
        exported.edge_certificates["waiting"]
            .certificates
            .is_empty()
    );
    let again = apply(&world, &exported, Run::Real).await.unwrap();
    assert_eq!(again.changes, []);

    let waiting = exported.edge_certificates.remove("waiting").unwrap();
    exported.edge_certificates.insert("new".to_owned(), waiting);
    let refused = apply(&world, &exported, Run::Real).await.unwrap_err();
    assert_eq!(
        refused.pointer.unwrap(),
        "/edgeCertificates/new/certificates"
    );
}

#[tokio::test]
async fn a_drift_is_seen_and_undone() {
    let world = World::new().await;
    let document = declaration(&world);
    enforced(&world, &document).await;
    let sites = world.controller.sites();
    let site = sites.list(&world.caller).await.unwrap().remove(0);
    sites.remove(&world.caller, site.id, STAGING).await.unwrap();
    sites.settled(&world.caller, site.id).await.unwrap();
    let drift = apply(&world, &document, Run::Dry).await.unwrap();
    assert_eq!(texts(&drift.changes), ["ENFORCE site www"]);
    assert_eq!(hostnames(&drift), [("www.a.test", "ADDED")]);
    enforced(&world, &document).await;
    assert_eq!(
        world.fleet.names("staging-1"),
        ["www.a.test", "shop.a.test"]
    );
}

#[tokio::test]
async fn another_ca_makes_a_version_and_concerns_the_hostnames_that_know_it() {
    let world = World::new().await;
    let mut document = declaration(&world);
    enforced(&world, &document).await;
    let partners = document.ca_sets.get_mut("partners").unwrap();
    partners.certificates_pem = Pki::new().root("New Partners").pem();
    let applied = enforced(&world, &document).await;
    assert_eq!(
        texts(&applied.changes),
        ["UPDATE caSet partners", "ENFORCE caSet partners"]
    );
    let changed = [("shop.a.test", "CHANGED"), ("www.a.test", "CHANGED")];
    assert_eq!(hostnames(&applied), changed);
    // What is taken out of the networks is forgotten there.
    let shop = document.properties.get_mut("shop").unwrap();
    shop.networks.clear();
    let applied = enforced(&world, &document).await;
    assert_eq!(texts(&applied.changes), ["FORGET property shop"]);
    assert_eq!(hostnames(&applied), [("shop.a.test", "REMOVED")]);
}

#[tokio::test]
async fn a_mistake_anywhere_leaves_nothing_of_the_rest() {
    let world = World::new().await;
    let rules = |document: &mut Declaration, behavior: Value| {
        let shop = document.properties.get_mut("shop").unwrap();
        let behaviors = shop.rules["rules"]["behaviors"].as_array_mut().unwrap();
        behaviors.push(behavior);
    };
    let mut document = declaration(&world);
    rules(&mut document, json!({"name": "denyAcess", "options": {}}));
    let refused = apply(&world, &document, Run::Real).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PropertyValidationFailure);
    assert_eq!(
        refused.items[0].pointer.as_deref(),
        Some("/properties/shop/rules/rules/behaviors/2/name")
    );
    let mut document = declaration(&world);
    let site = document.sites.get_mut("www").unwrap();
    site.settings.edge_certificate_ids = vec!["sight".to_owned()];
    let refused = apply(&world, &document, Run::Real).await.unwrap_err();
    assert!(
        refused
            .detail
            .contains("no edge certificate called `sight`"),
        "{}",
        refused.detail
    );
    assert_eq!(
        refused.pointer.as_deref(),
        Some("/sites/www/settings/edgeCertificateIds/0")
    );
    let mut document = declaration(&world);
    let site = document.edge_certificates.get_mut("site").unwrap();
    site.certificates[0].private_key_pem = None;
    let refused = apply(&world, &document, Run::Real).await.unwrap_err();
    assert_eq!(
        refused.pointer.as_deref(),
        Some("/edgeCertificates/site/certificates/0/privateKeyPem")
    );
    let exported = world
        .controller
        .declarations()
        .export(&world.caller)
        .await
        .unwrap();
    assert_eq!(exported, Declaration::default());
    assert!(world.fleet.names("staging-1").is_empty());
}

#[tokio::test]
async fn what_a_node_refuses_is_enforced_not_even_in_part() {
    let world = World::new().await;
    world
        .fleet
        .join(STAGING, "staging-2", Mood::Refusing("shop.a.test"));
    let document = declaration(&world);
    let applied = apply(&world, &document, Run::Real).await.unwrap();
    let declarations = world.controller.declarations();
    let change_set = applied.change_set.unwrap();
    let ended = declarations.ended(&world.caller, change_set).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].status, ActivationStatus::Failed);
    let why = ended[0].failure_reason.clone().unwrap();
    assert!(why.contains("No memory for shop.a.test"), "{why}");
    assert!(world.fleet.names("staging-1").is_empty());
    // A change that belongs to no change set is not held up by it.
    world.fleet.leave("staging-2");
    let again = enforced(&world, &document).await;
    assert_eq!(
        texts(&again.changes),
        [
            "ENFORCE caSet partners",
            "ENFORCE edgeCertificate shop",
            "ENFORCE edgeCertificate site",
            "ENFORCE site www",
            "ENFORCE property shop",
        ]
    );
}

/// A site and a property that show a client credential to their origins, the property by rules and pinned to a version as well.
fn with_credential(world: &World, shown: &Credential) -> Value {
    let site = world.credential(&["www.a.test", "shop.a.test"]);
    let networks = json!(["STAGING"]);
    let origin_ca = Pki::new().root("Origins").pem();
    let keystore = |reference: &str| {
        json!([{"name": "mtlsOriginKeystore", "options": {
            "enable": true, "clientCertificateVersionGuid": reference, "authClientCert": false}}])
    };
    json!({
        "edgeCertificates": {"site": {"networks": networks, "certificates": [
            {"certificatePem": site.chain_pem(), "privateKeyPem": site.key_pem()}]}},
        "clientCredentials": {"to-partner": {"networks": networks,
            "certificatePem": shown.chain_pem(), "privateKeyPem": shown.key_pem()}},
        "sites": {"www": {"networks": networks, "settings": {
            "hostnames": ["www.a.test"], "edgeCertificateIds": ["site"],
            "origin": {"url": "https://127.0.0.1:8443", "caPem": origin_ca, "clientCredentialId": "to-partner"}}}},
        "properties": {"shop": {"networks": networks,
            "hostnames": [{"hostname": "shop.a.test", "edgeCertificateIds": ["site"]}],
            "origins": {"main": {"url": "https://127.0.0.1:8444", "caPem": origin_ca, "clientCredentialId": "to-partner"}},
            "rules": {"ruleFormat": "latest", "rules": {"name": "default",
                "behaviors": [{"name": "origin", "options": {"originId": "main"}}],
                "children": [
                    {"name": "active", "behaviors": keystore("to-partner")},
                    {"name": "first", "criteria": [{"name": "path", "options": {"values": ["/first"]}}],
                        "behaviors": keystore("to-partner@1")}]}}}},
    })
}

pub fn read(document: &Value) -> Declaration {
    serde_json::from_value(document.clone()).unwrap()
}

#[tokio::test]
async fn client_credentials_are_declared_by_name_rotated_exported_and_applied_again() {
    let world = World::new().await;
    let ca = Pki::new().root("Origin clients");
    let (first, second) = (ca.client("edge").issue(), ca.client("edge").issue());
    let applied = enforced(&world, &read(&with_credential(&world, &first))).await;
    let changes = texts(&applied.changes);
    for expected in [
        "CREATE clientCredential to-partner",
        "ENFORCE clientCredential to-partner",
    ] {
        assert!(
            changes.iter().any(|change| change == expected),
            "{changes:?}"
        );
    }
    let shown = |name: &str| {
        world.fleet.with("staging-1", |node| {
            let snapshot = node.enforced.as_ref()?;
            let mut all = snapshot.client_credentials.iter();
            let found = all.find(|it| it.id.as_str() == name)?;
            Some(found.chain.first()?.clone())
        })
    };
    assert_eq!(shown("client-credential-1").as_deref(), Some(first.der()));
    assert_eq!(shown("client-credential-1-1").as_deref(), Some(first.der()));

    let declarations = world.controller.declarations();
    let exported = declarations.export(&world.caller).await.unwrap();
    let text = serde_json::to_string(&exported).unwrap();
    assert!(
        !text.contains("PRIVATE KEY") && !text.contains("client-credential-"),
        "{text}"
    );
    for expected in [
        r#""clientCredentialId":"to-partner""#,
        r#""clientCertificateVersionGuid":"to-partner""#,
        r#""clientCertificateVersionGuid":"to-partner@1""#,
    ] {
        assert!(text.contains(expected), "{expected} {text}");
    }
    let again = apply(&world, &exported, Run::Real).await.unwrap();
    assert_eq!((again.changes, again.affected), (vec![], vec![]));

    // Another certificate: the key is needed.
    let mut rotated = exported.clone();
    let declared = rotated.client_credentials.get_mut("to-partner").unwrap();
    declared.certificate_pem = second.chain_pem();
    let refused = apply(&world, &rotated, Run::Real).await.unwrap_err();
    assert_eq!(
        refused.pointer.as_deref(),
        Some("/clientCredentials/to-partner/privateKeyPem")
    );
    let key = SecretText::new(second.key_pem());
    let declared = rotated.client_credentials.get_mut("to-partner").unwrap();
    declared.private_key_pem = Some(key);
    let now = declarations.export(&world.caller).await.unwrap();
    assert_eq!(now, exported, "nothing of what was refused remains");
    // What is pinned to version 1 keeps it.
    enforced(&world, &rotated).await;
    assert_eq!(shown("client-credential-1").as_deref(), Some(second.der()));
    assert_eq!(shown("client-credential-1-1").as_deref(), Some(first.der()));

    let shop = rotated.properties.get_mut("shop").unwrap();
    let rules = shop
        .rules
        .to_string()
        .replace("to-partner@1", "to-partner@2");
    shop.rules = serde_json::from_str(&rules).unwrap();
    let applied = enforced(&world, &rotated).await;
    assert_eq!(hostnames(&applied), [("shop.a.test", "CHANGED")]);
    assert_eq!(shown("client-credential-1-1"), None);
    assert_eq!(
        shown("client-credential-1-2").as_deref(),
        Some(second.der())
    );
}

#[tokio::test]
async fn a_client_credential_without_its_key_or_that_is_in_use_is_told_with_its_place() {
    let world = World::new().await;
    let ca = Pki::new().root("Origin clients");
    let shown = ca.client("edge").issue();
    let document = with_credential(&world, &shown);
    let mut keyless = document.clone();
    let declared = keyless
        .pointer_mut("/clientCredentials/to-partner")
        .unwrap();
    declared.as_object_mut().unwrap().remove("privateKeyPem");
    let refused = apply(&world, &read(&keyless), Run::Real).await.unwrap_err();
    assert!(refused.detail.contains("its key is needed"), "{refused:?}");
    enforced(&world, &read(&document)).await;
    keyless["clientCredentials"]["to-partner"]["networks"] = json!([]);
    let refused = apply(&world, &read(&keyless), Run::Real).await.unwrap_err();
    assert_eq!(
        refused.code,
        ErrorCode::ClientCredentialInUse,
        "{refused:?}"
    );
    let pointer = refused.pointer.as_deref().unwrap();
    assert!(
        pointer.starts_with("/clientCredentials/to-partner/networks"),
        "{pointer}"
    );
}
