//! TLS towards origins and of the control API.

use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::{
    ClientCredential, OriginTls, OriginTrust, SealingKey, Secret, TlsVersion,
};
use countersign_testkit::{Ca, Credential, NOW, Pki};
use countersign_tls::*;
use countersign_trust::{Clock, Reason};
use rustls::RootCertStore;
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::*;

fn policy(trust: &[&[u8]]) -> OriginTls {
    OriginTls {
        trust: OriginTrust::Bundle(trust.iter().map(|der| der.to_vec()).collect()),
        server_name: None,
        minimum_version: TlsVersion::Tls12,
        client_credential: None,
    }
}

struct Origin(ServerConfig);

impl Origin {
    fn new(credential: &Credential, clients: Option<&Ca>) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // The origin's clock is that of the tests too.
        let time = Arc::clone(&client().config().time_provider);
        let builder = ServerConfig::builder_with_details(Arc::clone(&provider), time)
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                roots.add(ca.der().to_vec().into()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let mut config = builder
            .with_single_cert(credential.rustls_chain(), credential.rustls_key())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self(config)
    }

    /// Connects, greets, and reads the answer: the greeting, or the error of the first read.
    async fn reached_by(
        &self,
        connector: &OriginConnector,
        host: &str,
    ) -> Result<Result<Alpn, std::io::Error>, OriginTlsError> {
        let (near, far) = tokio::io::duplex(1 << 16);
        let origin = async {
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(self.0.clone()));
            if let Ok(mut stream) = acceptor.accept(far).await {
                let _ = stream.write_all(b"hello").await;
                let _ = stream.shutdown().await;
            }
        };
        let edge = async {
            let mut stream = connector
                .connect(near, host, OriginAlpn::Http1AndHttp2)
                .await?;
            let mut greeting = Vec::new();
            Ok(match stream.read_to_end(&mut greeting).await {
                Ok(_) => {
                    assert_eq!(greeting, b"hello");
                    Ok(stream.alpn())
                }
                Err(error) => Err(error),
            })
        };
        tokio::join!(origin, edge).1
    }
}

fn connector(node: &Node, policy: &OriginTls) -> OriginConnector {
    OriginConnector::build(policy, None, &node.context).unwrap()
}

#[tokio::test]
async fn an_origin_is_believed_for_its_ca_and_its_name() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let origin = Origin::new(
        &authorities
            .servers
            .server(["origin.test"])
            .ip([127, 0, 0, 1])
            .issue(),
        None,
    );
    let trusting = connector(&node, &policy(&[authorities.servers.der()]));
    assert_eq!(
        origin
            .reached_by(&trusting, "origin.test")
            .await
            .unwrap()
            .unwrap(),
        Alpn::Http2
    );
    assert!(
        origin
            .reached_by(&trusting, "127.0.0.1")
            .await
            .unwrap()
            .is_ok()
    );
    for host in ["other.test", "127.0.0.2"] {
        let error = origin.reached_by(&trusting, host).await.unwrap_err();
        assert_eq!(error.reason(), Reason::OriginUntrusted);
    }
    let error = origin.reached_by(&trusting, "no name").await.unwrap_err();
    assert!(matches!(error, OriginTlsError::ServerName));
    let other = connector(&node, &policy(&[authorities.a.der()]));
    let error = origin.reached_by(&other, "origin.test").await.unwrap_err();
    assert_eq!(error.reason(), Reason::OriginUntrusted);
}

#[tokio::test]
async fn the_name_to_verify_can_be_another_than_the_host() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let origin = Origin::new(&authorities.servers.server(["inner.test"]).issue(), None);
    let mut policy = policy(&[authorities.servers.der()]);
    policy.server_name = Some("inner.test".into());
    assert!(
        origin
            .reached_by(&connector(&node, &policy), "10.0.0.1")
            .await
            .unwrap()
            .is_ok()
    );
    policy.server_name = Some("not a name".into());
    let error = OriginConnector::build(&policy, None, &node.context).unwrap_err();
    assert_eq!(error, BuildOriginError::ServerName);
}

#[tokio::test]
async fn a_self_signed_origin_is_believed_when_its_certificate_is_in_the_bundle() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let own = Pki::new().self_signed("origin").dns("origin.test").issue();
    let origin = Origin::new(&own, None);
    let pinned = connector(&node, &policy(&[own.der()]));
    assert!(
        origin
            .reached_by(&pinned, "origin.test")
            .await
            .unwrap()
            .is_ok()
    );
    assert_eq!(
        origin
            .reached_by(&pinned, "other.test")
            .await
            .unwrap_err()
            .reason(),
        Reason::OriginUntrusted
    );
    let late = Pki::new()
        .self_signed("origin")
        .dns("origin.test")
        .expired(NOW)
        .issue();
    let origin = Origin::new(&late, None);
    let pinned = connector(&node, &policy(&[late.der()]));
    assert_eq!(
        origin
            .reached_by(&pinned, "origin.test")
            .await
            .unwrap_err()
            .reason(),
        Reason::OriginUntrusted
    );
}

#[tokio::test]
async fn an_expired_origin_is_not_believed() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let origin = Origin::new(
        &authorities
            .servers
            .server(["origin.test"])
            .expired(NOW)
            .issue(),
        None,
    );
    let error = origin
        .reached_by(
            &connector(&node, &policy(&[authorities.servers.der()])),
            "origin.test",
        )
        .await;
    assert_eq!(error.unwrap_err().reason(), Reason::OriginUntrusted);
}

