//! A controller in a directory of its own, with a clock that stands still and API clients of every role.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use countersign_controller::{
    AccountId, ApiClientKind, BoxFuture, Caller, Controller, ControllerConfig, Credentials,
    Distribution, Limits, NewApiClient, Role,
};
use countersign_snapshot::{
    Acknowledgement, AcknowledgementOutcome, Network, NodeId, RevocationAcknowledgement,
    RevocationBodies, RevocationManifest, SealingKey, SignedRevocations, SignedSnapshot,
    SigningKey,
};
use countersign_testkit::{NOW, Pki};
use countersign_trust::{Clock, UnixTime};
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tower_service::Service as _;

/// Nothing here takes as long.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

pub const ACCOUNT: &str = "A-CCT1234";
pub const PREFIX: &str = "/mtls-edge-truststore/v2";

/// A clock that moves when told to.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance_secs(&self, secs: i64) {
        self.0.fetch_add(secs * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// One node per network, which enforces everything as soon as the gate is open.
#[derive(Debug)]
pub struct Fleet {
    open: watch::Sender<bool>,
    pub refuse: Mutex<Option<String>>,
    /// What it was last told about revoked certificates.
    pub revocations: watch::Sender<Option<RevocationManifest>>,
    verifying: countersign_snapshot::VerifyingKey,
}

impl Distribution for Fleet {
    fn offer(
        &self,
        network: Network,
        snapshot: Arc<SignedSnapshot>,
    ) -> BoxFuture<'_, Vec<Acknowledgement>> {
        Box::pin(async move {
            let mut open = self.open.subscribe();
            open.wait_for(|open| *open).await.unwrap();
            let generation = snapshot
                .verify(&self.verifying, network)
                .unwrap()
                .generation;
            let outcome = match self.refuse.lock().unwrap().clone() {
                Some(why) => AcknowledgementOutcome::Refused(why),
                None => AcknowledgementOutcome::Enforced,
            };
            vec![Acknowledgement {
                node: node(network),
                network,
                generation,
                digest: snapshot.digest(),
                outcome,
            }]
        })
    }

    fn offer_revocations(
        &self,
        network: Network,
        revocations: Arc<SignedRevocations>,
        _bodies: Arc<dyn RevocationBodies>,
    ) -> BoxFuture<'_, Vec<RevocationAcknowledgement>> {
        let manifest = revocations.verify(&self.verifying).unwrap();
        self.revocations.send_replace(Some(manifest));
        let answers = self
            .nodes(network)
            .into_iter()
            .map(|node| RevocationAcknowledgement {
                node,
                network,
                digest: revocations.digest(),
                outcome: AcknowledgementOutcome::Enforced,
            })
            .collect();
        Box::pin(async move { answers })
    }

    fn nodes(&self, network: Network) -> Vec<NodeId> {
        vec![node(network)]
    }
}

fn node(network: Network) -> NodeId {
    format!("{network}-1").parse().unwrap()
}

pub struct Keys {
    sealing: Arc<SealingKey>,
    signing: Arc<SigningKey>,
}

impl Keys {
    fn new() -> Self {
        Self {
            sealing: Arc::new(SealingKey::generate().unwrap()),
            signing: Arc::new(SigningKey::generate().unwrap().0),
        }
    }
}

