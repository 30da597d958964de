//! A quickstart, and what its operators and clients do.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use countersign_testkit::process::Program;
use countersign_testkit::quickstart::Quickstart;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The quickstart's CA set: alice is one of its clients.
pub(crate) const CLIENTS: &str = "1";

/// A quickstart in a directory of its own, on ports of its own.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) api: SocketAddr,
    pub(crate) production: SocketAddr,
    pub(crate) origin: SocketAddr,
    pub(crate) instance: Program,
}

impl World {
    pub(crate) fn started() -> Self {
        let dir = TempDir::new().unwrap();
        let at = Quickstart::at_free_addresses();
        let instance = at.start(env!("CARGO_BIN_EXE_countersign"), dir.path(), |_| {});
        Self {
            dir,
            api: at.api,
            production: at.production,
            origin: at.origin,
            instance,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(program)
            .current_dir(self.dir.path())
            .args(arguments)
            .stdin(Stdio::null())
            .env("NO_PROXY", "*")
            .output()
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn countersign(&self, arguments: &[&str]) -> String {
        let output = self.run(env!("CARGO_BIN_EXE_countersign"), arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A command that is refused; what it says.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(env!("CARGO_BIN_EXE_countersign"), arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("https://localhost:{}{path}", self.api.port());
        let body = body.to_string();
        let mut arguments = vec!["-sS", "--cacert", "countersign-data/api/ca.pem"];
        arguments.extend(["-H", "@countersign-data/demo/authorization", "-X", method]);
        if method != "GET" {
            arguments.extend(["--json", &body]);
        }
        arguments.push(&url);
        let output = self.run("curl", &arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    /// An edge certificate for a name that is deployed on production, and asks for clients of the quickstart's CA set if it is to.
    pub(crate) fn edge_certificate(&self, name: &str, asks: bool) {
        if !self.path("servers").exists() {
            self.countersign(&["pki", "init", "Servers", "--dir", "servers"]);
        }
        let issue = [
            "pki", "issue", name, "--server", "--san", name, "--dir", "servers",
        ];
        self.countersign(&[issue.as_slice(), &["--out", name]].concat());
        let read =
            |ending: &str| std::fs::read_to_string(self.path(&format!("{name}.{ending}"))).unwrap();
        let mutual = json!({"caSetId": CLIENTS, "mode": "request"});
        let body = json!({
            "name": name,
            "certificates": [{"certificatePem": read("pem"), "privateKeyPem": read("key")}],
            "settings": if asks { json!({"mutualAuthentication": mutual}) } else { json!({}) },
        });
        let made = self.call("POST", "/v1/edge-certificates", &body);
        let link = made["edgeCertificateLink"].as_str().unwrap();
        let production = json!({"network": "PRODUCTION"});
        let deployment = self.call("POST", &format!("{link}/deploy"), &production);
        let link = deployment["deploymentLink"].as_str().unwrap();
        let ended = self.until("the edge certificate is deployed", || {
            let now = self.call("GET", link, &Value::Null);
            (now["status"] != "IN_PROGRESS").then_some(now)
        });
        assert_eq!(ended["status"], "COMPLETE", "{ended}");
    }

    /// Makes a property with these rules and activates it on production.
    pub(crate) fn property(&self, name: &str, hostnames: &[&str], rules: &Value) {
        let file = format!("{name}.json");
        std::fs::write(self.path(&file), rules.to_string()).unwrap();
        let origin = format!("main=http://{}", self.origin);
        let mut arguments = vec!["property", "create", name, "--origin", &origin];
        arguments.extend(["--rules", &file]);
        for hostname in hostnames {
            arguments.extend(["--hostname", hostname]);
        }
        self.countersign(&arguments);
        self.countersign(&[
            "property",
            "activate",
            name,
            "--network",
            "production",
            "--wait",
        ]);
    }

    /// Status and body of a request to production.
    pub(crate) fn get(&self, host: &str, path: &str, more: &[&str]) -> (String, String) {
        let port = self.production.port();
        let resolve = format!("{host}:{port}:127.0.0.1");
        let url = format!("https://{host}:{port}{path}");
        let mut arguments = vec!["-sS", "--cacert", "servers/root.pem", "--resolve", &resolve];
        arguments.extend(["-w", "\n%{http_code}", &url]);
        arguments.extend(more);
        let output = self.run("curl", &arguments);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }

    pub(crate) fn as_client(&self, host: &str, path: &str, client: &str) -> (String, String) {
        let certificate = format!("countersign-data/demo/{client}.pem");
        self.get(host, path, &["--cert", &certificate])
    }

    /// The newest record of the access log of which something is true.
    pub(crate) fn record(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.until(what, || {
            let text = std::fs::read_to_string(self.path("countersign-data/access.log")).ok()?;
            let records = text
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            records.filter(|record| is_it(record)).last()
        })
    }

    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "it never came true: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
