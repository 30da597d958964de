//! Bytes passed on between programs of others: clients of OpenSSL, and HAProxy in front and behind.

use std::path::PathBuf;
use std::process::Command;

use countersign_snapshot::{ClientAuthMode, ProxyProtocol};
use countersign_testkit::Credential;
use countersign_testkit::process::{Program, free_address};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::tcp::{Peer, binding, header, tcp, to};
use crate::world::World;

/// A client of OpenSSL that sends a line.
fn s_client(port: u16, credential: &Credential) -> (Program, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo hello | openssl s_client -quiet -connect 127.0.0.1:$0 -servername a.test -cert $1 -key $2"])
        .arg(port.to_string())
        .arg(file("chain.pem", credential.chain_pem()))
        .arg(file("key.pem", credential.key_pem()));
    (Program::start(&mut command), directory)
}

fn haproxy(directory: &TempDir, configuration: &str) -> Program {
    let path = directory.path().join("haproxy.cfg");
    let defaults = "global\n  log stdout format raw local0\ndefaults\n  mode tcp\n  log global\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n";
    std::fs::write(&path, format!("{defaults}{configuration}")).unwrap();
    Program::start(Command::new("haproxy").arg("-db").arg("-f").arg(&path))
}

async fn site(proxy_protocol: ProxyProtocol, port: u16) -> World {
    let world = World::empty().await;
    let bindings = [binding(
        &world,
        ClientAuthMode::Require,
        tcp(proxy_protocol),
    )];
    world.activate_with(&bindings, to(port)).await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssls_client_is_passed_on_or_told_by_an_alert_that_it_is_not() {
    let peer = Peer::start().await;
    let world = site(ProxyProtocol::Off, peer.port()).await;
    let (mut client, _files) = s_client(world.edge.local_addr().port(), &world.alice());
    let mut origin = peer.accept().await;
    let mut line = [0; 6];
    origin.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"hello\n");
    origin.write_all(b"good day\n").await.unwrap();
    client.wait_for_line("good day");
    drop(origin);
    client.wait();
    let stranger = world.others.client("mallory").issue();
    let (mut client, _files) = s_client(world.edge.local_addr().port(), &stranger);
    client.wait_for_line("alert unknown ca");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_behind_reads_who_the_client_is() {
    let address = free_address();
    let directory = tempfile::tempdir().unwrap();
    let peer = Peer::start().await;
    let server = peer.port();
    let mut origin = haproxy(
        &directory,
        &format!(
            "listen in\n  bind {address} accept-proxy\n  log-format \"from=%ci:%cp for=%[fc_pp_authority] id=%[fc_pp_unique_id]\"\n  server peer 127.0.0.1:{server}\n"
        ),
    );
    for proxy_protocol in [
        ProxyProtocol::V1,
        ProxyProtocol::V2,
        ProxyProtocol::V2WithCertificate,
    ] {
        let world = site(proxy_protocol, address.port()).await;
        tokio::task::block_in_place(|| origin.wait_for_port(address));
        let client = world.client("a.test").alpn(&[]).presenting(&world.alice());
        let mut connection = world.connect(&client).await;
        let from = connection.stream.get_ref().0.local_addr().unwrap();
        let (answer, ()) = tokio::join!(connection.exchange(b"hello"), async {
            peer.accept().await.write_all(b"good day").await.unwrap();
        });
        assert_eq!(answer.unwrap(), b"good day");
        drop(connection);
        let line = tokio::task::block_in_place(|| origin.wait_for_line(&format!("from={from} ")));
        if proxy_protocol != ProxyProtocol::V1 {
            let record = world
                .record("the connection", |record| record["event"] == "connection")
                .await;
            let id = record["request_id"].as_str().unwrap();
            assert!(line.ends_with(&format!("for=a.test id={id}")), "{line}");
        }
    }
}

/// It knows the extensions since 1.23.2, and leaves them out before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_behind_reads_who_the_client_is() {
    let address = free_address();
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().display();
    let configuration = format!(
        "daemon off; master_process off; pid {prefix}/pid; error_log stderr; events {{}}
         http {{
           access_log off;
           client_body_temp_path {prefix}/body; proxy_temp_path {prefix}/proxy; fastcgi_temp_path {prefix}/fastcgi;
           uwsgi_temp_path {prefix}/uwsgi; scgi_temp_path {prefix}/scgi;
           server {{
             listen {address} proxy_protocol;
             location / {{ return 200 \"$proxy_protocol_addr:$proxy_protocol_port $proxy_protocol_server_addr:$proxy_protocol_server_port\"; }}
           }}
         }}"
    );
    let path = directory.path().join("nginx.conf");
    std::fs::write(&path, configuration).unwrap();
    let mut nginx = Program::start(Command::new("nginx").arg("-c").arg(&path));
    tokio::task::block_in_place(|| nginx.wait_for_port(address));
    for proxy_protocol in [
        ProxyProtocol::V1,
        ProxyProtocol::V2,
        ProxyProtocol::V2WithCertificate,
    ] {
        let world = site(proxy_protocol, address.port()).await;
        let client = world.client("a.test").alpn(&[]).presenting(&world.alice());
        let connection = world.connect(&client).await;
        let from = connection.stream.get_ref().0.local_addr().unwrap();
        let answer = connection.http().await.unwrap().get("/").await.unwrap();
        assert_eq!(answer.text(), format!("{from} {}", world.edge.local_addr()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_in_front_says_who_the_client_is() {
    let peer = Peer::start().await;
    let world = site(ProxyProtocol::V1, peer.port()).await;
    let behind = world.restart_behind("127.0.0.1").await;
    for send in [
        "send-proxy",
        "send-proxy-v2",
        "send-proxy-v2-ssl-cn proxy-v2-options crc32c,unique-id,authority",
    ] {
        let address = free_address();
        let directory = tempfile::tempdir().unwrap();
        let to = behind.local_addr();
        let mut front = haproxy(
            &directory,
            &format!("listen front\n  bind {address}\n  server edge {to} {send}\n"),
        );
        tokio::task::block_in_place(|| front.wait_for_port(address));
        let client = world.client("a.test").alpn(&[]).presenting(&world.alice());
        let connection = client.connect(address).await.unwrap();
        let from = connection.stream.get_ref().0.local_addr().unwrap();
        let mut origin = peer.accept().await;
        let expected = format!(
            "PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n",
            from.port(),
            address.port()
        );
        let mut line = vec![0; expected.len()];
        origin.read_exact(&mut line).await.unwrap();
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }
}

/// What HAProxy tells a server about the same client and the same certificate is what the edge tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_header_is_that_of_haproxy() {
    let peer = Peer::start().await;
    let world = site(ProxyProtocol::V2, peer.port()).await;
    let address = free_address();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| -> PathBuf {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let server = world.server_credential();
    let certificate = file("server.pem", server.chain_pem() + &server.key_pem());
    let authority = file("clients.pem", world.clients.pem());
    let to = peer.port();
    let mut front = haproxy(
        &directory,
        &format!(
            "listen front\n  bind {address} ssl ciphersuites TLS_AES_128_GCM_SHA256 crt {} ca-file {} verify optional ca-ignore-err all crt-ignore-err all\n  server peer 127.0.0.1:{to} send-proxy-v2-ssl-cn proxy-v2-options authority,ssl-cipher,cert-sig,cert-key\n",
            certificate.display(),
            authority.display()
        ),
    );
    tokio::task::block_in_place(|| front.wait_for_port(address));
    let alice = world.client("a.test").alpn(&[]).presenting(&world.alice());
    let mut told = Vec::new();
    for server in [address, world.edge.local_addr()] {
        let _connection = alice
            .clone()
            .with_fresh_sessions()
            .connect(server)
            .await
            .unwrap();
        let header = header(&mut peer.accept().await).await;
        let (flags, _, ssl) = header.ssl();
        let texts = [0x21, 0x22, 0x23, 0x24, 0x25].map(|kind| ssl.text(kind));
        told.push((flags, header.text(0x02), texts));
    }
    assert_eq!(told[0], told[1]);
}
