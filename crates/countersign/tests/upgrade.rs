//! A program that is replaced, and a configuration that is read again, while clients send requests: none of them fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use countersign_testkit::client::{Http3Client, TlsClient};
use countersign_testkit::process::{Program, free_address};
use countersign_testkit::{Credential, Key, Origin, Pki, der, wait};
use tempfile::TempDir;

/// The directory and the addresses of an instance with the demo's site.
struct Site {
    dir: TempDir,
    config: PathBuf,
    api: SocketAddr,
    production: SocketAddr,
    _origin: Origin,
    /// The group of the process that was started, and of those that took over from it.
    group: OnceLock<u32>,
}

impl Drop for Site {
    /// No process outlives its test, whichever it is that serves at the end.
    fn drop(&mut self) {
        if let Some(group) = self.group.get() {
            let _ = Command::new("kill")
                .args(["-KILL", "--", &format!("-{group}")])
                .stderr(Stdio::null())
                .status();
        }
    }
}

impl Site {
    /// Lets the quickstart make the site, and stops it; the demo's origin is one of the test's from then on.
    async fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [api, production, staging, origin] = [(); 4].map(|()| free_address());
        let mut quickstart = Program::start(
            binary(dir.path())
                .arg("quickstart")
                .args(["--api", &api.to_string()])
                .args(["--production", &production.to_string()])
                .args(["--staging", &staging.to_string()])
                .args(["--origin", &origin.to_string()]),
        );
        quickstart.wait_for_line("# and back");
        quickstart.terminate();
        assert!(quickstart.wait().success());
        let listener = tokio::net::TcpListener::bind(origin).await.unwrap();
        let site = Self {
            config: dir.path().join("countersign.toml"),
            dir,
            api,
            production,
            _origin: Origin::builder().start_on(listener),
            group: OnceLock::new(),
        };
        site.configure(&[staging], "info");
        site
    }

    fn configure(&self, staging: &[SocketAddr], level: &str) {
        let staging: Vec<String> = staging
            .iter()
            .map(|address| format!("\"{address}\""))
            .collect();
        let text = format!(
            "data_dir = \"countersign-data\"\n[api]\nlisten = \"{}\"\n[edge.production]\nlisten = [\"{}\"]\n[edge.staging]\nlisten = [{}]\n[access_log]\noutput = \"access.log\"\n[log]\nlevel = \"{level}\"\n",
            self.api,
            self.production,
            staging.join(", ")
        );
        std::fs::write(&self.config, text).unwrap();
    }

    /// With this beside what [`configure`](Self::configure) wrote.
    fn configure_also(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&self.config, text.replace(from, to)).unwrap();
    }

    /// HTTP/3 at the address of production.
    fn configure_http3(&self) {
        let listen = format!(
            "[edge.production]\nlisten_http3 = [\"{}\"]\n",
            self.production
        );
        self.configure_also("[edge.production]\n", &listen);
    }

    /// Starts the program; returns when it serves.
    fn serve(&self) -> Program {
        let mut command = binary(self.dir.path());
        command.arg("serve").arg("--config").arg(&self.config);
        let mut program = Program::start(command.process_group(0));
        self.group.set(program.id()).unwrap();
        tokio::task::block_in_place(|| program.wait_for_line("network=production"));
        program
    }

    fn client(&self) -> TlsClient {
        let demo = self.dir.path().join("countersign-data/demo");
        let chain = std::fs::read_to_string(demo.join("alice.pem")).unwrap();
        let certificates = der::pem_blocks(&chain)
            .into_iter()
            .filter(|(label, _)| label == "CERTIFICATE")
            .map(|(_, der)| der)
            .collect();
        let key = std::fs::read_to_string(demo.join("alice.pem")).unwrap();
        let key = key
            .find("-----BEGIN PRIVATE KEY")
            .map(|at| key[at..].to_owned());
        let key = key.unwrap_or_else(|| std::fs::read_to_string(demo.join("alice.key")).unwrap());
        let alice = Credential::from_parts(certificates, Key::from_pem(&key));
        TlsClient::new("demo.localhost").presenting(&alice)
    }
}

