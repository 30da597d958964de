//! How long the API's list and get calls take in a full store: `cargo bench -p countersign-controller --bench storage`. Fails when a
//! promise is broken.
//!
//! 10 accounts × 200 CA sets × 100 versions × 300 certificates. From version to version of a set one certificate is exchanged, and the sets
//! of an account draw from the same 3,000. The rows are written by SQL, since making 200,000 versions through the API takes a day; reading
//! them goes through the whole of the API, over a socket.
//!
//! `STORAGE_SETS=20` makes a smaller store, `STORAGE_DIR=DIR` keeps it for the next run, `STORAGE_CALLS=N` changes how often each call is
//! made.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_controller::{
    Accept, AccountId, ApiClientKind, BoxFuture, Caller, Connection, Controller, ControllerConfig,
    Credentials, Distribution, Limits, NewApiClient, RateLimit, Role, Scheme, serve,
};
use countersign_snapshot::{
    Acknowledgement, Network, NodeId, RevocationAcknowledgement, RevocationBodies, SealingKey,
    SignedRevocations, SignedSnapshot, SigningKey,
};
use countersign_testkit::{NOW, Pki};
use countersign_trust::{Certificate, Clock, UnixTime};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::net::{TcpListener, TcpStream};

const ACCOUNTS: i64 = 10;
const VERSIONS: i64 = 100;
const CERTIFICATES: i64 = 300;
const CERTIFICATES_OF_ACCOUNT: i64 = 3_000;
/// What every call keeps, to its last byte; of the list of versions with certificates, which has 30,000 of them, to its first.
const PROMISE: Duration = Duration::from_millis(50);
const PREFIX: &str = "/mtls-edge-truststore/v2";

fn main() {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(run());
}

async fn run() {
    let sets = number("STORAGE_SETS", 200);
    let calls = number("STORAGE_CALLS", 500);
    let kept = std::env::var_os("STORAGE_DIR").map(PathBuf::from);
    let temporary = tempfile::tempdir().unwrap();
    let directory = kept.as_deref().unwrap_or(temporary.path());
    let controller = open(directory).await;
    let token = token(&controller).await;
    controller.close().await;
    drop(controller);
    fill(&directory.join("controller.sqlite"), sets).await;
    let size = std::fs::metadata(directory.join("controller.sqlite"))
        .unwrap()
        .len();
    println!(
        "{ACCOUNTS} accounts × {sets} CA sets × {VERSIONS} versions × {CERTIFICATES} certificates: {:.2} GB",
        size as f64 / 1e9
    );
    let controller = open(directory).await;
    let address = listen(&controller).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut slow = Vec::new();
    println!(
        "| call | bytes | first byte p50 | p99 | last byte p50 | p99 |\n|---|--:|--:|--:|--:|--:|"
    );
    for (name, path, calls) in paths(calls) {
        let times = measure(&client, address, &token, sets, &path, calls).await;
        println!(
            "| `{name}` | {} | {} | {} | {} | {} |",
            times.bytes,
            show(times.first(50)),
            show(times.first(99)),
            show(times.last(50)),
            show(times.last(99)),
        );
        let promised = if path.contains("includeCertificates") {
            times.first(99)
        } else {
            times.last(99)
        };
        if promised > PROMISE {
            slow.push(name);
        }
    }
    assert!(
        slow.is_empty(),
        "over {PROMISE:?} at the 99th percentile: {slow:?}"
    );
}

