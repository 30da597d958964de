//! What a scrape tells, and whether a node is ready.

use std::collections::BTreeSet;

use countersign_edge::{Admin, metrics_document};
use countersign_snapshot::ClientAuthMode;
use countersign_testkit::wait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::World;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
const DASHBOARD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/grafana/countersign.json"
);

pub(crate) fn admin(world: &World) -> Admin {
    Admin::start("127.0.0.1:0".parse().unwrap(), vec![world.edge.clone()]).unwrap()
}

/// The status and the body of an answer.
async fn ask(admin: &Admin, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(admin.local_addr()).await.unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: admin\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// The sum of all samples that begin so.
pub(crate) async fn sum(admin: &Admin, series: &str) -> u64 {
    let (_, text) = ask(admin, "GET /metrics").await;
    let samples = text.lines().filter(|line| line.starts_with(series));
    samples
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

/// The sum over a counter's series with this reason.
pub(crate) async fn counted(admin: &Admin, counter: &str, reason: &str) -> u64 {
    let (_, text) = ask(admin, "GET /metrics").await;
    let reason = format!("reason=\"{reason}\"");
    text.lines()
        .filter(|line| line.starts_with(counter) && line.contains(&reason))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

/// Waits until a scrape has a line that begins so; gives its value.
pub(crate) async fn sample(admin: &Admin, series: &str) -> f64 {
    countersign_testkit::wait::until_async(series, async || {
        let (_, text) = ask(admin, "GET /metrics").await;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
        value.ok_or(text)
    })
    .await
}

#[tokio::test]
async fn handshakes_and_requests_are_counted_by_outcome_and_reason() {
    let world = World::site(ClientAuthMode::Request).await;
    let admin = admin(&world);
    let alice = world.alice();
    let mallory = world.others.client("mallory").issue();
    let [mut http1, mut http2] = world.both("a.test", Some(&alice)).await;
    assert_eq!(http1.get("/").await.unwrap().status, 200);
    assert_eq!(http1.get("/").await.unwrap().status, 200);
    assert_eq!(http2.get("/").await.unwrap().status, 200);
    let mut refused = world.http1_as("a.test", &mallory).await;
    assert_eq!(refused.get("/").await.unwrap().status, 403);
    let stranger = world.client("unknown.example");
    assert!(stranger.connect(world.edge.local_addr()).await.is_err());

    for (series, expected) in [
        (
            r#"countersign_edge_requests_total{network="staging",protocol="http/1.1",status="2xx",verdict="valid",reason="none"}"#,
            2.0,
        ),
        (
            r#"countersign_edge_requests_total{network="staging",protocol="h2",status="2xx",verdict="valid",reason="none"}"#,
            1.0,
        ),
        (
            r#"countersign_edge_requests_total{network="staging",protocol="http/1.1",status="4xx",verdict="invalid",reason="unknown_issuer"}"#,
            1.0,
        ),
        (
            r#"countersign_edge_handshakes_total{network="staging",outcome="refused",reason="unknown_server_name",protocol="none",tls_version="none",group="none",resumed="none"}"#,
            1.0,
        ),
        (
            r#"countersign_edge_handshake_duration_seconds_count{network="staging",outcome="accepted"}"#,
            3.0,
        ),
        (
            r#"countersign_edge_request_duration_seconds_count{network="staging",protocol="http/1.1"}"#,
            3.0,
        ),
        (
            r#"countersign_edge_connections{network="staging",binding="a",protocol="http/1.1"}"#,
            2.0,
        ),
        (r#"countersign_edge_generation{network="staging"}"#, 1.0),
        (r#"countersign_edge_ready{network="staging"}"#, 1.0),
        (
            r#"countersign_edge_access_log_dropped_records_total{network="staging"}"#,
            0.0,
        ),
        (
            r#"countersign_edge_origin_first_byte_seconds_count{network="staging"}"#,
            3.0,
        ),
    ] {
        assert_eq!(sample(&admin, series).await, expected, "{series}");
    }
    let answered = |connection| {
        format!(
            r#"countersign_edge_origin_requests_total{{network="staging",origin="main",connection="{connection}"}}"#
        )
    };
    let new = sample(&admin, &answered("new")).await;
    let reused = sample(&admin, &answered("reused")).await;
    assert!(new >= 1.0);
    assert_eq!(new + reused, 3.0);
    let lookups = |outcome| {
        format!(
            r#"countersign_edge_verdict_cache_lookups_total{{network="staging",outcome="{outcome}"}}"#
        )
    };
    assert!(sample(&admin, &lookups("hit")).await >= 1.0);
    assert!(sample(&admin, &lookups("miss")).await >= 2.0);
}

#[tokio::test]
async fn an_origin_that_does_not_answer_is_counted_with_the_reason() {
    let world = World::open().await;
    let admin = admin(&world);
    world
        .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
            let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            snapshot.origins[0].endpoints[0].port = closed.local_addr().unwrap().port();
        })
        .await;
    let mut http = world.http1("open.test").await;
    assert_eq!(http.get("/").await.unwrap().status, 502);
    let errors = r#"countersign_edge_origin_errors_total{network="staging",origin="main",reason="origin_unreachable"}"#;
    assert_eq!(sample(&admin, errors).await, 1.0);
}

#[tokio::test]
async fn a_node_is_ready_from_its_first_snapshot_until_it_drains() {
    let world = World::empty().await;
    let admin = admin(&world);
    assert_eq!(ask(&admin, "GET /healthz").await.0, 200);
    let (status, text) = ask(&admin, "GET /readyz").await;
    assert_eq!((status, text.as_str()), (503, "staging: no snapshot yet\n"));
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    let (status, text) = ask(&admin, "GET /readyz").await;
    assert_eq!(
        (status, text.as_str()),
        (200, "staging: generation 1 is enforced\n")
    );
    world.edge.drain(std::time::Duration::ZERO).await;
    let (status, text) = ask(&admin, "GET /readyz").await;
    assert_eq!((status, text.as_str()), (503, "staging: draining\n"));
    assert_eq!(ask(&admin, "GET /healthz").await.0, 200);
}

#[tokio::test]
async fn the_admin_listener_only_tells() {
    let world = World::empty().await;
    let admin = admin(&world);
    assert_eq!(ask(&admin, "POST /metrics").await.0, 405);
    assert_eq!(ask(&admin, "GET /").await.0, 404);
    let address = admin.local_addr();
    drop(admin);
    assert!(TcpStream::connect(address).await.is_err());
}

/// Every name that a scrape or a query may use: histograms have three.
fn documented() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in metrics_document().lines() {
        let Some((name, rest)) = line
            .strip_prefix("| `")
            .and_then(|line| line.split_once("` | "))
        else {
            continue;
        };
        if rest.starts_with("histogram") {
            names.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        } else {
            names.insert(name.to_owned());
        }
    }
    names
}

#[tokio::test]
async fn every_sample_of_a_scrape_is_documented() {
    let world = World::site(ClientAuthMode::Request).await;
    let admin = admin(&world);
    assert_eq!(
        world
            .http1_as("a.test", &world.alice())
            .await
            .get("/")
            .await
            .unwrap()
            .status,
        200
    );
    let (_, text) = ask(&admin, "GET /metrics").await;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let documented = documented();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    for line in samples {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(documented.contains(name), "{line}");
        for private in ["a.test", "alice", "127.0.0.1"] {
            assert!(!line.contains(private), "{line}");
        }
    }
}

#[test]
fn the_document_of_metrics_is_what_the_table_says() {
    let expected = metrics_document();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(DOCUMENT, &expected).unwrap();
    }
    let found = std::fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(
        found == expected,
        "docs/metrics.md differs from the table of metrics: run with UPDATE_GOLDEN=1 and review the difference"
    );
}

/// The labels that a query names: those that it groups by, and those in braces.
fn labels_of(query: &str) -> BTreeSet<&str> {
    let grouped = query
        .split(" by (")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0.split(", ")));
    let selected = query
        .split('{')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('}')?.0.split(", ")));
    let selected = selected
        .flatten()
        .map(|matcher| matcher.split(['=', '!']).next().unwrap());
    grouped.flatten().chain(selected).collect()
}

