//! A node with many names and CA sets, to be measured: `bench/compare --work names`.
//!
//! `scale DIRECTORY ORIGIN-PORT NAMES CA-SETS` makes a PKI in DIRECTORY for a client and the name `bench.test`, and a snapshot with so many
//! names, each with a certificate and rules of its own, spread over so many CA sets. It prints one line of JSON, with what it took to enforce the
//! snapshot, to start from disk and to activate one version of one CA set, and serves until it is ended.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use countersign_edge::{AccessLogSink, Edge, EdgeConfig, EdgeHandle, Limits, Listen};
use countersign_rules::{Enforcement, IdentityPresets, SiteOrigin, SiteRules, site_rules};
use countersign_snapshot::{
    Binding, CaList, CaSet, CaSetId, ClientAuth, ClientAuthMode, Endpoint, Generation, HostHeader,
    Network, Origin, OriginPolicy, OriginScheme, OriginTimeouts, PlainHttp, SealingKey, Secret,
    ServerCertificate, Service, SigningKey, Snapshot, TlsPolicy, VersionNumber,
};
use countersign_testkit::{Ca, Credential, NOW, Pki};
use countersign_trust::{Clock, Policy, Sha1Signatures, UnixTime};

const NAME: &str = "bench.test";

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW)
    }
}

struct Keys {
    signing: SigningKey,
    sealing: Arc<SealingKey>,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = env::args().collect();
    let [_, directory, port, names, ca_sets] = &arguments[..] else {
        panic!("scale DIRECTORY ORIGIN-PORT NAMES CA-SETS");
    };
    let directory = Path::new(directory);
    let (names, ca_sets) = (names.parse().unwrap(), ca_sets.parse().unwrap());
    let keys = Keys {
        signing: SigningKey::generate().unwrap().0,
        sealing: Arc::new(SealingKey::generate().unwrap()),
    };
    let mut snapshot = snapshot(directory, port.parse().unwrap(), names, ca_sets, &keys);

    let state = directory.join("state");
    let edge = start(&state, &keys).await;
    let enforced = offer(&edge, &snapshot, &keys).await;
    let (mut activations, mut spent) = (Vec::new(), Vec::new());
    for turn in 0..7 {
        let set = &mut snapshot.ca_sets[turn % ca_sets as usize];
        let other = Pki::new().root("Another root");
        set.certificates.push(other.der().to_vec());
        set.version = VersionNumber::new(set.version.number() + 1);
        snapshot.generation = Generation::new(snapshot.generation.number() + 1);
        let before = processor_ms();
        activations.push(offer(&edge, &snapshot, &keys).await);
        spent.push(processor_ms() - before);
    }
    activations.sort_unstable();
    spent.sort_unstable();
    edge.drain(Duration::ZERO).await;
    drop(edge);

    let began = Instant::now();
    let edge = start(&state, &keys).await;
    assert_eq!(edge.generation(), Some(snapshot.generation));
    let started = began.elapsed();
    println!(
        "{}",
        serde_json::json!({
            "port": edge.local_addr().port(),
            "names": names,
            "ca_sets": ca_sets,
            "snapshot_bytes": keys.signing.sign(&snapshot).to_bytes().len(),
            "enforced_ms": enforced.as_millis(),
            "started_ms": started.as_millis(),
            "activated_ms": activations[activations.len() / 2].as_millis(),
            // On a machine that does other work this says more.
            "activated_processor_ms": spent[spent.len() / 2],
        })
    );
    drop(snapshot);
    std::future::pending::<()>().await;
}

async fn start(state: &Path, keys: &Keys) -> EdgeHandle {
    Edge::start(EdgeConfig {
        network: Network::Staging,
        node_id: "node-1".parse().unwrap(),
        listen: vec![Listen::Address("127.0.0.1:0".parse().unwrap())],
        clock: Arc::new(Still),
        verifying_key: keys.signing.verifying_key(),
        sealing_key: Arc::clone(&keys.sealing),
        state_dir: state.to_owned(),
        limits: Limits::default(),
        access_log: AccessLogSink::Off,
        https_port: 443,
        otlp_logs: None,
        proxy_protocol_from: Vec::new(),
    })
    .await
    .unwrap()
}

/// What this process has used so far, over all its threads.
fn processor_ms() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum()
}