/// Calls by name and path; `{set}` and `{version}` are others each time.
fn paths(calls: i64) -> Vec<(&'static str, String, i64)> {
    let few = (calls / 10).max(10);
    let own = |name: &'static str, path: &str| (name, format!("{PREFIX}{path}"), calls);
    vec![
        own("list CA sets", "/ca-sets"),
        own(
            "list CA sets by prefix and network",
            "/ca-sets?caSetNamePrefix=set-1&activatedOn=PRODUCTION",
        ),
        own("get CA set", "/ca-sets/{set}"),
        own("list versions", "/ca-sets/{set}/versions"),
        own(
            "list active versions with certificates",
            "/ca-sets/{set}/versions?includeCertificates=true&activeVersionsOnly=true",
        ),
        own("get version", "/ca-sets/{set}/versions/{version}"),
        own(
            "list certificates",
            "/ca-sets/{set}/versions/{version}/certificates",
        ),
        own(
            "list certificates by expiry",
            "/ca-sets/{set}/versions/{version}/certificates?certificateStatus=EXPIRING",
        ),
        own("list activations", "/ca-sets/{set}/activations"),
        own(
            "list activations of a version",
            "/ca-sets/{set}/versions/{version}/activations",
        ),
        own("list activities", "/ca-sets/{set}/activities"),
        own("list associations", "/ca-sets/{set}/associations"),
        (
            "list versions with certificates",
            format!("{PREFIX}/ca-sets/{{set}}/versions?includeCertificates=true"),
            few,
        ),
        ("list audit log", "/v1/audit".to_owned(), calls),
        ("list API clients", "/v1/api-clients".to_owned(), calls),
    ]
}

struct Times {
    bytes: usize,
    first: Vec<Duration>,
    last: Vec<Duration>,
}

impl Times {
    fn first(&self, percentile: usize) -> Duration {
        self.first[(self.first.len() - 1) * percentile / 100]
    }

    fn last(&self, percentile: usize) -> Duration {
        self.last[(self.last.len() - 1) * percentile / 100]
    }
}

async fn measure(
    client: &reqwest::Client,
    address: SocketAddr,
    token: &str,
    sets: i64,
    path: &str,
    calls: i64,
) -> Times {
    let mut times = Times {
        bytes: 0,
        first: Vec::new(),
        last: Vec::new(),
    };
    for call in 0..calls {
        // Spread over the store, so that it is the disk's pages that are read, and not always the same ones.
        let set = 1 + call.wrapping_mul(7_919).rem_euclid(sets);
        let version = 1 + call.wrapping_mul(31).rem_euclid(VERSIONS);
        let path = path
            .replace("{set}", &set.to_string())
            .replace("{version}", &version.to_string());
        let start = Instant::now();
        let mut answer = client
            .get(format!("http://{address}{path}"))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let mut bytes = 0;
        let mut first = None;
        while let Some(chunk) = answer.chunk().await.unwrap() {
            first.get_or_insert_with(|| start.elapsed());
            bytes += chunk.len();
        }
        times.bytes = bytes.max(times.bytes);
        times.first.push(first.unwrap());
        times.last.push(start.elapsed());
    }
    times.first.sort_unstable();
    times.last.sort_unstable();
    times
}