/// What a metric has, and what Prometheus adds.
fn has_label(name: &str, label: &str) -> bool {
    let document = metrics_document();
    let base = ["_bucket", "_sum", "_count"]
        .into_iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name);
    let row = document.lines().find(|line| {
        [name, base]
            .iter()
            .any(|name| line.starts_with(&format!("| `{name}` ")))
    });
    label == "instance"
        || (label == "le" && name.ends_with("_bucket"))
        || row
            .unwrap()
            .split(" | ")
            .nth(2)
            .unwrap()
            .contains(&format!("`{label}`"))
}

#[test]
fn the_dashboard_asks_only_for_metrics_and_labels_that_exist() {
    let text = std::fs::read_to_string(DASHBOARD).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let documented = documented();
    let (mut queries, mut ids) = (0, BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            let mut rest = query;
            let mut named = 0;
            while let Some(at) = rest.find("countersign_") {
                let name: String = rest[at..]
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                assert!(documented.contains(&name), "{name} in {query}");
                for label in labels_of(query) {
                    assert!(has_label(&name, label), "{label} of {name} in {query}");
                }
                rest = &rest[at + name.len()..];
                named += 1;
            }
            assert!(named > 0, "{query}");
            queries += 1;
        }
    }
    assert!(queries >= 25, "{queries}");
}

#[tokio::test]
async fn an_idle_connection_that_the_origin_closed_is_soon_counted_no_more() {
    let world = World::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (close, closing) = tokio::sync::oneshot::channel();
    let origin = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        closing.await.unwrap();
    });
    world
        .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
            snapshot.origins[0].endpoints[0].port = port;
        })
        .await;
    let admin = admin(&world);
    let open = r#"countersign_edge_origin_connections{network="staging",origin="main"}"#;
    let response = world.http1("open.test").await.get("/").await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(sample(&admin, open).await, 1.0);
    close.send(()).unwrap();
    origin.await.unwrap();
    // No other request comes that would find out.
    wait::until_async("no connection", async || match sample(&admin, open).await {
        0.0 => Ok(()),
        count => Err(count),
    })
    .await;
}
