//! Access records over OTLP: read by the protocol's own messages, and what becomes of them when the collector does not take them.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use countersign_edge::{Admin, EdgeHandle, OtlpLogs};
use countersign_snapshot::{ClientAuthMode, OriginTrust};
use countersign_testkit::origin::Reaction;
use countersign_testkit::process::Program;
use countersign_testkit::{Credential, Origin, Pki, wait};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use crate::metrics::sample;
use crate::world::World;

const COLLECTOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/otlp/collector.py");
const DELIVERED: &str =
    r#"countersign_edge_otlp_log_records_total{network="staging",outcome="delivered"}"#;
const DROPPED: &str =
    r#"countersign_edge_otlp_log_records_total{network="staging",outcome="dropped"}"#;

#[tokio::test]
async fn the_protocols_own_messages_read_every_field_of_every_record() {
    let world = World::site(ClientAuthMode::Request).await;
    let root = Pki::new().root("Collector Root");
    let credential = root.server(["localhost"]).issue();
    let files = tempfile::tempdir().unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| files.path().join(name));
    std::fs::write(&chain, credential.chain_pem()).unwrap();
    std::fs::write(&key, credential.key_pem()).unwrap();
    let mut collector =
        Program::start(Command::new("python3").arg(COLLECTOR).arg(&chain).arg(&key));
    let port = collector.wait_for_line("port ");
    let endpoint = format!("https://localhost:{}/v1/logs", &port["port ".len()..]);

    let mut logs = logs(&endpoint);
    logs.trust = OriginTrust::Bundle(vec![root.der().to_vec()]);
    let mut secret = HeaderValue::from_static("opensesame");
    secret.set_sensitive(true);
    logs.headers.insert("x-api-key", secret);
    assert!(!format!("{logs:?}").contains("opensesame"));
    let edge = world.restart_delivering(logs).await;
    let hostile = "Ünsafe\r\n\0\"\\{}真";
    let subject = [("CN", hostile)];
    let alice = world.clients.client("x").subject(&subject).uri("urn:x");
    assert_eq!(
        get(&world, &edge, Some(&alice.issue())).await,
        StatusCode::OK
    );
    assert_eq!(get(&world, &edge, None).await, StatusCode::FORBIDDEN);
    let stranger = world.client("unknown.example");
    assert!(stranger.connect(edge.local_addr()).await.is_err());
    edge.flush_access_log().await;

    let written = world.log.records();
    assert_eq!(written.len(), 3);
    let records_of = |request: &Value| {
        let scope = &request["message"]["resourceLogs"][0]["scopeLogs"][0];
        scope["logRecords"].as_array().unwrap().clone()
    };
    // What the collector prints comes after what it answers.
    let told = wait::until_async("every record at the collector", async || {
        let told: Vec<Value> = collector
            .stdout()
            .lines()
            .filter_map(|line| serde_json::from_str(line.strip_prefix("request ")?).ok())
            .collect();
        let count = told.iter().flat_map(records_of).count();
        (count >= written.len())
            .then_some(told)
            .ok_or_else(|| format!("{}{}", collector.stdout(), collector.stderr()))
    })
    .await;
    for request in &told {
        assert_eq!(request["headers"]["x-api-key"], "opensesame");
        let resource = &request["message"]["resourceLogs"][0]["resource"];
        let resource = attributes(&resource["attributes"]);
        assert_eq!(resource["service.name"], "countersign");
        assert_eq!(resource["service.instance.id"], "node-1");
        assert_eq!(resource["network"], "staging");
    }
    let records: Vec<Value> = told.iter().flat_map(records_of).collect();
    assert_eq!(records.len(), written.len());
    for (record, written) in records.into_iter().zip(written) {
        assert_eq!(record["eventName"], written["event"]);
        assert_eq!(record["body"]["stringValue"], written["event"]);
        assert_eq!(record["timeUnixNano"], "1780272000000000000");
        let refused = !written["reason"].is_null();
        let severity = if refused { "WARN" } else { "INFO" };
        assert_eq!(record["severityText"], severity);
        assert_eq!(
            record["severityNumber"],
            format!("SEVERITY_NUMBER_{severity}")
        );
        let mut expected = written.as_object().unwrap().clone();
        expected.retain(|name, value| {
            !value.is_null() && !["event", "time", "network", "node"].contains(&name.as_str())
        });
        assert_eq!(attributes(&record["attributes"]), expected);
    }
}

