//! The vendor's published clients, unmodified, against the served API. Wants them installed, and says so when they are not:
//! `pip install edgegrid-python`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_controller::Limits;
use serde_json::json;

use crate::client::{Server, start};
use crate::support::{PREFIX, World, root_pem};

const PYTHON: &str = r#"
import json, sys
import requests
from akamai.edgegrid import EdgeGridAuth, EdgeRc

base, edgerc, pem, prefix = sys.argv[1:]
session = requests.Session()
session.trust_env = False
session.auth = EdgeGridAuth.from_edgerc(EdgeRc(edgerc), "default")

def call(method, path, expected, **rest):
    answer = session.request(method, base + path, **rest)
    assert answer.status_code == expected, (method, path, answer.status_code, answer.text)
    return answer.json() if answer.content else None

sets = prefix + "/ca-sets"
made = call("POST", sets, 201, json={"caSetName": "from-python", "description": "tür"})
link = made["caSetLink"]
version = call("POST", link + "/versions", 201, json={"allowInsecureSha1": False, "certificates": [{"certificatePem": pem}]})
call("PUT", version["versionLink"], 200, json={"certificates": [{"certificatePem": pem, "description": "root"}]})
call("POST", version["versionLink"] + "/clone", 201)
call("GET", sets, 200, params={"caSetNamePrefix": "from", "activatedOn": "STAGING+PRODUCTION", "accountSwitchKey": "1-2ABC:1-2RBL"})
call("POST", prefix + "/certificates/validate", 200, json={"certificates": [{"certificatePem": pem}] * 200})
call("DELETE", link + "/versions/2", 204)
call("DELETE", link, 202)
print("done")
"#;

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// A controller whose clock shows the time of the machine, served over a socket, with an `.edgerc` file for it.
async fn served() -> (World, Server, PathBuf) {
    let world = World::new().await;
    // The clients sign with the time of the machine.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let ahead = i64::try_from(now.as_secs()).unwrap() - countersign_testkit::NOW;
    world.clock.advance_secs(ahead);
    let server = start(&world, Limits::default()).await;
    let body = json!({"name": "vendor", "role": "operator", "kind": "EDGEGRID"});
    let made = world.post("/v1/api-clients", body).await;
    let edgerc = world.path().join("edgerc");
    let mut file = std::fs::File::create(&edgerc).unwrap();
    writeln!(file, "[default]\nhost = {}", server.address).unwrap();
    for (key, field) in [
        ("client_token", "clientToken"),
        ("access_token", "accessToken"),
        ("client_secret", "clientSecret"),
    ] {
        writeln!(file, "{key} = {}", made.body[field].as_str().unwrap()).unwrap();
    }
    (world, server, edgerc)
}

async fn succeeds(mut client: Command) {
    let output = tokio::task::spawn_blocking(move || run(&mut client))
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[tokio::test]
async fn edgegrid_python_signs_what_we_accept() {
    let found = run(Command::new("python3").args(["-c", "import akamai.edgegrid"]));
    assert!(
        found.status.success(),
        "edgegrid-python is not installed: run scripts/install-test-data, or the tests with ./test"
    );
    let (_world, server, edgerc) = served().await;
    let mut client = Command::new("python3");
    client
        .args(["-c", PYTHON, &format!("http://{}", server.address)])
        .arg(edgerc)
        .args([&root_pem("Root"), PREFIX]);
    succeeds(client).await;
}
