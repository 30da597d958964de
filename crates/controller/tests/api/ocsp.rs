//! OCSP: whom the controller asks, what it believes, and what follows for clients. The answers are `openssl`'s.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign_snapshot::{RevocationManifest, StatusAnswer, StatusQuestion};
use countersign_testkit::ocsp::{Manner, OcspResponder, Status, response};
use countersign_testkit::pki::eku;
use countersign_testkit::{Ca, Credential, DAY, NOW, Pki, wait};
use countersign_trust::ocsp::{CertificateState, NoncePolicy, OcspAnswer, Question};
use countersign_trust::{
    CaSetVersion, Certificate, Clock as _, PeerChain, Policy, RevocationIndex, RevocationMode,
    RevocationPolicy, RevocationScope, Sha1Signatures, UnixTime, evaluate_with_answers, ocsp,
    to_pem,
};
use serde_json::{Value, json};

use crate::crl_fetching::CrlServer;
use crate::support::{World, version_of};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/revocation.md");
/// What an edge node lets a client wait.
const BUDGET: Duration = Duration::from_millis(500);
const HOUR: i64 = 3_600;

/// A controller with one CA set, and the responder of its CA.
struct Scene {
    world: World,
    root: Ca,
    alice: Credential,
    responder: OcspResponder,
    set: String,
}

fn parsed(der: &[u8]) -> Certificate {
    Certificate::from_der(der).unwrap()
}

fn real_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

/// A CA set whose version 1 holds these authorities; its path under `/v1`.
async fn set_of(world: &World, name: &str, authorities: &[&Ca]) -> String {
    let link = world.ca_set(name).await;
    let pems: Vec<_> = authorities.iter().map(|ca| to_pem(ca.der())).collect();
    let pems: Vec<&str> = pems.iter().map(String::as_str).collect();
    world
        .post(&format!("{link}/versions"), version_of(&pems))
        .await
        .expect(201);
    format!("/v1/ca-sets/{}", link.rsplit('/').next().unwrap())
}

impl Scene {
    /// The responder is configured, and `alice` is good.
    async fn new() -> Self {
        let scene = Self::unconfigured().await;
        scene.configure(json!({})).await;
        scene
    }

    async fn unconfigured() -> Self {
        let world = World::new().await;
        // `openssl` answers for the real now.
        world.clock.advance_secs(real_now() - NOW);
        let root = Pki::new().root("Root");
        let responder = OcspResponder::start(&root).await;
        let url = responder.url();
        let alice = root.client("alice").ocsp_responder(&url).issue();
        responder.says(&alice, Status::Good);
        let set = set_of(&world, "partners", &[&root]).await;
        Self {
            world,
            root,
            alice,
            responder,
            set,
        }
    }

    /// Configures the responder, with these fields besides.
    async fn configure(&self, fields: Value) {
        let mut body =
            json!({"responders": [{"url": self.responder.url(), "privateNetwork": true}]});
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        let path = format!("{}/revocation-sources", self.set);
        self.world.put(&path, body).await.expect(200);
    }

    fn question(&self, client: &Credential, issuer: &Ca) -> StatusQuestion {
        StatusQuestion {
            ca_set: self.set.rsplit('/').next().unwrap().parse().unwrap(),
            certificate: parsed(client.der()),
            issuer: parsed(issuer.der()),
        }
    }

    async fn ask(&self) -> StatusAnswer {
        let source = self.world.controller.status_source();
        source.ask(self.question(&self.alice, &self.root)).await
    }

    /// What a node knows about `alice` after it waited as long as it does.
    async fn learned(&self) -> Option<OcspAnswer> {
        let asked = tokio::time::timeout(BUDGET, self.ask()).await.ok()?;
        let response = asked.ocsp?;
        let (certificate, issuer) = (parsed(self.alice.der()), parsed(self.root.der()));
        let question = Question {
            certificate: &certificate,
            issuer: &issuer,
            nonce: None,
        };
        let received = response.received;
        let ignore = NoncePolicy::Ignore;
        Some(ocsp::verify(&response.body, &question, ignore, response.sha1, received).unwrap())
    }

