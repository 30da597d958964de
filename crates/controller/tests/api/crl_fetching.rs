//! CRLs that are fetched, over real sockets.

use std::sync::{Arc, Mutex};

use countersign_testkit::{DAY, NOW, Pki, wait};
use countersign_trust::UnixTime;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::crls::set_of;
use crate::log;
use crate::support::World;

const FAILS: &[u8] = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
const UNCHANGED: &[u8] = b"HTTP/1.1 304 Not Modified\r\n\r\n";

/// Answers every request as it was told last, until it is dropped.
pub struct CrlServer {
    port: u16,
    state: Arc<Mutex<ServerState>>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct ServerState {
    answer: Vec<u8>,
    /// The heads of all requests.
    asked: Vec<String>,
}

impl CrlServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(ServerState::default()));
        let mut serving = JoinSet::new();
        let served = Arc::clone(&state);
        serving.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&served)));
            }
        });
        let server = Self {
            port,
            state,
            _serving: serving,
        };
        server.says(FAILS.to_vec());
        server
    }

    pub fn says(&self, answer: Vec<u8>) {
        self.state.lock().unwrap().answer = answer;
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self) -> String {
        format!("http://{}/root.crl", self.host())
    }

    /// The heads of all requests so far, in small letters.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<ServerState>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(octet) => head.push(octet),
            Err(_) => return,
        }
    }
    let answer = {
        let mut state = state.lock().unwrap();
        let head = String::from_utf8(head).unwrap();
        state.asked.push(head.to_ascii_lowercase());
        state.answer.clone()
    };
    let _ = stream.write_all(&answer).await;
}

pub fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nLast-Modified: Tue, 24 Nov 2026 00:00:00 GMT\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The one CRL of a set, as soon as it is as it is to be.
async fn listed(world: &World, crls: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    wait::until_async("the CRL", async || {
        let crl = world.get(crls).await.body["crls"][0].clone();
        if is_so(&crl) { Ok(crl) } else { Err(crl) }
    })
    .await
}

fn is_checked(crl: &Value) -> bool {
    !crl["checkedDate"].is_null()
}

fn seconds(crl: &Value, field: &str) -> i64 {
    let time: UnixTime = crl[field].as_str().unwrap().parse().unwrap();
    time.as_secs()
}

fn address(server: &CrlServer) -> Value {
    json!({"url": server.url(), "privateNetwork": true})
}

#[tokio::test]
async fn a_crl_is_fetched_and_its_next_check_is_at_half_of_its_time() {
    let world = World::new().await;
    let root = Pki::new().root("Root");
    let crls = format!("{}/crls", set_of(&world, &root).await);
    let server = CrlServer::start().await;
    server.says(ok(&root.crl().issue()));
    let added = world.post(&crls, address(&server)).await;
    assert_eq!(added.expect(201).body["state"], "missing");
    let crl = listed(&world, &crls, is_checked).await;
    assert_eq!(crl["state"], "good", "{crl:#}");
    assert_eq!(server.asked().len(), 1);
    let after = seconds(&crl, "nextCheckDate") - NOW;
    assert!((DAY * 2 / 5..=DAY / 2).contains(&after), "{after}");
}