fn show(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn number(name: &str, default: i64) -> i64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Writes the rows, unless they are there.
async fn fill(database: &Path, sets: i64) {
    let mut connection = SqliteConnectOptions::new()
        .filename(database)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .connect()
        .await
        .unwrap();
    let there: i64 = sqlx::query_scalar("SELECT count(*) FROM ca_sets")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    if there == ACCOUNTS * sets {
        return;
    }
    assert_eq!(there, 0, "{} holds another store", database.display());
    let start = Instant::now();
    execute(&mut connection, "BEGIN").await;
    write_certificates(&mut connection).await;
    let now = NOW * 1_000_000;
    let numbers = |name: &str, count: i64| {
        format!("{name}(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM {name} WHERE n < {count})")
    };
    let (accounts, of_account, versions, positions) = (
        numbers("a", ACCOUNTS),
        numbers("s", sets),
        numbers("v", VERSIONS),
        numbers("p", CERTIFICATES),
    );
    execute(
        &mut connection,
        &format!(
            "INSERT INTO accounts (id, name, created_at) WITH RECURSIVE {accounts}
         SELECT 'A-' || n, 'account ' || n, {now} FROM a WHERE n > 1"
        ),
    )
    .await;
    // The ids of the first account's sets are 1 to `sets`.
    execute(&mut connection, &format!(
        "INSERT INTO ca_sets (id, account_id, name, name_key, description, status, next_version, created_at, created_by)
         WITH RECURSIVE {accounts}, {of_account}
         SELECT (a.n - 1) * {sets} + s.n, 'A-' || a.n, 'set-' || s.n, 'set-' || s.n, 'partners', 'NOT_DELETED', {VERSIONS} + 1, {now}, 'bench'
         FROM a, s"
    )).await;
    execute(&mut connection, &format!(
        "INSERT INTO ca_set_versions (ca_set_id, version, description, allow_insecure_sha1, content_digest, created_at, created_by, frozen_at)
         WITH RECURSIVE {versions}
         SELECT c.id, v.n, 'change ' || v.n, 0, randomblob(32), {now}, 'bench', {now} - 1 FROM ca_sets c, v"
    )).await;
    // Freezing guards against what is done here.
    execute(&mut connection, "DROP TRIGGER frozen_versions_gain_nothing").await;
    execute(&mut connection, &format!(
        "INSERT INTO ca_set_version_certificates (ca_set_id, version, position, certificate_id, description, created_at, created_by)
         WITH RECURSIVE {versions}, {positions}
         SELECT c.id, v.n, p.n - 1,
                ((c.id - 1) / {sets}) * {CERTIFICATES_OF_ACCOUNT} + 1 + (c.id * 15 + p.n + v.n) % {CERTIFICATES_OF_ACCOUNT},
                NULL, {now}, 'bench'
         FROM ca_sets c, v, p ORDER BY c.id, v.n, p.n"
    )).await;
    execute(&mut connection, &format!(
        "INSERT INTO active_versions (ca_set_id, network, version)
         SELECT id, 'STAGING', {VERSIONS} FROM ca_sets UNION ALL SELECT id, 'PRODUCTION', {VERSIONS} - 1 FROM ca_sets"
    )).await;
    execute(&mut connection, &format!(
        "INSERT INTO activations (account_id, ca_set_id, version, network, kind, status, percent, created_at, created_by, modified_at, modified_by, warnings)
         WITH RECURSIVE {versions}
         SELECT c.account_id, c.id, v.n, w.name, 'ACTIVATE', 'COMPLETE', 100, {now}, 'bench', {now}, 'bench', '[]'
         FROM ca_sets c, v, (SELECT 'STAGING' AS name UNION SELECT 'PRODUCTION') w"
    )).await;
    execute(
        &mut connection,
        &format!(
            "INSERT INTO ca_set_activities (ca_set_id, sequence, kind, network, version, at, by)
         WITH RECURSIVE {versions}
         SELECT c.id, v.n * 2 + w.half, 'ACTIVATE_CA_SET_VERSION', w.name, v.n, {now}, 'bench'
         FROM ca_sets c, v, (SELECT 0 AS half, 'STAGING' AS name UNION SELECT 1, 'PRODUCTION') w"
        ),
    )
    .await;
    execute(
        &mut connection,
        "INSERT INTO ca_set_associations (ca_set_id, kind, user_id, user_name, hostname, network, status)
         SELECT id, 'PROPERTY', id, 'site ' || id, 'www' || id || '.example.com', 'PRODUCTION', 'ATTACHED' FROM ca_sets",
    )
    .await;
    write_audit_log(&mut connection).await;
    execute(&mut connection, "COMMIT").await;
    execute(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    println!("written in {:.0} s", start.elapsed().as_secs_f64());
}

async fn write_certificates(connection: &mut SqliteConnection) {
    for number in 0..ACCOUNTS * CERTIFICATES_OF_ACCOUNT {
        let root = Pki::new().root(&format!(
            "Partner {number} Root CA, O=Partner {number} Incorporated"
        ));
        let certificate = Certificate::from_der(root.der()).unwrap();
        sqlx::query(
            "INSERT INTO certificates (fingerprint, der, subject, issuer, serial_number, signature_algorithm, not_before, not_after)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(certificate.fingerprint().as_bytes().as_slice())
        .bind(certificate.der())
        .bind(certificate.subject().to_java_string())
        .bind(certificate.issuer().to_java_string())
        .bind(certificate.serial().to_string())
        .bind(certificate.signature_algorithm().java_name())
        .bind(certificate.validity().not_before.as_micros())
        .bind(certificate.validity().not_after.as_micros())
        .execute(&mut *connection)
        .await
        .unwrap();
    }
}

/// The newest page of the log, as the making of versions fills it.
async fn write_audit_log(connection: &mut SqliteConnection) {
    let after = format!(
        "(SELECT json_object('description', 'change', 'allowInsecureSha1', json('false'), 'certificates',
                json_group_array(json_object('sha256', lower(hex(fingerprint)), 'subject', subject, 'description', NULL)))
          FROM certificates WHERE id <= {CERTIFICATES})"
    );
    let rows = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)";
    execute(
        connection,
        &format!(
            "INSERT INTO revisions (revision, at, account_id, resource, body) {rows}
             SELECT 100 + n, 0, 'A-1', 'ca-set/1/version/' || n, '{{}}' FROM n"
        ),
    )
    .await;
    execute(
        connection,
        &format!(
            "INSERT INTO audit (sequence, revision, at, account_id, actor, role, source, action, resource, before, after, previous_hash, hash)
             {rows} SELECT 100 + n, 100 + n, 0, 'A-1', 'bench', 'operator', '192.0.2.1', 'ca-set.version.create',
                           'ca-set/1/version/' || n, NULL, {after}, randomblob(32), randomblob(32) FROM n"
        ),
    )
    .await;
}