    fn decided(&self, answer: Option<OcspAnswer>, mode: RevocationMode) -> &'static str {
        let policy = Policy {
            revocation: RevocationPolicy {
                mode,
                scope: RevocationScope::Leaf,
                stale_grace: Duration::from_secs(DAY.unsigned_abs()),
            },
            ..Policy::default()
        };
        let set = CaSetVersion::new(vec![parsed(self.root.der())], Sha1Signatures::Refuse);
        let verdict = evaluate_with_answers(
            &PeerChain::from_der(&self.alice.chain_der()).unwrap(),
            &set.unwrap(),
            &RevocationIndex::empty(),
            &answer.map(Arc::new).into_iter().collect::<Vec<_>>(),
            &policy,
            self.world.clock.now(),
        );
        verdict.reason().map_or("let in", |reason| reason.code())
    }

    async fn listed(&self) -> Value {
        let path = format!("{}/ocsp-answers", self.set);
        self.world.get(&path).await.expect(200).body["answers"][0].clone()
    }
}

type Prepare = fn(&Scene) -> Manner;

/// One row of the table: what happens, how it is made to happen, and the error that it is listed with.
const SITUATIONS: &[(&str, Prepare, &str)] = &[
    ("good", |_| Manner::Well, ""),
    (
        "revoked",
        |scene| {
            scene.responder.says(&scene.alice, Status::Revoked);
            Manner::Well
        },
        "",
    ),
    (
        "unknown",
        |scene| {
            scene.responder.says(&scene.alice, Status::Unknown);
            Manner::Well
        },
        "",
    ),
    (
        "good, signed by a delegate with `id-kp-OCSPSigning`",
        |scene| {
            let delegate = scene.root.client("delegate");
            Manner::SignedBy(delegate.extended_key_usage(&[eku::OCSP_SIGNING]).issue())
        },
        "",
    ),
    (
        "good, signed by a delegate without it",
        |scene| Manner::SignedBy(scene.root.client("delegate").issue()),
        "not for OCSP signing",
    ),
    (
        "good, signed by somebody else",
        |_| Manner::SignedByCa(Pki::new().root("Root")),
        "signature",
    ),
    (
        "about another serial number",
        |scene| {
            let other = scene.root.client("other").issue();
            scene.responder.says(&other, Status::Good);
            Manner::About(other)
        },
        "other certificates",
    ),
    (
        "good, with its time over",
        |scene| {
            let now = scene.world.clock.now().as_secs();
            let (root, alice) = (&scene.root, &scene.alice);
            Manner::Says(response(
                root,
                alice,
                Status::Good,
                now - 2 * DAY,
                now - HOUR,
            ))
        },
        "too old",
    ),
    (
        "good, from the future",
        |scene| {
            let now = scene.world.clock.now().as_secs();
            let (root, alice) = (&scene.root, &scene.alice);
            Manner::Says(response(root, alice, Status::Good, now + HOUR, now + DAY))
        },
        "future",
    ),
    (
        "good, replayed within its time, where no nonce is asked for",
        |scene| {
            let now = scene.world.clock.now().as_secs();
            let (root, alice) = (&scene.root, &scene.alice);
            Manner::Says(response(root, alice, Status::Good, now - HOUR, now + DAY))
        },
        "",
    ),
    (
        "good, without the nonce that is required",
        |scene| {
            let now = scene.world.clock.now().as_secs();
            let (root, alice) = (&scene.root, &scene.alice);
            Manner::Says(response(root, alice, Status::Good, now - 60, now + DAY))
        },
        "does not repeat the nonce",
    ),
    (
        "`tryLater`",
        |_| Manner::Says(OcspResponder::try_later()),
        "tryLater",
    ),
    ("status 503", |_| Manner::Fails(503), "503"),
    (
        "a redirect",
        |_| Manner::Redirects("http://169.254.169.254/latest".to_owned()),
        "302",
    ),
    (
        "no OCSP response at all",
        |_| Manner::Says(b"<html>".to_vec()),
        "not an OCSP response",
    ),
    (
        "more than 128 KiB",
        |_| Manner::Says(vec![0x30; 200 << 10]),
        "larger",
    ),
    ("the connection is closed", |_| Manner::Hangs, "HTTP"),
    (
        "slower than the time a client waits",
        |_| Manner::Waits(Duration::from_secs(3)),
        "",
    ),
];