#[tokio::test]
async fn a_crl_of_a_minute_is_replaced_before_it_is_over() {
    let world = World::new().await;
    let root = Pki::new().root("Root");
    let crls = format!("{}/crls", set_of(&world, &root).await);
    let server = CrlServer::start().await;
    let until = |seconds| ok(&root.crl().updates(NOW - 1, Some(NOW + seconds)).issue());
    server.says(until(60));
    world.post(&crls, address(&server)).await.expect(201);
    let crl = listed(&world, &crls, is_checked).await;
    let after = seconds(&crl, "nextCheckDate") - NOW;
    assert!((26..=30).contains(&after), "{after}");
    server.says(until(120));
    world.clock.advance_secs(30);
    let crl = listed(&world, &crls, |crl| seconds(crl, "nextUpdate") == NOW + 120).await;
    assert_eq!(crl["state"], "good");
    // No newer one: asked for again at ever shorter half lives, but never without a pause, also when it is over.
    world.clock.advance_secs(86);
    let crl = listed(&world, &crls, |crl| {
        seconds(crl, "checkedDate") == NOW + 116
    })
    .await;
    let after = seconds(&crl, "nextCheckDate") - NOW - 116;
    assert!((4..=5).contains(&after), "{after}");
    world.clock.advance_secs(5);
    let crl = listed(&world, &crls, |crl| {
        seconds(crl, "checkedDate") == NOW + 121
    })
    .await;
    assert_eq!(crl["state"], "stale");
    let after = seconds(&crl, "nextCheckDate") - NOW - 121;
    assert!((53..=60).contains(&after), "{after}");
}

#[tokio::test]
async fn private_networks_redirects_into_them_and_forged_crls_are_refused_and_said_so() {
    let root = Pki::new().root("Root");
    let redirect = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n";
    let forged = ok(&Pki::new().root("Root").crl().issue());
    for (answer, private_network, asked, why) in [
        (ok(&root.crl().issue()), false, 0, "not asked"),
        (redirect.to_vec(), true, 1, "not asked"),
        (forged, true, 1, "signature"),
        (FAILS.to_vec(), true, 1, "500"),
    ] {
        let world = World::new().await;
        let crls = format!("{}/crls", set_of(&world, &root).await);
        let server = CrlServer::start().await;
        server.says(answer);
        let body = json!({"url": server.url(), "privateNetwork": private_network});
        world.post(&crls, body).await.expect(201);
        let crl = listed(&world, &crls, is_checked).await;
        assert_eq!(crl["state"], "missing", "{crl:#}");
        assert!(crl["error"].as_str().unwrap().contains(why), "{crl:#}");
        assert_eq!(crl["failures"], 1);
        assert_eq!(server.asked().len(), asked);
        world.controller.close().await;
    }
}