#[tokio::test]
async fn a_collector_that_is_away_for_a_while_loses_nothing() {
    let world = World::site(ClientAuthMode::Request).await;
    let asked = AtomicUsize::new(0);
    let collector = Origin::builder()
        .answer(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => respond(503, ""),
            1 => Reaction::Close,
            _ => respond(200, "{}"),
        })
        .start()
        .await;
    let (edge, admin) = delivering(&world, &format!("{}/v1/logs", collector.url())).await;
    for _ in 0..3 {
        assert_eq!(get(&world, &edge, None).await, StatusCode::FORBIDDEN);
    }
    wait_for(&admin, DELIVERED, 3.0).await;
    assert_eq!(sample(&admin, DROPPED).await, 0.0);
    let received = collector.received();
    assert!(received.len() >= 3);
    assert_eq!(received[0].body, received[2].body, "the same batch again");
}

#[tokio::test]
async fn what_a_collector_refuses_or_rejects_is_counted_as_lost_and_not_sent_again() {
    let world = World::site(ClientAuthMode::Request).await;
    for (status, answer, lost) in [
        (400, "{}", 1.0),
        (
            200,
            r#"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"no"}}"#,
            1.0,
        ),
        (200, r#"{"partialSuccess":{}}"#, 0.0),
        (200, "no JSON", 0.0),
    ] {
        let collector = Origin::builder()
            .answer(move |_| respond(status, answer))
            .start()
            .await;
        let (edge, admin) = delivering(&world, &format!("{}/x", collector.url())).await;
        assert_eq!(get(&world, &edge, None).await, StatusCode::FORBIDDEN);
        edge.flush_access_log().await;
        assert_eq!(sample(&admin, DROPPED).await, lost, "{status} {answer}");
        assert_eq!(sample(&admin, DELIVERED).await, 1.0 - lost);
        assert_eq!(collector.received().len(), 1);
        assert_eq!(collector.last().target, "/x");
    }
}

#[tokio::test]
async fn requests_are_served_and_written_while_the_collector_hangs_or_lies_about_who_it_is() {
    let world = World::site(ClientAuthMode::Request).await;
    let root = Pki::new().root("Collector Root");
    let hanging = Origin::builder()
        .answer(|_| Reaction::Silence)
        .start()
        .await;
    let lying = Origin::builder()
        .tls(&root.server(["localhost"]).issue())
        .start()
        .await;
    let lying_port = lying.address().port();
    for endpoint in [
        hanging.url(),
        format!("https://localhost:{lying_port}/v1/logs"),
    ] {
        let before = world.log.records().len();
        let mut logs = logs(&endpoint);
        logs.trust = OriginTrust::Bundle(vec![world.server_root.der().to_vec()]);
        let edge = world.restart_delivering(logs).await;
        for _ in 0..20 {
            assert_eq!(get(&world, &edge, None).await, StatusCode::FORBIDDEN);
        }
        edge.drain(std::time::Duration::from_secs(5)).await;
        assert_eq!(world.log.records().len(), before + 20);
    }
    assert!(lying.received().is_empty());
}

fn logs(endpoint: &str) -> OtlpLogs {
    OtlpLogs {
        endpoint: endpoint.parse().unwrap(),
        trust: OriginTrust::System,
        headers: HeaderMap::new(),
    }
}

async fn delivering(world: &World, endpoint: &str) -> (EdgeHandle, Admin) {
    let edge = world.restart_delivering(logs(endpoint)).await;
    let address = "127.0.0.1:0".parse().unwrap();
    let admin = Admin::start(address, vec![edge.clone()]).unwrap();
    (edge, admin)
}

async fn wait_for(admin: &Admin, series: &str, value: f64) {
    countersign_testkit::wait::until_async(series, async || {
        let seen = sample(admin, series).await;
        if seen >= value { Ok(()) } else { Err(seen) }
    })
    .await;
}

fn respond(status: u16, body: &'static str) -> Reaction {
    let response = Response::builder().status(status);
    Reaction::Respond(response.body(Bytes::from_static(body.as_bytes())).unwrap())
}

async fn get(world: &World, edge: &EdgeHandle, credential: Option<&Credential>) -> StatusCode {
    let mut client = world.client("a.test");
    if let Some(credential) = credential {
        client = client.presenting(credential);
    }
    let connection = client.connect(edge.local_addr()).await.unwrap();
    let mut http = connection.http().await.unwrap();
    http.get("/").await.unwrap().status
}

/// Attributes as the JSON that they were made of.
fn attributes(attributes: &Value) -> Map<String, Value> {
    let attributes = attributes.as_array().unwrap().iter();
    attributes
        .map(|attribute| {
            let key = attribute["key"].as_str().unwrap().to_owned();
            (key, any_value(&attribute["value"]))
        })
        .collect()
}

fn any_value(value: &Value) -> Value {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "intValue" => value.as_str().unwrap().parse::<u64>().unwrap().into(),
        "arrayValue" => {
            let values = value["values"].as_array();
            values.into_iter().flatten().map(any_value).collect()
        }
        _ => value.clone(),
    }
}