/// What clients of a CA set see with nothing known about them before, and with an earlier good answer that is stale by now.
async fn outcome(prepare: Prepare, nonce: &str, error: &str) -> [&'static str; 3] {
    let scene = Scene::new().await;
    scene.configure(json!({"nonce": nonce})).await;
    scene.responder.behaves(prepare(&scene));
    let learned = scene.learned().await;
    let hard = scene.decided(learned.clone(), RevocationMode::Require);
    let soft = scene.decided(learned, RevocationMode::Prefer);
    if !error.is_empty() {
        let listed = scene.listed().await;
        let found = listed["error"].as_str().unwrap_or_default();
        assert!(found.contains(error), "{error}: {listed:#}");
        assert_eq!(listed["failures"], 1);
    }

    let scene = Scene::new().await;
    scene.responder.behaves(Manner::ForMinutes(60));
    assert!(scene.learned().await.is_some());
    scene.world.clock.advance_secs(2 * HOUR);
    scene.configure(json!({"nonce": nonce})).await;
    scene.responder.behaves(prepare(&scene));
    let learned = scene.learned().await;
    let stale = scene.decided(learned, RevocationMode::Require);
    scene.world.controller.close().await;
    [hard, soft, stale]
}

/// Threats C3.7.
#[tokio::test]
async fn the_outcome_of_everything_that_can_go_wrong_is_the_documented_one() {
    let mut rows = Vec::new();
    for (situation, prepare, error) in SITUATIONS {
        let nonce = if situation.ends_with("required") {
            "require"
        } else {
            "off"
        };
        let [hard, soft, stale] = outcome(*prepare, nonce, error).await;
        rows.push(format!("| {situation} | {hard} | {soft} | {stale} |"));
    }
    let document = std::fs::read_to_string(DOCUMENT).unwrap();
    let missing: Vec<_> = rows
        .iter()
        .filter(|row| !document.lines().any(|line| line == row.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/revocation.md lacks of its table:\n{rows:#?}\n{missing:#?}"
    );
}

#[tokio::test]
async fn what_the_responder_does_not_know_is_unknown() {
    let scene = Scene::unconfigured().await;
    scene.configure(json!({})).await;
    let stranger = scene.root.client("stranger").issue();
    let source = scene.world.controller.status_source();
    let asked = source.ask(scene.question(&stranger, &scene.root)).await;
    assert!(asked.ocsp.is_some());
    let listed = scene.listed().await;
    assert_eq!(listed["status"], "unknown", "{listed:#}");
    assert_eq!(
        scene.decided(None, RevocationMode::Require),
        "revocation_unknown"
    );
}

/// Elsewhere `openssl` makes the answers and the server is ours; here it is the server too. It listens at all addresses, so that it needs a
/// network of its own. Where none can be made, this says why, and its answers are what the other tests are about anyway.
#[tokio::test]
async fn openssl_as_the_server_is_asked_by_either_method_and_understood() {
    for (nonce, certificate_id) in [("require", "sha1"), ("off", "sha256")] {
        let scene = Scene::unconfigured().await;
        scene
            .configure(json!({"nonce": nonce, "certIdHash": certificate_id}))
            .await;
        let [good, revoked, unknown] =
            ["good", "revoked", "unknown"].map(|name| scene.root.client(name).issue());
        scene.responder.says(&good, Status::Good);
        scene.responder.says(&revoked, Status::Revoked);
        if let Err(reason) = scene.responder.becomes_openssl() {
            return println!("no network of its own for a server of openssl: {reason}");
        }
        let source = scene.world.controller.status_source();
        for (client, expected) in [
            (&good, "good"),
            (&revoked, "revoked"),
            (&unknown, "unknown"),
        ] {
            let question = scene.question(client, &scene.root);
            let asked = source.ask(question.clone()).await.ocsp.expect("an answer");
            let question = Question {
                certificate: &question.certificate,
                issuer: &question.issuer,
                nonce: None,
            };
            let (ignore, now) = (NoncePolicy::Ignore, asked.received);
            let answer = ocsp::verify(&asked.body, &question, ignore, asked.sha1, now).unwrap();
            let state = match answer.state() {
                CertificateState::Good => "good",
                CertificateState::Revoked { .. } => "revoked",
                CertificateState::Unknown => "unknown",
            };
            assert_eq!(state, expected, "nonce: {nonce}");
        }
        assert_eq!(scene.responder.asked(), 3);
    }
}

#[tokio::test]
async fn an_old_answer_is_no_answer_to_a_nonce_and_never_replaces_a_newer_one() {
    let scene = Scene::new().await;
    assert!(scene.learned().await.is_some());
    let old = scene.responder.last();
    // Another controller that never heard of the client.
    let other = Scene::new().await;
    let fresh = |nonce: &'static str| {
        let (old, scene) = (old.clone(), &scene);
        async move {
            scene.configure(json!({"nonce": nonce})).await;
            scene.responder.behaves(Manner::Says(old));
            scene.world.clock.advance_secs(2 * DAY);
            scene.ask().await;
            scene.listed().await
        }
    };
    let listed = fresh("prefer").await;
    assert!(
        listed["error"].as_str().unwrap().contains("another nonce"),
        "{listed:#}"
    );
    let now = scene.world.clock.now().as_secs();
    // Signed, in time, and older than what is here.
    let older = response(
        &scene.root,
        &scene.alice,
        Status::Good,
        now - 10 * DAY,
        now + DAY,
    );
    scene.configure(json!({"nonce": "off"})).await;
    scene.responder.behaves(Manner::Says(older));
    scene.ask().await;
    let listed = scene.listed().await;
    assert!(
        listed["error"].as_str().unwrap().contains("older than"),
        "{listed:#}"
    );
    drop(other);
}

#[tokio::test]
async fn many_who_ask_at_once_cost_one_question_and_whoever_comes_later_none() {
    let scene = Scene::new().await;
    let source = scene.world.controller.status_source();
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let (source, question) = (
                Arc::clone(&source),
                scene.question(&scene.alice, &scene.root),
            );
            tokio::spawn(async move { source.ask(question).await.ocsp.is_some() })
        })
        .collect();
    for asked in asking {
        assert!(asked.await.unwrap());
    }
    assert!(scene.ask().await.ocsp.is_some());
    assert_eq!(scene.responder.asked(), 1);
    assert_eq!(scene.responder.methods(), ["POST"]);
}