#[tokio::test]
async fn an_address_that_is_added_again_takes_over_how_it_is_asked_for() {
    let world = World::new().await;
    let root = Pki::new().root("Root");
    let crls = format!("{}/crls", set_of(&world, &root).await);
    let server = CrlServer::start().await;
    server.says(ok(&root.crl().issue()));
    let first = world.post(&crls, json!({"url": server.url()})).await;
    let refused = listed(&world, &crls, is_checked).await;
    assert!(refused["error"].as_str().unwrap().contains("not asked"));
    // The clock stands still: nothing but the request makes it ask again.
    let again = world.post(&crls, address(&server)).await;
    assert_eq!(again.expect(201).body["privateNetwork"], true);
    assert_eq!(again.body["crlId"], first.expect(201).body["crlId"]);
    let crl = listed(&world, &crls, |crl| crl["state"] == "good").await;
    assert_eq!((&crl["error"], &crl["failures"]), (&Value::Null, &json!(0)));
    let audit = world.get("/v1/audit?limit=1").await.body;
    assert_eq!(audit["entries"][0]["action"], "crl.replace");
    assert_eq!(audit["entries"][0]["before"]["privateNetwork"], false);
    assert_eq!(audit["entries"][0]["after"]["privateNetwork"], true);
    // The same once more changes nothing.
    world.post(&crls, address(&server)).await.expect(201);
    assert_eq!(world.get("/v1/audit?limit=1").await.body, audit);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_crl_is_asked_for_under_the_condition_that_it_is_another_and_kept_when_it_is_not() {
    let world = World::new().await;
    let root = Pki::new().root("Root");
    let crls = format!("{}/crls", set_of(&world, &root).await);
    let server = CrlServer::start().await;
    server.says(ok(&root.crl().issue()));
    world.post(&crls, address(&server)).await.expect(201);
    let before = listed(&world, &crls, is_checked).await;
    server.says(UNCHANGED.to_vec());
    world.clock.advance_secs(DAY / 2);
    let after = listed(&world, &crls, |crl| {
        seconds(crl, "checkedDate") == NOW + DAY / 2
    })
    .await;
    let [first, second] = server.asked().try_into().unwrap();
    assert!(!first.contains("\r\nif-"), "{first}");
    assert!(second.contains("\r\nif-none-match: \"1\"\r\n"), "{second}");
    let since = "\r\nif-modified-since: tue, 24 nov 2026 00:00:00 gmt\r\n";
    assert!(second.contains(since), "{second}");
    for field in [
        "sha256",
        "receivedDate",
        "nextUpdate",
        "state",
        "failures",
        "error",
    ] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let next = seconds(&after, "nextCheckDate") - NOW - DAY / 2;
    assert!((DAY / 5..=DAY / 4).contains(&next), "{next}");
}

#[tokio::test]
async fn the_last_good_crl_survives_a_restart_without_its_server() {
    let world = World::new().await;
    let root = Pki::new().root("Root");
    let crls = format!("{}/crls", set_of(&world, &root).await);
    let server = CrlServer::start().await;
    let alice = root.client("alice").issue();
    server.says(ok(&root.crl().revoke(&alice).issue()));
    world.post(&crls, address(&server)).await.expect(201);
    let before = listed(&world, &crls, is_checked).await;
    server.says(FAILS.to_vec());
    world.fleet.revocations.send_replace(None);
    let world = world.restart().await;
    let mut told = world.fleet.revocations.subscribe();
    let of_crls = |body: &str| body == before["sha256"];
    let told = told.wait_for(|told| {
        let crls = told.iter().flat_map(|told| &told.crls);
        crls.map(|crl| crl.body.to_string())
            .any(|body| of_crls(&body))
    });
    let told = tokio::time::timeout(wait::PATIENCE, told).await;
    told.unwrap().unwrap();
    world.clock.advance_secs(DAY / 2);
    let after = listed(&world, &crls, |crl| crl["failures"] == 1).await;
    for field in ["sha256", "receivedDate", "entries", "state"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert!(after["error"].as_str().unwrap().contains("500"));
}

#[tokio::test]
async fn a_crl_that_grows_old_is_logged_once_per_state_and_once_when_it_is_good_again() {
    log::keep();
    let world = World::new().await;
    let root = Pki::new().root("Root");
    let crls = format!("{}/crls", set_of(&world, &root).await);
    let server = CrlServer::start().await;
    let url = server.url();
    server.says(ok(&root.crl().issue()));
    world.post(&crls, address(&server)).await.expect(201);
    let crl = listed(&world, &crls, is_checked).await;
    let next_update: UnixTime = crl["nextUpdate"].as_str().unwrap().parse().unwrap();
    server.says(FAILS.to_vec());
    let logged = |level: &str, state: &str| {
        let state = format!("state=\"{state}\"");
        log::lines(&[level, &url, &state, "ca_set="])
    };
    for (seconds, state) in [
        (DAY / 2 + 3_600, "expiring"),
        (DAY, "stale"),
        (DAY, "expired"),
    ] {
        assert_eq!(logged("WARN", state), Vec::<String>::new());
        world.clock.advance_secs(seconds);
        let line = wait::until_async(state, async || logged("WARN", state).pop().ok_or(())).await;
        for part in [
            "issuer=\"CN=Root",
            &format!("next_update={next_update} "),
            "remedy=\"`countersign crl list` says why",
            &format!("message=a CRL is {state}"),
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
    assert_eq!(logged("INFO", "good"), Vec::<String>::new());
    let now = world.controller.now().as_secs();
    let newer = root.crl().updates(now - 1, Some(now + 10 * DAY)).issue();
    server.says(ok(&newer));
    world.clock.advance_secs(3_600);
    wait::until_async("good", async || logged("INFO", "good").pop().ok_or(())).await;
    for state in ["expiring", "stale", "expired"] {
        assert_eq!(logged("WARN", state).len(), 1, "{state}");
    }
}
