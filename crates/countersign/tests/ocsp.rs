//! OCSP as operators and clients meet it: the real binary, responders that `openssl` answers for, clients that come for the first time, and
//! what `openssl s_client` sees of our own certificates' status.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use countersign_testkit::ocsp::{Manner, OcspResponder, Status};
use countersign_testkit::process::{Program, free_address};
use countersign_testkit::{Ca, Credential, Pki, TlsClient, wait};
use serde_json::{Value, json};

struct Instance {
    _program: Program,
    http: reqwest::Client,
    root: String,
    token: String,
    production: SocketAddr,
    origin: SocketAddr,
}

impl Instance {
    fn start(dir: &Path) -> Self {
        let [api, production, staging, origin] = [(); 4].map(|()| free_address());
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.current_dir(dir).arg("quickstart");
        for (flag, address) in [
            ("--api", api),
            ("--production", production),
            ("--staging", staging),
            ("--origin", origin),
        ] {
            command.args([flag, &address.to_string()]);
        }
        let mut program = Program::start(&mut command);
        program.wait_for_line("# and back");
        let data = dir.join("countersign-data");
        let authority = std::fs::read(data.join("api/ca.pem")).unwrap();
        let authority = reqwest::Certificate::from_pem(&authority).unwrap();
        let header = std::fs::read_to_string(data.join("demo/authorization")).unwrap();
        Self {
            _program: program,
            http: reqwest::Client::builder()
                .tls_certs_only([authority])
                .timeout(Duration::from_secs(20))
                .build()
                .unwrap(),
            root: format!("https://{api}"),
            token: header.trim().rsplit(' ').next().unwrap().to_owned(),
            production,
            origin,
        }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let mut request = self
            .http
            .request(method.parse().unwrap(), format!("{}{path}", self.root))
            .bearer_auth(&self.token);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// A CA set with this authority, active on production.
    async fn ca_set(&self, name: &str, ca: &Ca) -> String {
        const SETS: &str = "/mtls-edge-truststore/v2/ca-sets";
        let set = self.call("POST", SETS, json!({"caSetName": name})).await;
        let id = set["caSetId"].as_str().unwrap().to_owned();
        let certificates = json!([{"certificatePem": ca.pem()}]);
        let version = json!({"allowInsecureSha1": false, "certificates": certificates});
        self.call("POST", &format!("{SETS}/{id}/versions"), version)
            .await;
        let path = format!("{SETS}/{id}/versions/1/activate");
        let begun = self
            .call("POST", &path, json!({"network": "PRODUCTION"}))
            .await;
        let link = begun["activationLink"].as_str().unwrap().to_owned();
        self.reaches(&link, |it| it["activationStatus"] == "COMPLETE")
            .await;
        id
    }

    /// A site that presents this certificate and knows clients of this CA set.
    async fn site(&self, name: &str, server: &Credential, mode: &str, ca_set: &str) {
        let certificate = json!({
            "name": name,
            "certificates": [{"certificatePem": server.chain_pem(), "privateKeyPem": server.key_pem()}],
            "settings": {"ocspStapling": "privateNetwork"},
        });
        let certificate = self
            .call("POST", "/v1/edge-certificates", certificate)
            .await;
        let id = certificate["edgeCertificateId"].as_str().unwrap();
        let path = format!("/v1/edge-certificates/{id}");
        let network = json!({"network": "PRODUCTION"});
        self.call("POST", &format!("{path}/deploy"), network).await;
        self.reaches(&path, |it| it["production"]["version"] == 1)
            .await;
        let site = json!({
            "hostnames": [name],
            "edgeCertificateIds": [id],
            "origin": {"url": format!("http://{}", self.origin)},
            "mutualAuthentication": {"caSetIds": [ca_set], "mode": mode},
            "deployTo": ["PRODUCTION"],
        });
        let site = self.call("POST", "/v1/sites", site).await;
        let link = site["siteLink"].as_str().unwrap().to_owned();
        self.reaches(&link, |it| it["production"]["version"] == 1)
            .await;
    }

    async fn reaches(&self, path: &str, done: impl Fn(&Value) -> bool) {
        wait::until_async(path, async || {
            let found = self.call("GET", path, Value::Null).await;
            if done(&found) { Ok(()) } else { Err(found) }
        })
        .await;
    }
}

fn real_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

/// Whether a client is served over a version of HTTP.
async fn is_served(instance: &Instance, root: &Ca, client: &Credential, alpn: &str) -> bool {
    told(instance, root, client, alpn).await == (200, String::new())
}

/// The status and the reason that a client gets; a connection that is refused has the status 0.
async fn told(instance: &Instance, root: &Ca, client: &Credential, alpn: &str) -> (u16, String) {
    let refused = (0, String::new());
    let client = TlsClient::new("shop.test")
        .trusting(root)
        .at(real_now())
        .presenting(client)
        .alpn(&[alpn]);
    let Ok(connection) = client.connect(instance.production).await else {
        return refused;
    };
    let Ok(mut http) = connection.http().await else {
        return refused;
    };
    let Ok(answer) = http.get("/").await else {
        return refused;
    };
    match answer.status.as_u16() {
        200 => (200, String::new()),
        status => (status, answer.json()["reason"].as_str().unwrap().to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ca_of_a_new_client_is_asked_at_once_and_what_it_says_decides() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Instance::start(dir.path());
    let clients = Pki::new().root("Clients");
    let responder = OcspResponder::start(&clients).await;
    let (alice, mallory) = (
        clients.client("alice").issue(),
        clients.client("mallory").issue(),
    );
    responder.says(&alice, Status::Good);
    responder.says(&mallory, Status::Revoked);

    let servers = Pki::new().root("Servers");
    let server = servers.server(["shop.test"]).issue();

    let set = instance.ca_set("corp", &clients).await;
    let sources = json!({"responders": [{"url": responder.url(), "privateNetwork": true}]});
    let path = format!("/v1/ca-sets/{set}/revocation-sources");
    instance.call("PUT", &path, sources).await;
    let policy = json!({"mode": "require", "scope": "leaf", "staleGraceSeconds": 3600});
    let path = format!("/v1/ca-sets/{set}/revocation-policy");
    instance.call("PUT", &path, policy).await;
    instance.site("shop.test", &server, "require", &set).await;

    let first = told(&instance, &servers, &mallory, "http/1.1").await;
    assert_eq!(first, (403, "revoked".to_owned()));
    for alpn in ["http/1.1", "h2"] {
        assert!(is_served(&instance, &servers, &alice, alpn).await, "{alpn}");
        // By now the handshake says it.
        assert_eq!(told(&instance, &servers, &mallory, alpn).await.0, 0);
    }
    assert_eq!(responder.asked(), 2);
    // What is known holds without the responder.
    responder.behaves(Manner::Hangs);
    assert!(is_served(&instance, &servers, &alice, "h2").await);
    let nobody = clients.client("nobody").issue();
    assert!(!is_served(&instance, &servers, &nobody, "h2").await);

    // A client waits for its time and no longer, however slow the responder is (threats C3.2).
    responder.behaves(Manner::Waits(Duration::from_secs(30)));
    let (slow, began) = (clients.client("slow").issue(), Instant::now());
    let waited = told(&instance, &servers, &slow, "http/1.1").await;
    let took = began.elapsed();
    assert_eq!(waited, (403, "revocation_unknown".to_owned()));
    assert!(took >= Duration::from_millis(500), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(is_served(&instance, &servers, &alice, "h2").await);

    let listed = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .current_dir(dir.path())
        .args(["crl", "ocsp", "corp"])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for (subject, status) in [("CN=alice", "good"), ("CN=mallory", "revoked")] {
        let line = listed.lines().find(|line| line.contains(subject));
        assert!(line.unwrap().contains(status), "{listed}");
    }
    let line = listed.lines().find(|line| line.contains("CN=nobody"));
    assert!(line.unwrap().contains("missing"), "{listed}");
}

/// What `openssl s_client` shows of the status in one handshake.
fn stapled(instance: &Instance, name: &str, version: &str) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &instance.production.to_string()])
        .args(["-servername", name, "-status", version])
        // Its end ends the connection.
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn is_stapled(said: &str) -> bool {
    said.contains("OCSP Response Status: successful") && said.contains("Cert Status: good")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ca_of_an_edge_certificate_says_is_stapled_when_the_certificate_names_a_responder()
{
    let dir = tempfile::tempdir().unwrap();
    let instance = Instance::start(dir.path());
    let issuing = Pki::new().root("Servers").intermediate("Issuing");
    let responder = OcspResponder::start(&issuing).await;
    let url = responder.url();
    let certificate = |name| issuing.server([name]).ocsp_responder(&url).issue();
    let (good, revoked) = (certificate("good.test"), certificate("revoked.test"));
    responder.says(&good, Status::Good);
    responder.says(&revoked, Status::Revoked);
    let silent = issuing.server(["silent.test"]).issue();

    let set = instance.ca_set("corp", &Pki::new().root("Clients")).await;
    instance.site("silent.test", &silent, "request", &set).await;
    instance
        .site("revoked.test", &revoked, "request", &set)
        .await;
    wait::until("the question", || match responder.asked() {
        0 => Err("nobody asked"),
        _ => Ok(()),
    });
    instance.site("good.test", &good, "request", &set).await;
    wait::until("the staple", || {
        let said = stapled(&instance, "good.test", "-tls1_3");
        if is_stapled(&said) { Ok(()) } else { Err(said) }
    });
    let said = stapled(&instance, "good.test", "-tls1_2");
    assert!(is_stapled(&said), "{said}");
    // What was asked before is told by now as well.
    for name in ["silent.test", "revoked.test"] {
        let said = stapled(&instance, name, "-tls1_3");
        assert!(said.contains("OCSP response: no response sent"), "{said}");
        assert!(said.contains("Server certificate"), "{said}");
    }
    assert_eq!(responder.methods(), ["GET", "GET"]);
}
