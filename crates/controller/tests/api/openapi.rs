//! The OpenAPI document: committed, and true.

use countersign_controller::{openapi_document, operations};
use serde_json::{Value, json};

use crate::conforms::conforms;
use crate::support::{PREFIX, World, root_pem, version_of};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[tokio::test]
async fn the_committed_document_is_the_served_one() {
    let text = format!(
        "{}\n",
        serde_json::to_string_pretty(&openapi_document()).unwrap()
    );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &text).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    assert!(
        text == golden,
        "run with UPDATE_GOLDEN=1 and review the difference"
    );
    let world = World::new().await;
    let served = world.get("/openapi.json").await;
    assert_eq!(served.expect(200).body, openapi_document());
}

#[test]
fn every_operation_and_every_schema_it_names_is_in_the_document() {
    let document = openapi_document();
    let mut ids = Vec::new();
    for operation in operations() {
        let method = operation.method.http().as_str().to_ascii_lowercase();
        let described = &document["paths"][operation.path][&method];
        assert_eq!(described["operationId"], operation.id);
        ids.push(operation.id);
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let truststore = operations().filter(|operation| operation.path.starts_with(PREFIX));
    assert_eq!(truststore.count(), 21);
    check_references(&document, &document);
}

fn check_references(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            fields
                .values()
                .for_each(|value| check_references(document, value));
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| check_references(document, value)),
        _ => {}
    }
}

#[tokio::test]
async fn answers_have_exactly_the_fields_of_their_schemas() {
    let world = World::new().await;
    let document = openapi_document();
    let link = world.ca_set("partners").await;
    let made = world
        .post(
            &format!("{link}/versions"),
            version_of(&[&root_pem("Root"), "x"][..1]),
        )
        .await;
    let check = |schema: &str, body: &Value| {
        conforms(
            &document,
            &json!({"$ref": format!("#/components/schemas/{schema}")}),
            body,
            schema,
        )
    };
    check("Version", &made.body);
    check("CaSet", &world.get(&link).await.body);
    check(
        "CaSets",
        &world.get(&format!("{PREFIX}/ca-sets")).await.body,
    );
    check(
        "Versions",
        &world
            .get(&format!("{link}/versions?includeCertificates=true"))
            .await
            .body,
    );
    check(
        "Certificates",
        &world
            .get(&format!("{link}/versions/1/certificates"))
            .await
            .body,
    );
    check(
        "Activities",
        &world.get(&format!("{link}/activities")).await.body,
    );
    check(
        "Associations",
        &world.get(&format!("{link}/associations")).await.body,
    );
    check(
        "Activations",
        &world.get(&format!("{link}/activations")).await.body,
    );
    check("AuditEntries", &world.get("/v1/audit").await.body);
    check("AuditCheck", &world.get("/v1/audit/verify").await.body);
    check("ApiClients", &world.get("/v1/api-clients").await.body);
    let validated = world
        .post(
            &format!("{PREFIX}/certificates/validate"),
            version_of(&[&root_pem("Root")]),
        )
        .await;
    check("ValidationAnswer", &validated.body);
    check(
        "Problem",
        &world.get(&format!("{PREFIX}/ca-sets/x")).await.body,
    );
    let activation = world
        .post(
            &format!("{link}/versions/1/activate"),
            json!({"network": "STAGING"}),
        )
        .await;
    check("Activation", &activation.expect(202).body);
    let other = world.ca_set("others").await;
    check(
        "DeletionStatus",
        &world.delete(&other).await.expect(202).body,
    );
    let new = json!({"name": "n", "role": "viewer", "kind": "EDGEGRID"});
    check(
        "NewApiClient",
        &world.post("/v1/api-clients", new).await.expect(201).body,
    );
}
