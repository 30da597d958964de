//! Bearer tokens and signed requests.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use serde_json::json;

use crate::support::{Answer, PREFIX, World};

/// What an `.edgerc` file has.
#[derive(Clone)]
struct EdgeGrid {
    client_token: String,
    access_token: String,
    client_secret: String,
}

impl EdgeGrid {
    async fn new(world: &World) -> Self {
        let body = json!({"name": "terraform", "role": "operator", "kind": "EDGEGRID"});
        let made = world.post("/v1/api-clients", body).await;
        let text = |field: &str| made.expect(201).body[field].as_str().unwrap().to_owned();
        Self {
            client_token: text("clientToken"),
            access_token: text("accessToken"),
            client_secret: text("clientSecret"),
        }
    }

    /// Signs as the vendor's clients do.
    fn sign(&self, timestamp: &str, nonce: &str, method: &str, path: &str, body: &[u8]) -> String {
        let unsigned = format!(
            "EG1-HMAC-SHA256 client_token={};access_token={};timestamp={timestamp};nonce={nonce};",
            self.client_token, self.access_token
        );
        let sign = |key: &[u8], text: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            STANDARD.encode(hmac::sign(&key, text.as_bytes()))
        };
        let key = sign(self.client_secret.as_bytes(), timestamp);
        let hash = if method == "POST" && !body.is_empty() {
            STANDARD.encode(digest(&SHA256, body))
        } else {
            String::new()
        };
        let data = format!("{method}\thttps\tapi.test\t{path}\t\t{hash}\t{unsigned}");
        format!("{unsigned}signature={}", sign(key.as_bytes(), &data))
    }
}

async fn send(world: &World, method: &str, path: &str, authorization: &str, body: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "api.test")
        .header("authorization", authorization)
        .body(Body::from(body.to_owned()))
        .unwrap();
    world.send(request).await
}

const THEN: &str = "20260601T00:00:00+0000";

#[tokio::test]
async fn a_signed_request_is_carried_out_as_its_client() {
    let world = World::new().await;
    let client = EdgeGrid::new(&world).await;
    let path = format!("{PREFIX}/ca-sets");
    let body = r#"{"caSetName":"partners"}"#;
    let signed = client.sign(THEN, "n1", "POST", &path, body.as_bytes());
    let made = send(&world, "POST", &path, &signed, body).await;
    assert_eq!(made.expect(201).body["createdBy"], "terraform");
    let path = format!("{path}?activatedOn=STAGING%2BPRODUCTION&accountSwitchKey=1-5BYUG1:1-8BYUX");
    let signed = client.sign(THEN, "n2", "GET", &path, b"");
    send(&world, "GET", &path, &signed, "").await.expect(200);
}