#[tokio::test]
async fn without_a_nonce_and_with_either_hash_the_question_goes_by_get() {
    for hash in ["sha1", "sha256"] {
        let scene = Scene::new().await;
        scene
            .configure(json!({"nonce": "off", "certIdHash": hash}))
            .await;
        assert!(
            scene.learned().await.is_some(),
            "{:#}",
            scene.listed().await
        );
        assert_eq!(scene.responder.methods(), ["GET"], "{hash}");
    }
}

/// Whoever stops waiting does not stop the question: the next client gains by it.
#[tokio::test]
async fn a_question_goes_on_when_nobody_waits_any_more() {
    let scene = Scene::new().await;
    scene
        .responder
        .behaves(Manner::Waits(Duration::from_millis(700)));
    assert!(scene.learned().await.is_none());
    wait::until_async("the answer", async || {
        let listed = scene.listed().await;
        match listed["status"].as_str() {
            Some("good") => Ok(()),
            _ => Err(listed),
        }
    })
    .await;
    assert!(scene.learned().await.is_some());
    assert_eq!(scene.responder.asked(), 1);
}

#[tokio::test]
async fn an_answer_is_replaced_before_it_is_over_and_a_revocation_is_found_out() {
    let scene = Scene::new().await;
    scene.responder.behaves(Manner::ForMinutes(60));
    assert!(scene.learned().await.is_some());
    let listed = scene.listed().await;
    assert_eq!(
        (&listed["status"], &listed["state"]),
        (&json!("good"), &json!("good"))
    );
    scene.responder.says(&scene.alice, Status::Revoked);
    scene.world.clock.advance_secs(HOUR / 2 + 60);
    wait::until_async("the revocation", async || {
        let listed = scene.listed().await;
        match listed["status"].as_str() {
            Some("revoked") => Ok(()),
            _ => Err(listed),
        }
    })
    .await;
    let learned = scene.learned().await;
    assert_eq!(scene.decided(learned, RevocationMode::Prefer), "revoked");
    // The alarm before it is over, and after.
    scene.responder.behaves(Manner::Hangs);
    for (seconds, state) in [(20 * 60, "expiring"), (HOUR, "stale"), (2 * DAY, "expired")] {
        scene.world.clock.advance_secs(seconds);
        assert_eq!(scene.listed().await["state"], state);
    }
}

