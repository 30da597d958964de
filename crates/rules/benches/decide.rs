//! Time per decision over trees of a thousand rules. `cargo bench -p countersign-rules`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "../tests/support/request.rs"]
mod request;

use std::hint::black_box;
use std::time::Instant;

use countersign_rules::{NameAttribute, Program, RuleTree, compile};
use request::Request;
use serde_json::{Value, json};

const RULES: usize = 1_000;

fn program(children: Vec<Value>) -> Program {
    let document = json!({ "ruleFormat": "latest", "rules": { "name": "default",
        "behaviors": [
            { "name": "origin", "options": { "originId": "main" } },
            { "name": "enforceMtlsSettings", "options": { "enableAuthSet": true,
                "certificateAuthoritySet": ["one"], "enableDenyRequest": true } },
        ],
        "children": children } });
    compile(&RuleTree::from_json(&document.to_string()).unwrap()).unwrap()
}

fn child(index: usize, criteria: &Value) -> Value {
    json!({ "name": format!("rule {index}"), "criteria": criteria, "behaviors": [
        { "name": "logCustom", "options": { "customLogField": format!("rule {index}") } },
        { "name": "denyAccess", "options": { "reason": "closed" } } ] })
}

fn measure(name: &str, program: &Program, request: &Request) {
    const ROUNDS: u32 = 11;
    const DECISIONS: u32 = 20_000;
    let mut rounds: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..DECISIONS {
                black_box(black_box(program).decide(black_box(request)));
            }
            start.elapsed().as_nanos() / u128::from(DECISIONS)
        })
        .collect();
    rounds.sort_unstable();
    let median = rounds.get(rounds.len() / 2).copied().unwrap_or_default();
    println!("{name:<58} {median:>8} ns per decision");
}

fn main() {
    let by_path = program(
        (0..RULES)
            .map(|index| {
                child(
                    index,
                    &json!([
        { "name": "path", "options": { "values": [format!("/service-{index}/*")] } }]),
                )
            })
            .collect(),
    );
    let by_host = program(
        (0..RULES)
            .map(|index| {
                child(
                    index,
                    &json!([
        { "name": "hostname", "options": { "values": [format!("host-{index}.example.com")] } }]),
                )
            })
            .collect(),
    );
    let by_both = program((0..RULES).map(|index| child(index, &json!([
        { "name": "hostname", "options": { "values": ["www.example.com"] } },
        { "name": "path", "options": { "values": [format!("/service-{index}/*"), format!("/other-{index}")] } },
        { "name": "clientSubject", "options": { "attribute": "COMMON_NAME", "values": ["alice"] } }]))).collect());
    let by_client = program((0..RULES).map(|index| child(index, &json!([
        { "name": "clientSubject", "options": { "attribute": "COMMON_NAME", "values": [format!("client-{index}")] } }]))).collect());
    let by_fingerprint = program(
        (0..RULES)
            .map(|index| {
                child(
                    index,
                    &json!([
        { "name": "clientFingerprint", "options": { "values": [format!("{index:064x}")] } }]),
                )
            })
            .collect(),
    );
    let unindexed = program((0..RULES).map(|index| child(index, &json!([
        { "name": "clientSubject", "options": { "attribute": "COMMON_NAME", "matchOperator": "IS_NOT_ONE_OF",
            "values": ["alice", format!("client-{index}")] } }]))).collect());

    let request = |host: &str, path: &str| Request {
        hostname: host.to_owned(),
        ..Request::to(path).with_certificate(&["one"])
    };
    let hit = request("www.example.com", "/service-777/orders/4711");
    let miss = request("www.example.com", "/nothing/orders/4711");
    measure("no rules but the top one", &program(Vec::new()), &hit);
    measure("1,000 rules by path, one matches", &by_path, &hit);
    measure("1,000 rules by path, none matches", &by_path, &miss);
    measure(
        "1,000 rules by host, one matches",
        &by_host,
        &request("host-777.example.com", "/"),
    );
    measure(
        "1,000 rules by one host, path and client, one matches",
        &by_both,
        &hit,
    );
    let mut client = request("www.example.com", "/orders/4711");
    measure(
        "1,000 rules by client alone, none matches",
        &by_client,
        &client,
    );
    client.subject = vec![(NameAttribute::CommonName, "client-777".to_owned())];
    measure(
        "1,000 rules by client alone, one matches",
        &by_client,
        &client,
    );
    let mut digest = [0; 32];
    digest[30..].copy_from_slice(&777_u16.to_be_bytes());
    client.fingerprint = Some(digest);
    measure(
        "1,000 rules by fingerprint, one matches",
        &by_fingerprint,
        &client,
    );
    measure(
        "1,000 rules that no value finds, none matches",
        &unindexed,
        &hit,
    );
}