fn binary(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.current_dir(dir);
    command
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// Clients that send requests one after the other, over HTTP/1.1 and HTTP/2, until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    fn begin(site: &Site) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let clients = ["http/1.1", "h2", "http/1.1", "h2"].map(|alpn| {
            let client = site.client().alpn(&[alpn]);
            let (stop, answered, address) =
                (Arc::clone(&stop), Arc::clone(&answered), site.production);
            tokio::spawn(async move {
                let mut failures = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match get(&client, address).await {
                        Ok(()) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => failures.push(format!("{alpn}: {error}")),
                    }
                }
                failures
            })
        });
        Self {
            stop,
            answered,
            clients: clients.into(),
        }
    }

    async fn some_more(&self) {
        let before = self.answered.load(Ordering::Relaxed);
        wait::until_async("twenty more answers", async || {
            let more = self.answered.load(Ordering::Relaxed) - before;
            (more >= 20).then_some(()).ok_or(more)
        })
        .await;
    }

    async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            let failures = client.await.unwrap();
            assert!(failures.is_empty(), "{failures:?}");
        }
        self.answered.load(Ordering::Relaxed)
    }
}

async fn get(client: &TlsClient, address: SocketAddr) -> Result<(), String> {
    let connection = client
        .connect(address)
        .await
        .map_err(|error| format!("connect: {error:?}"))?;
    let mut http = connection
        .http()
        .await
        .map_err(|error| format!("begin: {error:?}"))?;
    let response = http
        .get("/")
        .await
        .map_err(|error| format!("request: {error:?}"))?;
    if response.status == 200 {
        Ok(())
    } else {
        Err(format!("status {}: {}", response.status, response.text()))
    }
}