/// What nodes staple: fetched ahead, told to them, and replaced before it is over.
#[tokio::test]
async fn the_answer_about_a_presented_certificate_is_told_and_replaced_before_it_is_over() {
    let world = World::new().await;
    world.clock.advance_secs(real_now() - NOW);
    let issuing = Pki::new().root("Servers").intermediate("Issuing");
    let responder = OcspResponder::start(&issuing).await;
    responder.behaves(Manner::ForMinutes(60));
    let server = issuing.server(["a.test"]).ocsp_responder(&responder.url());
    let server = server.issue();
    responder.says(&server, Status::Good);
    let certificate = json!({
        "name": "a",
        "certificates": [{"certificatePem": server.chain_pem(), "privateKeyPem": server.key_pem()}],
        "settings": {"ocspStapling": "privateNetwork"},
    });
    let made = world.post("/v1/edge-certificates", certificate).await;
    let link = made.expect(201).header("location").to_owned();
    let network = json!({"network": "PRODUCTION"});
    world
        .post(&format!("{link}/deploy"), network)
        .await
        .expect(202);
    let mut told = world.fleet.revocations.subscribe();
    let mut told_at = async |after: UnixTime| {
        let newer = |told: &Option<RevocationManifest>| {
            let answer = told.as_ref()?.answers.first()?;
            let newer = answer.received > after && answer.certificate == server.der();
            newer.then_some(answer.received)
        };
        let told = told.wait_for(|told| newer(told).is_some());
        let told = tokio::time::timeout(wait::PATIENCE, told).await.unwrap();
        newer(&told.unwrap()).unwrap()
    };
    let first = told_at(UnixTime::from_secs(0)).await;
    world.clock.advance_secs(HOUR / 2 + 60);
    let second = told_at(first).await;
    assert!(second.as_secs() < first.as_secs() + HOUR);
    assert_eq!(responder.methods(), ["GET", "GET"]);
}

#[tokio::test]
async fn a_responder_that_fails_is_left_alone_and_another_one_s_clients_are_not() {
    let scene = Scene::new().await;
    scene.responder.behaves(Manner::Fails(500));
    let source = scene.world.controller.status_source();
    for number in 0..5 {
        let client = scene.root.client(&format!("client {number}")).issue();
        source.ask(scene.question(&client, &scene.root)).await;
    }
    assert_eq!(scene.responder.asked(), 5);
    scene.ask().await;
    assert_eq!(scene.responder.asked(), 5);
    let listed = scene.listed().await;
    assert!(
        listed["error"]
            .as_str()
            .unwrap()
            .contains("is not asked before"),
        "{listed:#}"
    );
    // Invariant I9.
    let others = Pki::new().root("Others");
    let responder = OcspResponder::start(&others).await;
    let bob = others.client("bob").issue();
    responder.says(&bob, Status::Good);
    let set = set_of(&scene.world, "others", &[&others]).await;
    let body = json!({"responders": [{"url": responder.url(), "privateNetwork": true}]});
    let path = format!("{set}/revocation-sources");
    scene.world.put(&path, body).await.expect(200);
    let question = StatusQuestion {
        ca_set: set.rsplit('/').next().unwrap().parse().unwrap(),
        ..scene.question(&bob, &others)
    };
    assert!(source.ask(question).await.ocsp.is_some());
}

/// Threats C3.5.
#[tokio::test]
async fn only_allowed_hosts_are_asked_that_a_certificate_names() {
    let scene = Scene::unconfigured().await;
    let host = scene.responder.host();
    let path = format!("{}/revocation-sources", scene.set);
    for (body, asked, why) in [
        (json!({}), 0, "not among the hosts"),
        (
            json!({"hosts": ["*"], "privateNetwork": true}),
            0,
            "not among the hosts",
        ),
        (json!({"hosts": [host]}), 0, "a network that is not asked"),
        (json!({"hosts": [host], "privateNetwork": true}), 1, ""),
    ] {
        scene.world.put(&path, body).await.expect(200);
        scene.world.clock.advance_secs(HOUR);
        scene.ask().await;
        let listed = scene.listed().await;
        assert!(
            listed["error"].as_str().unwrap_or_default().contains(why),
            "{listed:#}"
        );
        assert_eq!(scene.responder.asked(), asked, "{why}");
    }
    assert_eq!(scene.listed().await["status"], "good");
}

/// Threats C3.5: a node asks only about verified paths, and the controller does not take its word for it.
#[tokio::test]
async fn nobody_is_asked_about_a_certificate_that_its_issuer_did_not_sign() {
    let scene = Scene::new().await;
    let namesake = Pki::new().root("Root");
    let forged = namesake.client("alice").issue();
    let source = scene.world.controller.status_source();
    let asked = source.ask(scene.question(&forged, &scene.root)).await;
    assert_eq!(asked.ocsp, None);
    assert_eq!(scene.responder.asked(), 0);
}

