//! Threats C4.4: an origin can tell what the edge says about a client from what anybody else says (RFC 9421).

use std::io::Write as _;
use std::process::{Command, Stdio};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use countersign_snapshot::{Binding, ClientAuthMode, ForwardingKey};
use countersign_testkit::NOW;
use countersign_testkit::client::{Body, body, body_with_trailers};
use countersign_testkit::origin::Received;
use countersign_trust::UnixTime;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use serde_json::{Value, json};

use crate::world::{CLIENTS, World};

const VERIFIER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/signatures/verify.py");

/// A key, and what origins know of it.
fn key(world: &World, id: &str, used_from: i64) -> (ForwardingKey, Value) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let key = ForwardingKey {
        id: id.to_owned(),
        used_from: UnixTime::from_secs(used_from),
        key: world.seal(
            ForwardingKey::SEAL_CONTEXT,
            pair.to_pkcs8().unwrap().as_ref(),
        ),
    };
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    (key, json!({ "kid": id, "x": x }))
}

/// `a.test`, with requests signed, and what origins know of the keys.
async fn signing() -> (World, Value) {
    let world = World::empty().await;
    let (old, first) = key(&world, "first", NOW - 100);
    let (new, second) = key(&world, "second", NOW + 100);
    world
        .activate_with(&[binding(&world)], |it| it.forwarding_keys = vec![old, new])
        .await;
    (world, json!({ "keys": [first, second] }))
}

fn binding(world: &World) -> Binding {
    let mut binding = world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS]);
    let rules = &binding.rules;
    let signed = rules.replace(r#""presets":"#, r#""sign":true,"presets":"#);
    assert_ne!(*rules, signed);
    binding.rules = signed;
    binding
}

/// What the origin saw, in the words of the verifier.
fn seen(received: &Received) -> Value {
    let [host] = received.header("host")[..] else {
        panic!("{received:?}")
    };
    json!({
        "method": received.method,
        "url": format!("http://{host}{}", received.target),
        "headers": received.headers,
    })
}

fn verify(now: i64, keys: &Value, requests: &[Value]) -> Vec<Value> {
    let mut verifier = Command::new("python3")
        .arg(VERIFIER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let told = json!({ "now": now, "keys": keys, "requests": requests }).to_string();
    let mut stdin = verifier.stdin.take().unwrap();
    stdin.write_all(told.as_bytes()).unwrap();
    drop(stdin);
    let output = verifier.wait_with_output().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let said: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(said.len(), requests.len());
    said
}

/// With what a client that wants to mix itself in would send.
fn request(uri: &str) -> Request<Body> {
    Request::post(uri)
        .header("signature", "countersign=:AAAA:, mine=:AAAA:")
        .header(
            "signature-input",
            r#"countersign=("client-cert");keyid="first";tag="countersign""#,
        )
        .header("Signature_Input", "forged")
        .header("countersign-hostname", "forged")
        .body(body("content"))
        .unwrap()
}

#[tokio::test]
async fn a_foreign_verifier_believes_what_the_edge_signed_over_every_protocol() {
    let (world, keys) = signing().await;
    let alice = world
        .clients
        .intermediate("Issuing")
        .client("alice")
        .issue();
    let uri = "/open/x%20y;v=1?a=1&b=%C3%BC";
    for credential in [Some(&alice), None] {
        for mut http in world.both("a.test", credential).await {
            let response = http.send(request(uri)).await.unwrap();
            assert_eq!(response.status, StatusCode::OK);
        }
        let mut http3 = world.http3("a.test", credential).await;
        let request = request(&format!("https://A.test{uri}"));
        assert_eq!(http3.send(request).await.unwrap().status, StatusCode::OK);
    }
    let requests: Vec<Value> = world.origin.received().iter().map(seen).collect();
    assert_eq!(requests.len(), 6);
    let mut nonces: Vec<String> = Vec::new();
    for (at, said) in verify(NOW, &keys, &requests).into_iter().enumerate() {
        let covered = &said["covered"];
        assert_eq!(covered["@method"], "POST", "{said}");
        assert_eq!(covered["@authority"], "a.test");
        assert_eq!(covered["@path"], "/open/x%20y;v=1");
        assert_eq!(covered["@query"], "?a=1&b=%C3%BC");
        assert_eq!(covered["countersign-hostname"], "a.test");
        assert_eq!(said["keyid"], "first");
        let is_known = at < 3;
        let verdict = if is_known {
            "valid"
        } else {
            "missing; reason=missing"
        };
        assert_eq!(covered["countersign-client-verdict"], verdict);
        // Everything that the origin could take for the client's identity.
        let identity = [
            "client-cert",
            "client-cert-chain",
            "akamai-cc-der",
            "ssl-client-cert",
        ];
        for name in identity.into_iter().chain(["x-forwarded-client-cert"]) {
            assert_eq!(covered[name].is_string(), is_known, "{name}: {said}");
        }
        nonces.push(said["nonce"].to_string());
    }
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 6);
}

