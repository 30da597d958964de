//! Whatever is wrong in a declaration is told with its place in the document, as people wrote it.

use countersign_controller::{Run, ServiceError};
use countersign_testkit::Pki;
use serde_json::{Value, json};

use crate::declarations::{apply, declaration, read};
use crate::support::World;

/// A good one, with something in every section.
fn document(world: &World) -> Value {
    let mut document = serde_json::to_value(declaration(world)).unwrap();
    let client = Pki::new().root("Edges").client("edge").issue();
    document["clientCredentials"] = json!({"to-partner": {"networks": ["STAGING"],
        "certificatePem": client.chain_pem(), "privateKeyPem": client.key_pem()}});
    document["sites"]["www"]["settings"]["origin"] =
        json!({"url": "https://127.0.0.1:8443", "clientCredentialId": "to-partner"});
    document
}

/// Puts a value where a pointer points, whether there is something or not.
fn put(document: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).expect(pointer);
    match parent {
        Value::Array(values) => values[field.parse::<usize>().unwrap()] = value,
        fields => fields[field] = value,
    }
}

fn place(refused: &ServiceError) -> &str {
    let item = refused
        .items
        .first()
        .and_then(|item| item.pointer.as_deref());
    item.or(refused.pointer.as_deref()).unwrap()
}

#[tokio::test]
async fn every_mistake_in_every_section_is_told_where_it_was_written() {
    let world = World::new().await;
    let document = document(&world);
    let leaf = Pki::new().root("Other").client("leaf").issue();
    let two = json!({"minimumVersion": "1.3", "maximumVersion": "1.2"});
    // Where something wrong is written, and where it is told when that is more exact or elsewhere.
    let cases = [
        ("/caSets/partners/certificatesPem", json!("nothing"), ""),
        ("/caSets/partners/certificatesPem", json!(leaf.pem()), ""),
        (
            "/edgeCertificates/site/certificates/0/certificatePem",
            json!("nothing"),
            "",
        ),
        (
            "/edgeCertificates/site/certificates/0/privateKeyPem",
            json!(leaf.key_pem()),
            "",
        ),
        (
            "/edgeCertificates/shop/settings/mutualAuthentication/caSetId",
            json!("nobody"),
            "",
        ),
        (
            "/edgeCertificates/shop/settings/mutualAuthentication/additionalCaSetIds",
            json!(["partners", "nobody"]),
            "/edgeCertificates/shop/settings/mutualAuthentication/additionalCaSetIds/1",
        ),
        (
            "/edgeCertificates/shop/settings/tls",
            two.clone(),
            "/edgeCertificates/shop/settings/tls/minimumVersion",
        ),
        (
            "/clientCredentials/to-partner/certificatePem",
            json!("nothing"),
            "",
        ),
        (
            "/clientCredentials/to-partner/privateKeyPem",
            json!(leaf.key_pem()),
            "",
        ),
        ("/sites/www/settings/hostnames/0", json!("a b"), ""),
        (
            "/sites/www/settings/edgeCertificateIds/0",
            json!("nobody"),
            "",
        ),
        (
            "/sites/www/settings/tls",
            two,
            "/sites/www/settings/tls/minimumVersion",
        ),
        (
            "/sites/www/settings/mutualAuthentication/caSetIds/0",
            json!("nobody"),
            "",
        ),
        (
            "/sites/www/settings/mutualAuthentication/openPaths",
            json!(["/good", "bad"]),
            "/sites/www/settings/mutualAuthentication/openPaths/1",
        ),
        ("/sites/www/settings/origin/url", json!("ftp://a.test"), ""),
        (
            "/sites/www/settings/origin/clientCredentialId",
            json!("nobody"),
            "",
        ),
        (
            "/sites/www/settings/terminateOnly",
            json!(true),
            "/sites/www/settings/origin/url",
        ),
        ("/properties/shop/hostnames/0/hostname", json!("a b"), ""),
        (
            "/properties/shop/hostnames/0/edgeCertificateIds/0",
            json!("nobody"),
            "",
        ),
        (
            "/properties/shop/origins/main/url",
            json!("ftp://a.test"),
            "",
        ),
        (
            "/properties/shop/origins/main/clientCredentialId",
            json!("nobody"),
            "",
        ),
        (
            "/properties/shop/rules/rules/behaviors/0/name",
            json!("orign"),
            "",
        ),
        (
            "/properties/shop/rules/rules/behaviors/1/options/certificateAuthoritySet/0",
            json!("nobody"),
            "",
        ),
        (
            "/properties/shop/rules/rules/children",
            json!([{"name": "child", "criteria": [{"name": "pth", "options": {}}]}]),
            "/properties/shop/rules/rules/children/0/criteria/0/name",
        ),
        (
            "/properties/shop/rules/rules/behaviors/0",
            json!({"name": "mtlsOriginKeystore", "options": {
                "enable": true, "clientCertificateVersionGuid": "nobody"}}),
            "/properties/shop/rules/rules/behaviors/0/options/clientCertificateVersionGuid",
        ),
    ];
    for (pointer, wrong, told) in cases {
        let mut document = document.clone();
        put(&mut document, pointer, wrong);
        let refused = apply(&world, &read(&document), Run::Real)
            .await
            .expect_err(pointer);
        let expected = if told.is_empty() { pointer } else { told };
        assert_eq!(place(&refused), expected, "{refused}");
        assert!(!refused.to_string().contains("PRIVATE"));
    }
    // Nothing of all that remains, and the good one can be applied.
    let declarations = world.controller.declarations();
    let exported = declarations.export(&world.caller).await.unwrap();
    assert_eq!(exported, read(&json!({})));
    let plan = apply(&world, &read(&document), Run::Dry).await.unwrap();
    assert!(!plan.changes.is_empty());
}

#[tokio::test]
async fn names_are_written_in_places_as_json_pointers_want_it() {
    let world = World::new().await;
    let document = json!({"caSets": {"a/b~c": {"certificatesPem": "nothing"}}});
    let refused = apply(&world, &read(&document), Run::Dry).await.unwrap_err();
    assert_eq!(place(&refused), "/caSets/a~1b~0c/certificatesPem");
}
