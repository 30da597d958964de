//! Upstream mTLS to a real origin: nginx with `ssl_verify_client on`.

use std::process::Command;

use countersign_snapshot::{OriginAsks, OriginScheme, TlsVersion};
use countersign_testkit::process::{Program, free_address};
use countersign_testkit::{Ca, Credential, Pki};
use serde_json::json;
use tempfile::TempDir;

use crate::forwarding::credential;
use crate::world::{World, tls_to};

/// A running nginx, and where.
struct Nginx {
    _program: Program,
    _directory: TempDir,
    port: u16,
}

impl Nginx {
    fn start(server: &Credential, clients: &Ca, protocols: &str) -> Self {
        Self::verifying("on", server, clients, protocols)
    }

    /// With this `ssl_verify_client`.
    fn verifying(verify: &str, server: &Credential, clients: &Ca, protocols: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(path("chain.pem"), server.chain_pem()).unwrap();
        std::fs::write(path("key.pem"), server.key_pem()).unwrap();
        std::fs::write(path("clients.pem"), clients.pem()).unwrap();
        let address = free_address();
        let prefix = directory.path().display();
        let configuration = format!(
            "daemon off; master_process off; pid {prefix}/pid; error_log stderr; events {{}}
             http {{
               access_log off;
               client_body_temp_path {prefix}/body; proxy_temp_path {prefix}/proxy; fastcgi_temp_path {prefix}/fastcgi;
               uwsgi_temp_path {prefix}/uwsgi; scgi_temp_path {prefix}/scgi;
               server {{
                 listen {address} ssl http2;
                 ssl_protocols {protocols};
                 ssl_certificate {prefix}/chain.pem; ssl_certificate_key {prefix}/key.pem;
                 ssl_client_certificate {prefix}/clients.pem; ssl_verify_client {verify};
                 location / {{ return 200 \"$ssl_client_verify $ssl_client_s_dn $ssl_protocol $server_protocol\"; }}
                 location /bad {{ return 400 \"bad of its own\"; }}
               }}
             }}"
        );
        std::fs::write(path("nginx.conf"), configuration).unwrap();
        let mut program = Program::start(Command::new("nginx").args([
            "-p",
            &prefix.to_string(),
            "-c",
            &path("nginx.conf"),
        ]));
        program.wait_for_port(address);
        Self {
            _program: program,
            _directory: directory,
            port: address.port(),
        }
    }
}

async fn enforce(
    world: &World,
    nginx: &Nginx,
    root: &Ca,
    shown: Option<(&str, &Credential)>,
    minimum_version: TlsVersion,
) {
    world
        .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
            let mut model = tls_to("main", nginx.port, root);
            if let OriginScheme::Https(tls) = &mut model.scheme {
                tls.minimum_version = minimum_version;
                tls.client_credential = shown.map(|(id, _)| id.parse().unwrap());
            }
            snapshot.origins = vec![model];
            snapshot.client_credentials = shown
                .map(|(id, shown)| credential(world, id, shown))
                .into_iter()
                .collect();
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_knows_the_edge_and_its_refusals_are_named() {
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let server = root.server(["origin.test"]).issue();
    let world = World::empty().await;
    let good = edges.client("edge-1").issue();
    let next = edges.client("edge-2").issue();
    let stranger = Pki::new().root("Strangers").client("edge-3").issue();
    let expired = edges
        .client("edge-4")
        .valid(1_577_836_800, 1_600_000_000)
        .issue();
    for (protocol, version) in [
        ("TLSv1.2", TlsVersion::Tls12),
        ("TLSv1.3", TlsVersion::Tls13),
    ] {
        let nginx = Nginx::start(&server, &edges, protocol);
        for (id, shown) in [("edge-1", &good), ("edge-2", &next)] {
            enforce(&world, &nginx, &root, Some((id, shown)), version).await;
            for mut http in world.both("open.test", None).await {
                let response = http.get("/").await.unwrap();
                assert_eq!(response.status, 200, "{}", response.text());
                assert_eq!(
                    response.text(),
                    format!("SUCCESS CN={id} {protocol} HTTP/1.1")
                );
                // An answer that only looks like a refusal is the client's.
                let response = http.get("/bad").await.unwrap();
                assert_eq!(
                    (response.status.as_u16(), response.text()),
                    (400, "bad of its own".to_owned())
                );
            }
        }
        for (id, shown) in [
            ("none", None),
            ("edge-3", Some(&stranger)),
            ("edge-4", Some(&expired)),
        ] {
            enforce(
                &world,
                &nginx,
                &root,
                shown.map(|shown| (id, shown)),
                version,
            )
            .await;
            for mut http in world.both("open.test", None).await {
                let response = http.get("/").await.unwrap();
                assert_eq!(response.status, 502, "{id} {protocol}");
                assert_eq!(
                    response.json()["reason"],
                    "origin_refused_certificate",
                    "{id} {protocol}"
                );
            }
            let record = world
                .record("the refusal", |record| {
                    record["reason"] == "origin_refused_certificate"
                })
                .await;
            let detail = record["detail"].as_str().unwrap();
            assert!(detail.contains("the origin answered 400"), "{detail}");
        }
    }
}

/// A lower version than the policy's is no connection at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_speaks_too_old_a_version_is_not_spoken_to() {
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let nginx = Nginx::start(&root.server(["origin.test"]).issue(), &edges, "TLSv1.2");
    let world = World::empty().await;
    enforce(&world, &nginx, &root, None, TlsVersion::Tls13).await;
    let response = world.http1("open.test").await.get("/").await.unwrap();
    assert_eq!(response.json()["reason"], "origin_unreachable");
}

/// OpenSSL answers a missing certificate with `handshake_failure` in TLS 1.2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_that_does_not_speak_of_certificates_is_understood() {
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let server = root.server(["origin.test"]).issue();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let stranger = Pki::new().root("Strangers").client("edge-1").issue();
    for (version, shown) in [
        ("-tls1_2", None),
        ("-tls1_3", None),
        ("-tls1_2", Some(&stranger)),
        ("-tls1_3", Some(&stranger)),
    ] {
        let address = free_address();
        let mut program = Program::start(
            Command::new("openssl")
                .args([
                    "s_server",
                    "-quiet",
                    "-www",
                    "-Verify",
                    "1",
                    "-verify_return_error",
                    version,
                ])
                .args(["-accept", &address.to_string()])
                .arg("-cert")
                .arg(file("chain.pem", server.chain_pem()))
                .arg("-key")
                .arg(file("key.pem", server.key_pem()))
                .arg("-CAfile")
                .arg(file("clients.pem", edges.pem())),
        );
        program.wait_for_port(address);
        let port = address.port();
        let world = World::empty().await;
        world
            .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
                let mut model = tls_to("main", port, &root);
                if let (OriginScheme::Https(tls), Some(shown)) = (&mut model.scheme, shown) {
                    tls.client_credential = Some("edge-1".parse().unwrap());
                    snapshot.client_credentials = vec![credential(&world, "edge-1", shown)];
                }
                snapshot.origins = vec![model];
            })
            .await;
        for mut http in world.both("open.test", None).await {
            let response = http.get("/").await.unwrap();
            assert_eq!(
                response.json()["reason"],
                "origin_refused_certificate",
                "{version} {}",
                response.text()
            );
        }
    }
}

/// `authClientCert`: the origin has to ask who the edge is. One that does not gets no request, over any version of anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_does_not_ask_gets_no_request_where_the_rules_want_it_to() {
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let server = root.server(["origin.test"]).issue();
    let shown = edges.client("edge-1").issue();
    let world = World::empty().await;
    for protocol in ["TLSv1.2", "TLSv1.3"] {
        let asking = Nginx::verifying("on", &server, &edges, protocol);
        let silent = Nginx::verifying("off", &server, &edges, protocol);
        for (must_ask, port, refused) in [
            (true, asking.port, false),
            (true, silent.port, true),
            (false, silent.port, false),
        ] {
            let rules = json!({"rules": {"name": "default", "behaviors": [
                {"name": "mtlsOriginKeystore", "options": {"enable": true, "clientCertificateVersionGuid": "edge-1", "authClientCert": must_ask}},
            ]}, "ruleFormat": "latest"});
            let mut binding = world.open_binding("open", &["open.test"]);
            binding.rules = rules.to_string();
            world
                .activate_with(&[binding], |snapshot| {
                    let mut model = tls_to("main", port, &root);
                    // That it is the origin's own credential changes nothing.
                    if let OriginScheme::Https(tls) = &mut model.scheme {
                        tls.client_credential = Some("edge-1".parse().unwrap());
                    }
                    snapshot.origins = vec![model];
                    snapshot.client_credentials = vec![credential(&world, "edge-1", &shown)];
                })
                .await;
            for mut http in world.both("open.test", None).await {
                let response = http.get("/").await.unwrap();
                if refused {
                    assert_eq!(response.status, 502);
                    assert_eq!(response.json()["reason"], "origin_did_not_ask");
                } else {
                    assert_eq!(response.status, 200, "{}", response.text());
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_below_the_minimum_version_gets_no_request() {
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let server = root.server(["origin.test"]).issue();
    let edge = edges.client("edge-1").issue();
    let world = World::empty().await;
    let nginx = Nginx::start(&server, &edges, "TLSv1.2");
    for (minimum, expected) in [(TlsVersion::Tls12, 200), (TlsVersion::Tls13, 502)] {
        enforce(&world, &nginx, &root, Some(("edge-1", &edge)), minimum).await;
        for mut http in world.both("open.test", None).await {
            let response = http.get("/").await.unwrap();
            assert_eq!(response.status.as_u16(), expected, "{}", response.text());
            if expected == 502 {
                assert_eq!(response.json()["reason"], "origin_unreachable");
            }
        }
    }
}

/// An origin whose verification was switched off is noticed, without any rule.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_has_to_ask_and_does_not_gets_no_request() {
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let server = root.server(["origin.test"]).issue();
    let shown = edges.client("edge-1").issue();
    let world = World::empty().await;
    for (verify, status) in [("on", 200), ("off", 502)] {
        let nginx = Nginx::verifying(verify, &server, &edges, "TLSv1.2 TLSv1.3");
        world
            .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
                let mut model = tls_to("main", nginx.port, &root);
                if let OriginScheme::Https(tls) = &mut model.scheme {
                    tls.client_credential = Some("edge-1".parse().unwrap());
                }
                model.policy.asks = OriginAsks::Always;
                snapshot.origins = vec![model];
                snapshot.client_credentials = vec![credential(&world, "edge-1", &shown)];
            })
            .await;
        for mut http in world.both("open.test", None).await {
            let answer = http.get("/").await.unwrap();
            assert_eq!(answer.status, status, "{}", answer.text());
            if status == 502 {
                assert_eq!(answer.json()["reason"], "origin_did_not_ask");
            }
        }
    }
}