pub struct World {
    pub controller: Controller,
    pub router: Router,
    pub clock: Arc<TestClock>,
    pub fleet: Arc<Fleet>,
    pub tokens: Vec<(Role, String)>,
    keys: Keys,
    limits: Limits,
    directory: TempDir,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let world = Self::idle(limits).await;
        world.controller.start().await;
        world
    }

    /// A controller that accepts requests and ends nothing that is in progress.
    pub async fn idle(limits: Limits) -> Self {
        let directory = TempDir::new().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(NOW * 1_000_000)));
        let keys = Keys::new();
        let fleet = Arc::new(Fleet {
            open: watch::Sender::new(true),
            refuse: Mutex::default(),
            revocations: watch::Sender::default(),
            verifying: keys.signing.verifying_key(),
        });
        let controller = open(directory.path(), &clock, &fleet, &keys, &limits).await;
        let mut tokens = Vec::new();
        for role in Role::ALL {
            tokens.push((*role, bearer(&controller, ACCOUNT, *role).await));
        }
        Self {
            router: controller.router(),
            controller,
            clock,
            fleet,
            tokens,
            keys,
            limits,
            directory,
        }
    }

    /// Stops the controller and opens it again on the same files.
    pub async fn restart(self) -> Self {
        self.controller.close().await;
        let Self {
            controller,
            router,
            clock,
            fleet,
            tokens,
            keys,
            limits,
            directory,
        } = self;
        drop((controller, router));
        let controller = open(directory.path(), &clock, &fleet, &keys, &limits).await;
        controller.start().await;
        Self {
            router: controller.router(),
            controller,
            clock,
            fleet,
            tokens,
            keys,
            limits,
            directory,
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn token(&self, role: Role) -> &str {
        &self.tokens.iter().find(|(of, _)| *of == role).unwrap().1
    }

    /// Nodes answer no offer until the gate is opened again.
    pub fn close_gate(&self) {
        self.fleet.open.send_replace(false);
    }

    pub fn open_gate(&self) {
        self.fleet.open.send_replace(true);
    }

    /// As an admin, who may everything.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_as(self.token(Role::Admin), method, path, body)
            .await
    }

    pub async fn call_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        send(self.router.clone(), request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, Some(body)).await
    }

    /// A change that is wanted only if what is there has this tag.
    pub async fn put_if(&self, path: &str, body: Value, tag: &str) -> Answer {
        let request = Request::builder()
            .method("PUT")
            .uri(path)
            .header(
                "authorization",
                format!("Bearer {}", self.token(Role::Admin)),
            )
            .header("content-type", "application/json")
            .header("if-match", tag)
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None).await
    }

    /// Makes a CA set; returns its link.
    pub async fn ca_set(&self, name: &str) -> String {
        let answer = self
            .post(&format!("{PREFIX}/ca-sets"), json!({"caSetName": name}))
            .await;
        answer.expect(201).body["caSetLink"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Makes a version with one root; returns its link.
    pub async fn version(&self, ca_set: &str, root: &str) -> String {
        let answer = self
            .post(
                &format!("{ca_set}/versions"),
                version_of(&[&root_pem(root)]),
            )
            .await;
        answer.expect(201).body["versionLink"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Activates or deactivates a version and waits for the end of it.
    pub async fn change(&self, version: &str, verb: &str, network: &str) -> Answer {
        let answer = self
            .post(&format!("{version}/{verb}"), json!({"network": network}))
            .await;
        let link = answer.expect(202).body["activationLink"]
            .as_str()
            .unwrap()
            .to_owned();
        self.ended(&link).await
    }

    /// Waits for the end of an activation.
    pub async fn ended(&self, activation: &str) -> Answer {
        let mut progress = self.controller.progress();
        loop {
            progress.borrow_and_update();
            let answer = self.get(activation).await;
            if answer.status == 200 {
                return answer;
            }
            tokio::time::timeout(PATIENCE, progress.changed())
                .await
                .unwrap_or_else(|_| panic!("{activation} does not end: {answer:?}"))
                .unwrap();
        }
    }
}

async fn open(
    directory: &Path,
    clock: &Arc<TestClock>,
    fleet: &Arc<Fleet>,
    keys: &Keys,
    limits: &Limits,
) -> Controller {
    Controller::open(ControllerConfig {
        data_dir: directory.join("data"),
        account: AccountId::new(ACCOUNT),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        distribution: Arc::clone(fleet) as Arc<dyn Distribution>,
        sealing_key: Arc::clone(&keys.sealing),
        signing_key: Arc::clone(&keys.signing),
        limits: limits.clone(),
    })
    .await
    .unwrap()
}

/// Makes an API client with a bearer token for an account.
pub async fn bearer(controller: &Controller, account: &str, role: Role) -> String {
    let account = AccountId::new(account);
    controller
        .accounts()
        .ensure(&account, "test")
        .await
        .unwrap();
    let caller = Caller::internal(account, "test");
    let new = NewApiClient {
        name: role.to_string(),
        role,
        kind: ApiClientKind::Bearer,
    };
    match controller
        .api_clients()
        .create(&caller, new)
        .await
        .unwrap()
        .1
    {
        Credentials::Bearer { token } => String::from_utf8(token.expose().to_vec()).unwrap(),
        Credentials::EdgeGrid { .. } => panic!("not a bearer token"),
    }
}

pub async fn send(mut router: Router, request: Request<Body>) -> Answer {
    let about = format!("{} {}", request.method(), request.uri());
    let response = router.call(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        about,
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        },
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub about: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}: {:#}", self.about, self.body);
        self
    }

    /// A problem document in the vendor's form, with all that every one of them has.
    #[track_caller]
    pub fn problem(&self, status: u16, slug: &str) -> &Self {
        self.expect(status);
        let about = format!("{}: {:#}", self.about, self.body);
        assert_eq!(self.slug(), slug, "{about}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        for field in ["title", "detail"] {
            assert!(!self.body[field].as_str().unwrap().is_empty(), "{about}");
        }
        let kind = self.body["type"].as_str().unwrap();
        let instance = self.body["instance"].as_str().unwrap();
        let digits = instance
            .strip_prefix(kind)
            .unwrap()
            .strip_prefix('/')
            .unwrap();
        assert!(digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        self
    }

    pub fn slug(&self) -> String {
        let kind = self.body["type"].as_str().unwrap_or_default();
        kind.rsplit('/').next().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub fn root_pem(name: &str) -> String {
    Pki::new().root(name).pem()
}

/// The body of a request for a version with these certificates.
pub fn version_of(pems: &[&str]) -> Value {
    let certificates: Vec<_> = pems
        .iter()
        .map(|pem| json!({"certificatePem": pem}))
        .collect();
    json!({"allowInsecureSha1": false, "certificates": certificates})
}

/// Runs futures side by side.
pub async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut done = true;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => done = false,
                }
            }
        }
        if done {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}