fn taken_over(program: &mut Program) -> u32 {
    let line = program.wait_for_line("another process has taken over");
    let (_, process) = line.split_once("process=").unwrap();
    let digits: String = process
        .chars()
        .skip_while(|it| !it.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap()
}

/// Its output goes on in the process that succeeds it, so that the end of that does not tell.
async fn ended(process: u32) {
    wait::until_async("the end of the process", async || {
        let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let is_over = state.is_empty() || state.contains(") Z ");
        is_over.then_some(()).ok_or(state)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_the_program_is_replaced_and_its_configuration_read_again() {
    let site = Site::make().await;
    let mut first = site.serve();
    let load = Load::begin(&site);
    load.some_more().await;

    // What a running process can change by itself.
    let staging = free_address();
    site.configure_also("\"info\"", "\"info,countersign=debug\"");
    signal(first.id(), "HUP");
    tokio::task::block_in_place(|| first.wait_for_line("configuration read again"));
    load.some_more().await;

    // A mistake changes nothing.
    std::fs::write(&site.config, "dta_dir = 1\n").unwrap();
    signal(first.id(), "HUP");
    tokio::task::block_in_place(|| first.wait_for_line("the configuration is not taken up"));
    load.some_more().await;

    // Another listener: a process that gets the others.
    site.configure(&[staging], "info");
    signal(first.id(), "HUP");
    let second = tokio::task::block_in_place(|| taken_over(&mut first));
    load.some_more().await;
    ended(first.id()).await;
    assert!(site.client().connect(staging).await.is_ok());
    load.some_more().await;

    // Another program.
    signal(second, "USR2");
    ended(second).await;
    load.some_more().await;
    let api = format!("https://{}/v1/sites", site.api);
    let status = Command::new("curl")
        .args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", &api])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(status.stdout).unwrap(), "401");
    assert!(load.end().await > 100);
}

async fn http3(client: &TlsClient, address: SocketAddr) -> Result<Http3Client, String> {
    let connection = client.quic(address).await;
    let connection = connection.map_err(|error| format!("connect: {error}"))?;
    let mut http = connection
        .http3()
        .await
        .map_err(|error| format!("begin: {error}"))?;
    let response = http.get("/").await;
    let response = response.map_err(|error| format!("request: {error}"))?;
    (response.status == 200)
        .then_some(http)
        .ok_or_else(|| response.text())
}

/// HTTP/3 lives on while the configuration is read again; a new program ends its connections in good order and serves clients that come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http3_outlives_a_reload_and_is_there_again_after_an_upgrade() {
    let site = Site::make().await;
    site.configure_http3();
    let mut first = site.serve();
    let client = site.client();
    let mut http = http3(&client, site.production).await.unwrap();
    site.configure_also("\"info\"", "\"info,countersign=debug\"");
    signal(first.id(), "HUP");
    tokio::task::block_in_place(|| first.wait_for_line("configuration read again"));
    assert_eq!(http.get("/").await.unwrap().status, 200);

    signal(first.id(), "USR2");
    tokio::task::block_in_place(|| taken_over(&mut first));
    let end = http.closed().await;
    assert!(end.is_h3_no_error(), "{end:?}");
    ended(first.id()).await;
    wait::until_async("HTTP/3 of the new program", async || {
        http3(&client, site.production).await.map(drop)
    })
    .await;
}

/// The control API's own certificate is taken up without a restart; one that cannot be used is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_presents_another_certificate_after_a_reload() {
    let site = Site::make().await;
    let [chain, key] = ["api.pem", "api.key"].map(|file| site.dir.path().join(file));
    let root = Pki::new().root("Operator");
    let [one, other] = [(); 2].map(|()| root.server(["localhost"]).issue());
    let write = |credential: &Credential| {
        std::fs::write(&chain, credential.chain_pem()).unwrap();
        std::fs::write(&key, credential.key_pem()).unwrap();
    };
    write(&one);
    let paths = "[api]\ncertificate = \"api.pem\"\nkey = \"api.key\"\n";
    site.configure_also("[api]\n", paths);
    let mut program = site.serve();
    let presented = async || {
        let client = TlsClient::new("localhost").with_fresh_sessions();
        let connection = client.connect(site.api).await.unwrap();
        connection.server_chain().remove(0)
    };
    assert_eq!(presented().await, one.der());
    std::fs::write(&key, other.key_pem()).unwrap();
    signal(program.id(), "HUP");
    tokio::task::block_in_place(|| program.wait_for_line("keeps its certificate"));
    assert_eq!(presented().await, one.der());
    write(&other);
    signal(program.id(), "HUP");
    wait::until_async("the other certificate", async || {
        let seen = presented().await;
        (seen == other.der()).then_some(()).ok_or("the first one")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_does_not_come_to_serve_leaves_the_old_one_serving() {
    let site = Site::make().await;
    let mut program = site.serve();
    let load = Load::begin(&site);
    load.some_more().await;
    // An address that something else has.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    site.configure(&[taken.local_addr().unwrap()], "info");
    signal(program.id(), "HUP");
    tokio::task::block_in_place(|| program.wait_for_line("this one serves on"));
    load.some_more().await;
    load.end().await;
    // The control plane is back.
    wait::until_async("the control API", async || {
        tokio::net::TcpStream::connect(site.api).await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_hands_sockets_in_and_is_told_what_happens() {
    let site = Site::make().await;
    let told = site.dir.path().join("notify");
    let supervisor = UnixDatagram::bind(&told).unwrap();
    supervisor.set_read_timeout(Some(wait::PATIENCE)).unwrap();
    let hear = || {
        let mut words = [0; 256];
        let length = supervisor.recv(&mut words).unwrap();
        String::from_utf8(words[..length].to_vec()).unwrap()
    };
    // The supervisor listens first: a client that comes before the process waits.
    let listener = std::net::TcpListener::bind(site.production).unwrap();
    let client = site.client();
    let address = site.production;
    let early = tokio::spawn(async move { get(&client, address).await });
    let script =
        "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve --config \"$1\"";
    let mut command = Command::new("sh");
    command
        .current_dir(site.dir.path())
        .env("NOTIFY_SOCKET", &told)
        .args(["-c", script, env!("CARGO_BIN_EXE_countersign")])
        .arg(&site.config)
        .stdin(std::os::fd::OwnedFd::from(listener))
        .stderr(Stdio::null())
        .stdout(Stdio::null());
    let mut process = command.process_group(0).spawn().unwrap();
    site.group.set(process.id()).unwrap();
    assert_eq!(tokio::task::block_in_place(hear), "READY=1");
    early.await.unwrap().unwrap();
    signal(process.id(), "HUP");
    assert_eq!(tokio::task::block_in_place(hear), "RELOADING=1");
    assert_eq!(tokio::task::block_in_place(hear), "READY=1");
    signal(process.id(), "TERM");
    assert_eq!(tokio::task::block_in_place(hear), "STOPPING=1");
    assert!(
        tokio::task::block_in_place(|| process.wait())
            .unwrap()
            .success()
    );
}
