//! Invariant I8: a confirmed write survives `kill -9` at any moment; an unconfirmed one is absent or whole, never half there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use countersign_testkit::process::{Program, free_address};
use countersign_testkit::{Pki, wait};
use serde_json::{Value, json};
use tempfile::TempDir;

const KILLS: usize = 50;

/// What the API confirmed about one CA set.
struct Confirmed {
    id: String,
    name: String,
    versions: usize,
    activations: Vec<(usize, String)>,
}

struct Instance {
    program: Program,
    api: SocketAddr,
    authority: reqwest::Certificate,
    token: String,
}

impl Instance {
    fn start(dir: &Path) -> Self {
        let [api, production, staging, origin] = [(); 4].map(|()| free_address());
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .current_dir(dir)
            .arg("quickstart")
            .args(["--api", &api.to_string()])
            .args(["--production", &production.to_string()])
            .args(["--staging", &staging.to_string()])
            .args(["--origin", &origin.to_string()]);
        let mut program = Program::start(&mut command);
        program.wait_for_line("# and back");
        let data = dir.join("countersign-data");
        let authority =
            reqwest::Certificate::from_pem(&std::fs::read(data.join("api/ca.pem")).unwrap())
                .unwrap();
        let header = std::fs::read_to_string(data.join("demo/authorization")).unwrap();
        let token = header.trim().rsplit(' ').next().unwrap().to_owned();
        Self {
            program,
            api,
            authority,
            token,
        }
    }

    fn client(&self) -> Api {
        Api {
            http: reqwest::Client::builder()
                .tls_certs_only([self.authority.clone()])
                .timeout(Duration::from_secs(10))
                .build()
                .unwrap(),
            root: format!("https://{}", self.api),
            token: self.token.clone(),
        }
    }
}

#[derive(Clone)]
struct Api {
    http: reqwest::Client,
    root: String,
    token: String,
}

impl Api {
    /// Status and body; `None` when the answer did not arrive whole.
    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        let url = format!("{}/mtls-edge-truststore/v2{path}", self.root);
        let mut request = self
            .http
            .request(method.parse().unwrap(), url)
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.ok()?))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await.unwrap();
        assert!(status == 200 || status == 202, "{path}: {status} {body}");
        body
    }
}

/// Writes until the instance is gone: a set, a version, its activation, the next version, its activation, …
async fn write_until_killed(api: Api, name: String, pems: &[String]) -> Option<Confirmed> {
    let (status, set) = api
        .call("POST", "/ca-sets", Some(&json!({ "caSetName": name })))
        .await?;
    assert_eq!(status, 201, "{set}");
    let id = set["caSetId"].as_str().unwrap().to_owned();
    let mut confirmed = Confirmed {
        id: id.clone(),
        name,
        versions: 0,
        activations: Vec::new(),
    };
    // Every version holds the first certificate and one of its own, since equal versions are refused.
    for (index, pem) in pems.iter().enumerate().skip(1) {
        let version = json!({
            "allowInsecureSha1": false,
            "certificates": [{ "certificatePem": pems[0] }, { "certificatePem": pem }],
        });
        let Some((status, body)) = api
            .call("POST", &format!("/ca-sets/{id}/versions"), Some(&version))
            .await
        else {
            break;
        };
        assert_eq!(status, 201, "{body}");
        confirmed.versions = index;
        let path = format!("/ca-sets/{id}/versions/{index}/activate");
        match api
            .call("POST", &path, Some(&json!({ "network": "STAGING" })))
            .await
        {
            Some((202, body)) => {
                let link = body["activationLink"].as_str().unwrap().to_owned();
                confirmed.activations.push((index, link));
            }
            // The one before is still on its way.
            Some((409, _)) => {}
            Some((status, body)) => panic!("{status} {body}"),
            None => break,
        }
    }
    Some(confirmed)
}

async fn check(api: &Api, confirmed: &Confirmed) {
    let Confirmed { id, .. } = confirmed;
    let set = api.get(&format!("/ca-sets/{id}")).await;
    assert_eq!(set["caSetName"], *confirmed.name, "the set was confirmed");
    for number in 1..=confirmed.versions {
        let version = api.get(&format!("/ca-sets/{id}/versions/{number}")).await;
        assert_eq!(
            version["certificates"].as_array().unwrap().len(),
            2,
            "version {number} was confirmed"
        );
    }
    for (number, link) in &confirmed.activations {
        let path = link.strip_prefix("/mtls-edge-truststore/v2").unwrap();
        wait::until_async(&format!("{link} to end"), async || {
            let activation = api.get(path).await;
            if activation["activationStatus"] == "COMPLETE" {
                Ok(())
            } else {
                Err(activation)
            }
        })
        .await;
        let enforced = api.get(&format!("/ca-sets/{id}")).await["stagingVersion"]
            .as_u64()
            .unwrap();
        assert!(
            enforced as usize >= *number,
            "version {number} was activated, {enforced} is enforced"
        );
    }
}

/// Nothing that was not confirmed is half there: every version has its certificates, every activation ends.
async fn check_no_half_state(api: &Api) {
    let list = api.get("/ca-sets").await;
    for set in list["caSets"].as_array().unwrap() {
        let id = set["caSetId"].as_str().unwrap();
        let versions = api
            .get(&format!("/ca-sets/{id}/versions?includeCertificates=true"))
            .await;
        for version in versions["versions"].as_array().unwrap() {
            assert!(
                !version["certificates"].as_array().unwrap().is_empty(),
                "{version}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_confirmed_write_is_lost_and_no_half_state_is_left_by_fifty_kills() {
    let dir = TempDir::new().unwrap();
    let pems: Vec<String> = (0..40)
        .map(|number| Pki::new().root(&format!("Root {number}")).pem())
        .collect();
    let mut writes = 0;
    let mut last: Vec<Confirmed> = Vec::new();
    for round in 0..KILLS {
        let mut instance = Instance::start(dir.path());
        let api = instance.client();
        for confirmed in &last {
            check(&api, confirmed).await;
        }
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let (api, pems) = (api.clone(), pems.clone());
                let name = format!("set-{round}-{writer}");
                tokio::spawn(async move { write_until_killed(api, name, &pems).await })
            })
            .collect();
        // The moment of the kill is the input of this test: some come while the first write is on its way, some after dozens.
        tokio::time::sleep(Duration::from_millis(3 + (round as u64 * 37) % 120)).await;
        instance.program.kill();
        last.clear();
        for writer in writers {
            last.extend(writer.await.unwrap());
        }
        writes += last
            .iter()
            .map(|it| 1 + it.versions + it.activations.len())
            .sum::<usize>();
    }
    assert!(
        writes > KILLS * 4,
        "only {writes} writes were confirmed; the test proves too little"
    );
    let instance = Instance::start(dir.path());
    let api = instance.client();
    for confirmed in &last {
        check(&api, confirmed).await;
    }
    check_no_half_state(&api).await;
}