/// Threats C3.5: a serial number means nothing without the key of its issuer.
#[tokio::test]
async fn the_same_serial_number_of_two_cas_is_two_certificates() {
    let scene = Scene::new().await;
    let twin = Pki::new().root("Root");
    let double = twin.client("alice").serial(&scene.alice.serial()).issue();
    scene.responder.says(&scene.alice, Status::Revoked);
    let learned = scene.learned().await;
    assert_eq!(
        scene.decided(learned.clone(), RevocationMode::Prefer),
        "revoked"
    );
    let policy = Policy {
        revocation: RevocationPolicy {
            mode: RevocationMode::Prefer,
            ..RevocationPolicy::default()
        },
        ..Policy::default()
    };
    let set = CaSetVersion::new(vec![parsed(twin.der())], Sha1Signatures::Refuse).unwrap();
    let verdict = evaluate_with_answers(
        &PeerChain::from_der(&double.chain_der()).unwrap(),
        &set,
        &RevocationIndex::empty(),
        &[Arc::new(learned.unwrap())],
        &policy,
        scene.world.clock.now(),
    );
    assert!(verdict.is_valid());
}

#[tokio::test]
async fn the_last_good_answer_survives_a_restart_without_a_responder() {
    let mut scene = Scene::new().await;
    assert!(scene.learned().await.is_some());
    scene.responder.behaves(Manner::Hangs);
    scene.world = scene.world.restart().await;
    assert!(scene.learned().await.is_some());
    assert_eq!(scene.responder.asked(), 1);
}

#[tokio::test]
async fn a_crl_that_a_client_names_is_fetched_when_it_comes_and_looked_after() {
    let scene = Scene::unconfigured().await;
    let server = CrlServer::start().await;
    let url = server.url();
    let bob = scene
        .root
        .client("bob")
        .crl_distribution_point(&[&url])
        .issue();
    let crl = scene
        .root
        .crl()
        .updates(real_now() - 60, Some(real_now() + DAY))
        .revoke(&bob)
        .issue();
    server.says(crate::crl_fetching::ok(&crl));
    let source = scene.world.controller.status_source();
    let path = format!("{}/crls", scene.set);
    source.ask(scene.question(&bob, &scene.root)).await;
    assert_eq!(scene.world.get(&path).await.body["crls"], json!([]));

    let body = json!({"hosts": [server.host()], "privateNetwork": true});
    let sources = format!("{}/revocation-sources", scene.set);
    scene.world.put(&sources, body).await.expect(200);
    scene.world.clock.advance_secs(HOUR);
    source.ask(scene.question(&bob, &scene.root)).await;
    let listed = scene.world.get(&path).await.body;
    let crl = &listed["crls"][0];
    assert_eq!(crl["url"], json!(url), "{listed:#}");
    assert_eq!(
        (&crl["fromCertificate"], &crl["entries"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(crl["state"], "good");
}

#[tokio::test]
async fn sources_are_shown_changed_audited_and_refused_with_the_field() {
    let scene = Scene::unconfigured().await;
    let path = format!("{}/revocation-sources", scene.set);
    let default = scene.world.get(&path).await;
    assert_eq!(
        default.expect(200).body,
        json!({"hosts": [], "privateNetwork": false, "responders": [], "nonce": "prefer", "certIdHash": "sha1"})
    );
    let sources = json!({
        "hosts": ["*.pki.test", "ocsp.test:8080"], "privateNetwork": false,
        "responders": [{"url": "http://ocsp.test/", "privateNetwork": false, "issuerSpkiSha256": "ab".repeat(32)}],
        "nonce": "require", "certIdHash": "sha256"
    });
    let put = scene.world.put(&path, sources.clone()).await;
    assert_eq!(put.expect(200).body, sources);
    assert_eq!(scene.world.get(&path).await.body, sources);
    let audit = scene.world.get("/v1/audit?limit=1").await.body;
    assert_eq!(audit["entries"][0]["action"], "revocation-sources.replace");
    for (body, pointer) in [
        (json!({"hosts": ["http://a.test"]}), "/hosts/0"),
        (
            json!({"responders": [{"url": "https://a.test"}]}),
            "/responders/0/url",
        ),
        (
            json!({"responders": [{"url": "http://a.test", "issuerSpkiSha256": "x"}]}),
            "/responders/0/issuerSpkiSha256",
        ),
    ] {
        let answer = scene.world.put(&path, body).await;
        answer.problem(400, "invalid-field");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
    let answer = scene.world.put(&path, json!({"nonce": "maybe"})).await;
    answer.problem(400, "json-schema-validation-error");
    scene
        .world
        .get("/v1/ca-sets/999/ocsp-answers")
        .await
        .problem(404, "ca-set-not-found");
}