fn credential(sealing: &SealingKey, credential: &Credential, key: &Credential) -> ClientCredential {
    ClientCredential {
        id: "credential".parse().unwrap(),
        chain: credential.chain_der(),
        key: sealing
            .seal(
                ClientCredential::SEAL_CONTEXT,
                &Secret::new(key.key_der().to_vec()),
            )
            .unwrap(),
    }
}

#[tokio::test]
async fn an_origin_that_wants_a_certificate_gets_ours() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let sealing = SealingKey::from_bytes(&[1; 32]).unwrap();
    let origin = Origin::new(
        &authorities.servers.server(["origin.test"]).issue(),
        Some(&authorities.a),
    );
    let policy = policy(&[authorities.servers.der()]);
    let build = |credential: &ClientCredential| {
        OriginConnector::build(&policy, Some((credential, &sealing)), &node.context)
    };
    let alice = authorities.alice();
    let connector = build(&credential(&sealing, &alice, &alice)).unwrap();
    assert!(
        origin
            .reached_by(&connector, "origin.test")
            .await
            .unwrap()
            .is_ok()
    );
    // One of another CA is refused, in TLS 1.3 on the first read.
    let bob = authorities.bob();
    let connector = build(&credential(&sealing, &bob, &bob)).unwrap();
    let error = origin
        .reached_by(&connector, "origin.test")
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(
        origin_refused_certificate(&error).unwrap().name(),
        "unknown_ca"
    );
    // And so is none.
    let connector = OriginConnector::build(&policy, None, &node.context).unwrap();
    let error = origin
        .reached_by(&connector, "origin.test")
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(
        origin_refused_certificate(&error).unwrap().name(),
        "certificate_required"
    );

    let id = || "credential".parse().unwrap();
    assert_eq!(
        build(&credential(&sealing, &alice, &bob)).unwrap_err(),
        BuildOriginError::CredentialMismatch { credential: id() }
    );
    let other = SealingKey::from_bytes(&[2; 32]).unwrap();
    assert!(matches!(
        build(&credential(&other, &alice, &alice)).unwrap_err(),
        BuildOriginError::CredentialNotOpened { .. }
    ));
}

#[tokio::test]
async fn an_origin_that_has_to_ask_is_not_spoken_to_when_it_does_not() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let sealing = SealingKey::from_bytes(&[1; 32]).unwrap();
    let server = authorities.servers.server(["origin.test"]).issue();
    let policy = policy(&[authorities.servers.der()]);
    let alice = authorities.alice();
    let shown = credential(&sealing, &alice, &alice);
    let connector =
        OriginConnector::build(&policy, Some((&shown, &sealing)), &node.context).unwrap();
    let strict = connector.clone().only_if_asked();
    let (asking, silent) = (
        Origin::new(&server, Some(&authorities.a)),
        Origin::new(&server, None),
    );
    // More than once: a session that is resumed would be asked for nothing.
    for _ in 0..3 {
        for (origin, connector) in [
            (&asking, &strict),
            (&asking, &connector),
            (&silent, &connector),
        ] {
            let reached = origin.reached_by(connector, "origin.test").await;
            assert!(reached.unwrap().is_ok());
        }
        let error = silent.reached_by(&strict, "origin.test").await.unwrap_err();
        assert_eq!(error.reason(), Reason::OriginDidNotAsk);
    }
}

/// Threat C3.1.
#[test]
fn there_is_no_connector_that_believes_nobody_or_anybody() {
    let node = Node::new(&Authorities::new());
    let build =
        |trust: &[&[u8]]| OriginConnector::build(&policy(trust), None, &node.context).map(|_| ());
    assert_eq!(build(&[]), Err(BuildOriginError::NoAuthority));
    let good = Authorities::new();
    assert_eq!(
        build(&[good.servers.der(), b"no certificate"]),
        Err(BuildOriginError::AuthorityUnreadable { position: 1 })
    );
}

#[tokio::test]
async fn the_api_is_reached_with_its_ca_and_not_without() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let clock = || Arc::clone(&node.clock) as Arc<dyn Clock>;
    let server = authorities.servers.server(["api.test"]).issue();
    let key = Secret::new(server.key_pem().into_bytes());
    let api = ApiTls::from_pem(server.chain_pem().as_bytes(), &key, clock()).unwrap();
    for (ca, good) in [(&authorities.servers, true), (&authorities.a, false)] {
        let config = api_client_config(Some(ca.pem().as_bytes()), None, clock()).unwrap();
        let (near, far) = tokio::io::duplex(1 << 16);
        let api = async {
            let (mut stream, shown) = api.accept(near, Duration::from_secs(10)).await?;
            assert!(shown.is_none());
            stream.write_all(b"hello").await?;
            stream.shutdown().await
        };
        let (api, client) = tokio::join!(api, visit(config, "api.test", far));
        assert_eq!((api.is_ok(), client.is_ok()), (good, good));
    }
    let other = Secret::new(authorities.alice().key_pem().into_bytes());
    let build = |chain: &str, key: &Secret| {
        ApiTls::from_pem(chain.as_bytes(), key, clock())
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(
        build(&server.chain_pem(), &other),
        BuildApiTlsError::KeyMismatch
    );
    assert_eq!(build("", &key), BuildApiTlsError::Certificates);
    assert_eq!(
        build(&server.chain_pem(), &Secret::new(Vec::new())),
        BuildApiTlsError::Key
    );
    assert_eq!(
        api_client_config(Some(b"nothing"), None, clock()).unwrap_err(),
        BuildApiTlsError::Certificates
    );
}