#[tokio::test]
async fn whatever_is_signed_cannot_be_changed() {
    let world = World::new().await;
    let client = EdgeGrid::new(&world).await;
    let path = format!("{PREFIX}/ca-sets");
    let body = r#"{"caSetName":"partners"}"#;
    let deny = |answer: Answer| {
        answer.problem(401, "deny");
        assert_eq!(
            answer.body["type"],
            "https://problems.luna.akamaiapis.net/-/pep-authn/deny"
        );
        assert_eq!(answer.body["title"], "Not authorized");
        // What the vendor's front door says beside.
        let said = |field: &str| answer.body[field].as_str().unwrap_or_default();
        assert_eq!(said("requestTime"), "2026-06-01T00:00:00Z");
        assert!(said("instance").ends_with(said("requestId")));
        assert_eq!(said("requestId").len(), 16);
        assert!(["GET", "POST"].contains(&said("method")));
        assert!(!said("clientIp").is_empty());
        assert_eq!(answer.body["detail"], "The signature does not match");
    };
    let signed = client.sign(THEN, "n1", "POST", &path, body.as_bytes());
    deny(send(&world, "POST", &path, &signed, r#"{"caSetName":"others"}"#).await);
    deny(send(&world, "POST", &format!("{path}?a=b"), &signed, body).await);
    deny(send(&world, "GET", &path, &signed, body).await);
    deny(
        send(
            &world,
            "POST",
            &path,
            &signed.replace("nonce=n1", "nonce=n2"),
            body,
        )
        .await,
    );
    let mut other = client.clone();
    other.client_secret = "secret".to_owned();
    deny(
        send(
            &world,
            "POST",
            &path,
            &other.sign(THEN, "n1", "POST", &path, body.as_bytes()),
            body,
        )
        .await,
    );
    // None of these used the nonce up.
    send(&world, "POST", &path, &signed, body).await.expect(201);
}

#[tokio::test]
async fn old_future_repeated_and_foreign_requests_are_refused() {
    let world = World::new().await;
    let client = EdgeGrid::new(&world).await;
    let path = format!("{PREFIX}/ca-sets");
    let refused = |answer: Answer, detail: &str| {
        answer.problem(400, "request-error");
        assert_eq!(
            answer.body["type"],
            "https://problems.luna.akamaiapis.net/-/pep-authn/request-error"
        );
        assert_eq!(answer.body["title"], "Bad request");
        assert_eq!(answer.body["detail"], detail);
    };
    let get = async |timestamp: &str, nonce: &str| {
        let signed = client.sign(timestamp, nonce, "GET", &path, b"");
        send(&world, "GET", &path, &signed, "").await
    };
    get("20260531T23:59:30+0000", "a").await.expect(200);
    get("20260601T00:00:30+0000", "b").await.expect(200);
    refused(
        get("20260531T23:59:29+0000", "c").await,
        "Invalid timestamp",
    );
    refused(
        get("20260601T00:00:31+0000", "d").await,
        "Invalid timestamp",
    );
    refused(get(THEN, "b").await, "The nonce was used before");
    let mut other = client.clone();
    other.client_token = "akab-unknown".to_owned();
    let signed = other.sign(THEN, "e", "GET", &path, b"");
    refused(
        send(&world, "GET", &path, &signed, "").await,
        "Invalid authorization client token",
    );
    let mut other = client.clone();
    other.access_token = "akab-unknown".to_owned();
    let signed = other.sign(THEN, "f", "GET", &path, b"");
    refused(
        send(&world, "GET", &path, &signed, "").await,
        "Invalid authorization access token",
    );
    let answer = send(&world, "GET", &path, "EG1-HMAC-SHA256 hello", "").await;
    refused(answer, "Malformed authorization header");
}

#[tokio::test]
async fn a_nonce_stays_used_after_a_restart() {
    let world = World::new().await;
    let client = EdgeGrid::new(&world).await;
    let path = format!("{PREFIX}/ca-sets");
    let signed = client.sign(THEN, "n", "GET", &path, b"");
    send(&world, "GET", &path, &signed, "").await.expect(200);
    let world = world.restart().await;
    send(&world, "GET", &path, &signed, "")
        .await
        .problem(400, "request-error");
}

#[tokio::test]
async fn without_a_good_token_there_is_nothing_but_401() {
    let world = World::new().await;
    for authorization in [
        None,
        Some("Bearer "),
        Some("Bearer csgn_x"),
        Some("Basic YTpi"),
        Some("x"),
    ] {
        let mut request = Request::builder().uri(format!("{PREFIX}/ca-sets"));
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        answer.problem(401, "unauthorized");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
}

#[tokio::test]
async fn secrets_are_not_in_the_store_in_the_clear() {
    let world = World::new().await;
    let client = EdgeGrid::new(&world).await;
    let token = world.tokens[0].1.clone();
    world.controller.close().await;
    for entry in std::fs::read_dir(world.path().join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [&client.client_secret, &token] {
            assert!(
                !bytes
                    .windows(secret.len())
                    .any(|window| window == secret.as_bytes())
            );
        }
    }
}