/// From the signed bytes to the acknowledgement: verified, built, kept and in force.
async fn offer(edge: &EdgeHandle, snapshot: &Snapshot, keys: &Keys) -> Duration {
    let signed = Arc::new(keys.signing.sign(snapshot));
    let began = Instant::now();
    let acknowledgement = edge.offer(signed).await;
    assert!(acknowledgement.is_enforced(), "{acknowledgement:?}");
    began.elapsed()
}

fn snapshot(directory: &Path, port: u16, names: u64, ca_sets: u64, keys: &Keys) -> Snapshot {
    fs::create_dir_all(directory).unwrap();
    let write = |file: &str, text: String| fs::write(directory.join(file), text).unwrap();
    let clients = Pki::new().root("Bench Client Root");
    let client = clients
        .intermediate("Bench Issuing")
        .client("alice")
        .issue();
    let servers = Pki::new().root("Bench Server Root");
    let name = |number: u64| match number {
        0 => NAME.to_owned(),
        _ => format!("host-{number}.{NAME}"),
    };
    let credentials: Vec<_> = (0..names)
        .map(|number| servers.server([name(number).as_str()]).issue())
        .collect();
    write("client-ca.pem", clients.pem());
    write("client.pem", client.chain_pem());
    write("client.key", client.key_pem());
    write("server-ca.pem", servers.pem());
    Snapshot {
        network: Network::Staging,
        generation: Generation::new(1),
        created: UnixTime::from_secs(NOW),
        ca_sets: (0..ca_sets)
            .map(|number| match number {
                0 => ca_set(number, &[&clients]),
                _ => ca_set(number, &[&Pki::new().root(&format!("Root {number}"))]),
            })
            .collect(),
        server_certificates: credentials
            .iter()
            .enumerate()
            .map(|(number, credential)| server_certificate(number, credential, keys))
            .collect(),
        forwarding_keys: Vec::new(),
        client_credentials: Vec::new(),
        origins: vec![Origin {
            id: "main".parse().unwrap(),
            endpoints: vec![Endpoint {
                host: "127.0.0.1".to_owned(),
                port,
                weight: 1,
            }],
            scheme: OriginScheme::Http,
            host_header: HostHeader::Request,
            timeouts: OriginTimeouts::default(),
            policy: OriginPolicy::default(),
        }],
        bindings: (0..names)
            .map(|number| binding(number, &name(number), number % ca_sets + 1))
            .collect(),
    }
}

fn ca_set(number: u64, authorities: &[&Ca]) -> CaSet {
    CaSet {
        id: CaSetId::new(number + 1),
        owner: None,
        name: format!("set {number}"),
        version: VersionNumber::new(1),
        sha1: Sha1Signatures::Refuse,
        policy: Policy::default(),
        certificates: authorities.iter().map(|ca| ca.der().to_vec()).collect(),
    }
}

fn server_certificate(number: usize, credential: &Credential, keys: &Keys) -> ServerCertificate {
    let key = Secret::new(credential.key_der().to_vec());
    ServerCertificate {
        id: format!("server-{number}").parse().unwrap(),
        chain: credential.chain_der(),
        key: keys
            .sealing
            .seal(ServerCertificate::SEAL_CONTEXT, &key)
            .unwrap(),
    }
}

fn binding(number: u64, name: &str, ca_set: u64) -> Binding {
    Binding {
        id: format!("site-{number}").parse().unwrap(),
        names: vec![name.parse().unwrap()],
        server_certificates: vec![format!("server-{number}").parse().unwrap()],
        tls: TlsPolicy::default(),
        client_auth: ClientAuth {
            mode: ClientAuthMode::Require,
            ca_sets: vec![CaSetId::new(ca_set)],
            ca_list: CaList::Advertise,
            policy: Policy::default(),
        },
        rules: site_rules(SiteRules {
            ca_sets: vec![ca_set.to_string()],
            enforcement: Enforcement::Deny,
            open_paths: Vec::new(),
            denied_paths: vec![format!("/denied-{number}/*")],
            certificate_paths: Vec::new(),
            forward: IdentityPresets::RFC9440,
            sign: false,
            origin: SiteOrigin::Id("main".to_owned()),
        })
        .to_json(),
        origin: "main".parse().unwrap(),
        service: Service::Http,
        property: None,
        plain_http: PlainHttp::Refuse,
        strict_transport: None,
    }
}