#[tokio::test]
async fn whatever_is_altered_on_the_way_or_comes_late_is_not_believed() {
    let (world, keys) = signing().await;
    let mut http = world.http1_as("a.test", &world.alice()).await;
    assert_eq!(http.get("/x?q").await.unwrap().status, StatusCode::OK);
    let good = seen(&world.origin.last());
    let with = |edit: &dyn Fn(&mut Value)| {
        let mut altered = good.clone();
        edit(&mut altered);
        altered
    };
    let header = |name: &'static str, value: Option<&'static str>| {
        let good = good.clone();
        move || {
            let mut altered = good.clone();
            let headers = altered["headers"].as_array_mut().unwrap();
            headers.retain(|header| value.is_some() || header[0] != name);
            for header in headers.iter_mut().filter(|header| header[0] == name) {
                header[1] = value.into();
            }
            assert_ne!(altered, good);
            altered
        }
    };
    let altered = [
        with(&|it| it["method"] = "DELETE".into()),
        with(&|it| it["url"] = "http://a.test/admin?q".into()),
        with(&|it| it["url"] = "http://a.test/x?p".into()),
        with(&|it| it["url"] = "http://b.test/x?q".into()),
        header("client-cert", Some(":AAAA:"))(),
        header("client-cert", None)(),
        header("countersign-client-verdict", Some("missing"))(),
        header("countersign-hostname", Some("b.test"))(),
        header("signature", None)(),
        header(
            "signature-input",
            Some(r#"countersign=("@method");created=1;keyid="first";tag="countersign""#),
        )(),
    ];
    for (at, said) in verify(NOW, &keys, &altered).iter().enumerate() {
        assert!(said["refused"].is_string(), "{at}: {said}");
    }
    for (now, is_believed) in [
        (NOW - 1, false),
        (NOW, true),
        (NOW + 60, true),
        (NOW + 61, false),
    ] {
        let said = &verify(now, &keys, std::slice::from_ref(&good))[0];
        assert_eq!(said["covered"].is_object(), is_believed, "{now}: {said}");
    }
    let strangers = json!({ "keys": [] });
    let said = &verify(NOW, &strangers, &[good])[0];
    assert!(said["refused"].is_string(), "{said}");
}

#[tokio::test]
async fn the_next_key_is_used_from_its_time_on() {
    let (world, keys) = signing().await;
    let mut http = world.http1_as("a.test", &world.alice()).await;
    for (now, expected) in [(NOW + 99, "first"), (NOW + 100, "second")] {
        world.clock.set(now);
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        let said = &verify(now, &keys, &[seen(&world.origin.last())])[0];
        assert_eq!(said["keyid"], expected, "{said}");
    }
}

#[tokio::test]
async fn signatures_of_clients_do_not_pass_where_the_edge_signs_and_pass_where_it_does_not() {
    let (world, _) = signing().await;
    let mut http = world.http1("a.test").await;
    http.send(request("/open/x")).await.unwrap();
    let received = world.origin.last();
    for name in ["signature", "signature-input"] {
        let values = received.header(name);
        assert_eq!(values.len(), 1, "{received:?}");
        assert!(values[0].starts_with("countersign="), "{received:?}");
        assert!(!values[0].contains("AAAA"), "{received:?}");
    }
    assert!(received.header("signature_input").is_empty());
    let mut trailers = HeaderMap::new();
    trailers.insert("signature", HeaderValue::from_static("countersign=:AAAA:"));
    trailers.insert("x-kept", HeaderValue::from_static("kept"));
    let with_trailers = Request::post("/open/x")
        .header("trailer", "signature, x-kept")
        .body(body_with_trailers("data", trailers))
        .unwrap();
    http.send(with_trailers).await.unwrap();
    let kept = [("x-kept".to_owned(), "kept".to_owned())];
    assert_eq!(world.origin.last().trailers, kept);

    let open = World::open().await;
    let mut http = open.http1("open.test").await;
    let signed = Request::get("/")
        .header("signature", "mine=:AAAA:")
        .body(body(Bytes::new()))
        .unwrap();
    http.send(signed).await.unwrap();
    assert_eq!(open.origin.last().header("signature"), ["mine=:AAAA:"]);
    assert!(open.origin.last().header("signature-input").is_empty());
}