async fn execute(connection: &mut SqliteConnection, sql: &str) {
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}

#[derive(Debug)]
struct TestClock;

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW)
    }
}

/// Nothing is activated here.
#[derive(Debug)]
struct NoNodes;

impl Distribution for NoNodes {
    fn offer(&self, _: Network, _: Arc<SignedSnapshot>) -> BoxFuture<'_, Vec<Acknowledgement>> {
        Box::pin(async { Vec::new() })
    }

    fn offer_revocations(
        &self,
        _: Network,
        _: Arc<SignedRevocations>,
        _: Arc<dyn RevocationBodies>,
    ) -> BoxFuture<'_, Vec<RevocationAcknowledgement>> {
        Box::pin(async { Vec::new() })
    }

    fn nodes(&self, _: Network) -> Vec<NodeId> {
        Vec::new()
    }
}

async fn open(directory: &Path) -> Controller {
    Controller::open(ControllerConfig {
        data_dir: directory.to_owned(),
        account: AccountId::new("A-1"),
        clock: Arc::new(TestClock),
        distribution: Arc::new(NoNodes),
        sealing_key: Arc::new(SealingKey::generate().unwrap()),
        signing_key: Arc::new(SigningKey::generate().unwrap().0),
        limits: Limits {
            rate: RateLimit {
                requests: 1_000_000,
                window: Duration::from_secs(1),
            },
            ..Limits::default()
        },
    })
    .await
    .unwrap()
}

async fn token(controller: &Controller) -> String {
    let caller = Caller::internal(AccountId::new("A-1"), "bench");
    let new = NewApiClient {
        name: "bench".to_owned(),
        role: Role::Admin,
        kind: ApiClientKind::Bearer,
    };
    let (_, credentials) = controller.api_clients().create(&caller, new).await.unwrap();
    match credentials {
        Credentials::Bearer { token } => String::from_utf8(token.expose().to_vec()).unwrap(),
        Credentials::EdgeGrid { .. } => unreachable!(),
    }
}

struct Plain(TcpListener);

impl Accept for Plain {
    type Stream = TcpStream;
    type Handshake = std::future::Ready<std::io::Result<(TcpStream, Connection)>>;

    async fn accept(&mut self) -> std::io::Result<Self::Handshake> {
        let (stream, peer) = self.0.accept().await?;
        stream.set_nodelay(true)?;
        let connection = Connection {
            peer,
            scheme: Scheme::Http,
            certificates: None,
        };
        Ok(std::future::ready(Ok((stream, connection))))
    }
}

async fn listen(controller: &Controller) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, limits) = (controller.router(), controller.limits().clone());
    tokio::spawn(
        async move { serve(router, &limits, Plain(listener), std::future::pending()).await },
    );
    address
}
