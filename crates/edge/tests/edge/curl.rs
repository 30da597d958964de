//! The same over HTTP/1.1 and HTTP/2 with the client that everybody has: curl.

use std::path::PathBuf;
use std::process::Stdio;

use countersign_snapshot::ClientAuthMode::{Request as Asks, Require};
use countersign_testkit::Credential;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::world::{CLIENTS, OTHERS, World};

const VERSIONS: [(&str, &str); 2] = [("--http1.1", "1.1"), ("--http2", "2")];

/// How a call of curl ended.
#[derive(Debug)]
struct Visit {
    exit: Option<i32>,
    /// What `--write-out` says: the status, and the version that was spoken.
    status: String,
    version: String,
    body: Vec<u8>,
    /// What `--verbose` says.
    told: String,
}

impl Visit {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

struct Curl<'w> {
    world: &'w World,
    files: TempDir,
    own: Vec<PathBuf>,
}

impl<'w> Curl<'w> {
    fn new(world: &'w World) -> Self {
        let files = tempfile::tempdir().unwrap();
        let authorities = files.path().join("ca.pem");
        std::fs::write(&authorities, world.server_root.pem()).unwrap();
        Self {
            world,
            files,
            own: Vec::new(),
        }
    }

    fn presenting(mut self, credential: &Credential) -> Self {
        self.own = [
            self.file("chain.pem", credential.chain_pem().as_bytes()),
            self.file("key.pem", credential.key_pem().as_bytes()),
        ]
        .into();
        self
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Calls it with these arguments; `{}` in the last one is the port.
    async fn call(&self, arguments: &[&str]) -> Visit {
        let body = self.files.path().join("body");
        let _ = std::fs::remove_file(&body);
        let port = self.world.edge.local_addr().port();
        let mut command = Command::new("curl");
        command
            .args([
                "--silent",
                "--verbose",
                "--noproxy",
                "*",
                "--max-time",
                "60",
            ])
            .args(["--write-out", "%{http_code} %{http_version}"])
            .args(["--connect-to", &format!("::127.0.0.1:{port}")])
            .arg("--cacert")
            .arg(self.files.path().join("ca.pem"))
            .arg("--output")
            .arg(&body);
        if let [chain, key] = self.own.as_slice() {
            command.arg("--cert").arg(chain).arg("--key").arg(key);
        }
        let output = command
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let (status, version) = told.split_once(' ').unwrap_or_default();
        Visit {
            exit: output.status.code(),
            status: status.to_owned(),
            version: version.to_owned(),
            body: std::fs::read(&body).unwrap_or_default(),
            told: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_is_served_with_its_certificate_and_told_why_not_with_another() {
    let world = World::empty().await;
    world
        .activate(&[
            world.binding("a", &["a.test"], Asks, &[CLIENTS]),
            world.binding("b", &["b.test"], Require, &[CLIENTS]),
        ])
        .await;
    let alice = Curl::new(&world).presenting(&world.alice());
    let stranger = world.others.client("mallory").issue();
    let stranger = Curl::new(&world).presenting(&stranger);
    let nobody = Curl::new(&world);
    for (flag, version) in VERSIONS {
        for host in ["a", "b"] {
            let visit = alice
                .call(&[flag, &format!("https://{host}.test/x?y=1")])
                .await;
            assert_eq!(
                (visit.status.as_str(), visit.version.as_str()),
                ("200", version),
                "{visit:?}"
            );
            assert_eq!(visit.json()["target"], "/x?y=1");
            assert!(
                world.origin.last().header("client-cert")[0].len() > 100,
                "{:?}",
                world.origin.last()
            );
        }
        for (curl, reason) in [(&stranger, "unknown_issuer"), (&nobody, "missing")] {
            let visit = curl.call(&[flag, "https://a.test/"]).await;
            assert_eq!(visit.status, "403", "{visit:?}");
            assert_eq!(visit.json()["reason"], reason);
            // Where a certificate is required the handshake says so: curl's 56 is a failure to receive, 35 one in the handshake.
            let visit = curl.call(&[flag, "https://b.test/"]).await;
            assert!(matches!(visit.exit, Some(35 | 56 | 16)), "{visit:?}");
            assert_eq!(visit.status, "000");
        }
    }
}

/// One connection, two names: curl asks the second one again on a new connection after 421.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_reads_what_comes_after_421_on_the_same_connection() {
    let world = World::empty().await;
    world
        .activate(&[
            world.binding("a", &["a.test"], Asks, &[CLIENTS]),
            world.binding("b", &["b.test"], Asks, &[OTHERS]),
        ])
        .await;
    let alice = Curl::new(&world).presenting(&world.alice());
    for (flag, _) in VERSIONS {
        let visit = alice
            .call(&[flag, "--header", "Host: b.test", "https://a.test/"])
            .await;
        assert_eq!(visit.status, "421", "{visit:?}");
        assert_eq!(visit.json()["reason"], "misdirected_request");
    }
    assert!(world.origin.received().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_of_curl_arrive_whole_and_are_asked_for_first() {
    let world = World::site(Asks).await;
    let curl = Curl::new(&world).presenting(&world.alice());
    let data: Vec<u8> = (0..3_u32 << 20).map(|index| (index % 251) as u8).collect();
    let file = curl.file("upload", &data);
    let file = format!("@{}", file.display());
    let post = ["--data-binary", &file, "https://a.test/upload"];
    let chunked = ["--header", "Transfer-Encoding: chunked"];
    for (flag, _) in VERSIONS {
        // curl says `Expect: 100-continue` by itself above 1 MiB, and is quiet about the length with the second header.
        for more in [[].as_slice(), chunked.as_slice()] {
            let visit = curl.call(&[&[flag], more, post.as_slice()].concat()).await;
            assert_eq!(visit.status, "200", "{}", visit.told);
            if flag == "--http1.1" {
                assert!(
                    visit.told.contains("< HTTP/1.1 100 Continue"),
                    "{}",
                    visit.told
                );
            }
            let received = world.origin.last();
            assert!(received.body == data, "{} bytes", received.body.len());
            assert!(received.header("expect").is_empty());
        }
    }
    // Who is refused is not asked for the body: curl waits half a minute for leave to send it.
    let nobody = Curl::new(&world);
    for (flag, _) in VERSIONS {
        let before = world.origin.received().len();
        let wait = ["--expect100-timeout", "30"];
        let visit = nobody
            .call(&[[flag].as_slice(), &wait, &post].concat())
            .await;
        assert_eq!(visit.status, "403", "{}", visit.told);
        assert!(!visit.told.contains("100 Continue"), "{}", visit.told);
        assert_eq!(world.origin.received().len(), before);
    }
}

/// Trailers of an origin, and a body without a length.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_gets_the_trailers_of_the_origin() {
    let world = World::empty().await;
    let port = chunked_origin().await;
    world
        .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
            snapshot.origins[0].endpoints[0].port = port;
        })
        .await;
    let curl = Curl::new(&world);
    let headers = curl.files.path().join("headers");
    let headers = headers.to_str().unwrap();
    for (flag, _) in VERSIONS {
        let visit = curl
            .call(&[
                flag,
                "--header",
                "TE: trailers",
                "--dump-header",
                headers,
                "https://open.test/",
            ])
            .await;
        assert_eq!(
            (visit.status.as_str(), visit.body.as_slice()),
            ("200", b"hello".as_slice())
        );
        let headers = std::fs::read_to_string(headers).unwrap().to_lowercase();
        assert!(headers.contains("x-checksum: 5d41"), "{headers}");
    }
}

/// Answers everything in two chunks with a trailer.
async fn chunked_origin() -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 4096];
                while stream.read(&mut head).await.is_ok_and(|count| count > 0) {
                    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-checksum\r\n\r\n\
                        2\r\nhe\r\n3\r\nllo\r\n0\r\nx-checksum: 5d41\r\n\r\n";
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}
