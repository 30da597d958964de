//! Versions, cipher suites, groups, protocols and certificates.

use std::sync::Arc;

use countersign_snapshot::{CipherProfile, HttpVersions, SealingKey, Secret, TlsVersion};
use countersign_testkit::client::TlsClient;
use countersign_testkit::{KeyKind, NOW};
use countersign_tls::{Alpn, BuildTlsError, BuildTlsWarning, ServerCredential};
use countersign_trust::{Reason, UnixTime};
use rustls::client::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::{AlertDescription, NamedGroup, ProtocolVersion, SignatureScheme};

use crate::support::*;

#[tokio::test]
async fn the_post_quantum_hybrid_is_preferred() {
    let node = Node::new(&Authorities::new());
    let (accepted, visit) = node.meet("open.test", &client().tls13()).await.welcome();
    assert_eq!(accepted.facts.group, Some("X25519MLKEM768"));
    assert_eq!(accepted.facts.version, TlsVersion::Tls13);
    assert_eq!(visit.group, Some(NamedGroup::X25519MLKEM768));
}

#[tokio::test]
async fn versions_outside_of_the_policy_are_refused() {
    let mut node = Node::new(&Authorities::new());
    let open = 3;
    node.change(|snapshot| snapshot.bindings[open].tls.minimum_version = TlsVersion::Tls13);
    node.meet("open.test", &client().tls12())
        .await
        .refused(Reason::HandshakeFailed, AlertDescription::ProtocolVersion);
    node.meet("open.test", &client().tls13()).await.welcome();
    node.change(|snapshot| {
        snapshot.bindings[open].tls.minimum_version = TlsVersion::Tls12;
        snapshot.bindings[open].tls.maximum_version = TlsVersion::Tls12;
    });
    let (_, visit) = node.meet("open.test", &client()).await.welcome();
    assert_eq!(visit.version, ProtocolVersion::TLSv1_2);
    let refused = node
        .meet("open.test", &client().tls13())
        .await
        .server
        .unwrap_err();
    assert_eq!(refused.reason, Reason::HandshakeFailed);
}

#[tokio::test]
async fn the_modern_profile_takes_256_bit_suites_only() {
    let mut node = Node::new(&Authorities::new());
    node.change(|snapshot| snapshot.bindings[3].tls.ciphers = CipherProfile::Modern);
    for client in [client().tls12(), client().tls13()] {
        let mut config = client.config();
        let (accepted, _) = node.meet_with("open.test", &config).await.welcome();
        assert!(
            !accepted.facts.cipher.contains("AES_128"),
            "{}",
            accepted.facts.cipher
        );
        let mut provider = (**config.crypto_provider()).clone();
        provider
            .cipher_suites
            .retain(|suite| format!("{:?}", suite.suite()).contains("AES_128"));
        config = with_provider(provider, None);
        let refused = node
            .meet_with("open.test", &config)
            .await
            .server
            .unwrap_err();
        assert_eq!(refused.reason, Reason::HandshakeFailed);
    }
}

#[tokio::test]
async fn application_protocols_are_those_of_the_policy() {
    let mut node = Node::new(&Authorities::new());
    let alpn = async |node: &Node, offered: &[&str]| {
        node.meet("open.test", &client().alpn(offered))
            .await
            .server
            .map(|accepted| accepted.facts.alpn)
    };
    assert_eq!(alpn(&node, &["http/1.1", "h2"]).await.unwrap(), Alpn::Http2);
    assert_eq!(alpn(&node, &["http/1.1"]).await.unwrap(), Alpn::Http11);
    assert_eq!(alpn(&node, &[]).await.unwrap(), Alpn::None);
    let refused = alpn(&node, &["imap"]).await.unwrap_err();
    assert_eq!(refused.alert.unwrap().name(), "no_application_protocol");
    node.change(|snapshot| snapshot.bindings[3].tls.http = HttpVersions::Http1);
    assert_eq!(
        alpn(&node, &["h2", "http/1.1"]).await.unwrap(),
        Alpn::Http11
    );
}

#[tokio::test]
async fn the_certificate_is_one_that_the_client_understands() {
    let authorities = Authorities::new();
    let mut node = Node::new(&authorities);
    let modern = authorities.servers.server(["open.test"]).issue();
    let old = authorities
        .servers
        .server(["open.test"])
        .key_kind(KeyKind::Rsa2048)
        .issue();
    let sealed = [node.seal("modern", &modern), node.seal("old", &old)];
    node.change(|snapshot| {
        snapshot.server_certificates.extend(sealed);
        snapshot.bindings[3].server_certificates =
            vec!["modern".parse().unwrap(), "old".parse().unwrap()];
    });
    for (only, expected) in [
        (None, &modern),
        (Some("RSA"), &old),
        (Some("ECDSA"), &modern),
    ] {
        let config = with_provider(aws_lc_rs::default_provider(), only);
        let (_, visit) = node.meet_with("open.test", &config).await.welcome();
        assert_eq!(visit.server_leaf, expected.der(), "{only:?}");
    }
}

#[tokio::test]
async fn the_certificate_for_the_name_comes_first() {
    let authorities = Authorities::new();
    let mut node = Node::new(&authorities);
    let certificates =
        ["one.test", "two.test"].map(|name| authorities.servers.server([name]).issue());
    let sealed = [
        node.seal("one", &certificates[0]),
        node.seal("two", &certificates[1]),
    ];
    node.change(|snapshot| {
        snapshot.server_certificates.extend(sealed);
        snapshot.bindings[3].names = ["one.test", "two.test", "three.test"]
            .map(|name| name.parse().unwrap())
            .to_vec();
        snapshot.bindings[3].server_certificates =
            vec!["one".parse().unwrap(), "two".parse().unwrap()];
    });
    for (name, expected) in [("one.test", 0), ("two.test", 1), ("three.test", 0)] {
        let (_, visit) = node.meet(name, &client()).await.welcome();
        assert_eq!(visit.server_leaf, certificates[expected].der(), "{name}");
    }
}

#[test]
fn a_server_certificate_whose_key_does_not_fit_is_named() {
    let authorities = Authorities::new();
    let certificate = authorities.servers.server(["a.test"]).issue();
    let other = authorities.servers.server(["b.test"]).issue();
    let id = || "server".parse().unwrap();
    let chain = certificate.chain_der();
    let build = |chain: &[Vec<u8>], key: &[u8]| {
        ServerCredential::new(id(), chain, &Secret::new(key.to_vec())).map(|_| ())
    };
    assert_eq!(build(&chain, certificate.key_der()), Ok(()));
    assert_eq!(
        build(&chain, other.key_der()),
        Err(BuildTlsError::KeyMismatch { certificate: id() })
    );
    assert_eq!(
        build(&chain, b"no key"),
        Err(BuildTlsError::KeyUnusable { certificate: id() })
    );
    assert_eq!(
        build(&[], certificate.key_der()),
        Err(BuildTlsError::NoServerCertificate)
    );
    assert!(matches!(
        build(&[b"no certificate".to_vec()], certificate.key_der()),
        Err(BuildTlsError::ServerCertificateUnreadable { .. })
    ));
    let sealed = server_certificate(
        &SealingKey::from_bytes(&[1; 32]).unwrap(),
        "server",
        &certificate,
    );
    assert!(matches!(
        ServerCredential::open(&sealed, &SealingKey::from_bytes(&[2; 32]).unwrap()),
        Err(BuildTlsError::KeyNotOpened { .. })
    ));
}

#[tokio::test]
async fn an_expired_server_certificate_is_a_warning_and_harms_its_binding_alone() {
    let authorities = Authorities::new();
    let mut node = Node::new(&authorities);
    let expired = authorities.servers.server(["a.test"]).expired(NOW).issue();
    let sealed = node.seal("expired", &expired);
    node.change(|snapshot| {
        snapshot.server_certificates.push(sealed);
        snapshot.bindings[0].server_certificates = vec!["expired".parse().unwrap()];
    });
    assert_eq!(
        node.binding("a.test").warnings(),
        [BuildTlsWarning::ServerCertificateExpired {
            certificate: "expired".parse().unwrap(),
            not_after: UnixTime::from_secs(NOW - 1),
        }]
    );
    let careful = client().trusting(&authorities.servers);
    assert!(node.meet("a.test", &careful).await.client.is_err());
    node.meet("open.test", &careful).await.welcome();
}

/// A client with these cryptographic abilities, and signature schemes of one kind only.
fn with_provider(mut provider: rustls::crypto::CryptoProvider, only: Option<&str>) -> ClientConfig {
    if let Some(only) = only {
        let all = provider.signature_verification_algorithms;
        let mapping: Vec<_> = all
            .mapping
            .iter()
            .filter(|(scheme, _): &&(SignatureScheme, _)| format!("{scheme:?}").contains(only))
            .copied()
            .collect();
        provider.signature_verification_algorithms = WebPkiSupportedAlgorithms {
            all: all.all,
            mapping: Box::leak(mapping.into_boxed_slice()),
        };
    }
    let provider = Arc::new(provider);
    let template = TlsClient::new("given.later").at(NOW).config();
    let versions: Vec<_> = rustls::ALL_VERSIONS
        .iter()
        .copied()
        .filter(|version| {
            provider
                .cipher_suites
                .iter()
                .any(|suite| suite.version() == *version)
        })
        .collect();
    ClientConfig::builder_with_details(Arc::clone(&provider), Arc::clone(&template.time_provider))
        .with_protocol_versions(&versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believing(provider)))
        .with_no_client_auth()
}

/// Believes any server, with the signature schemes of its provider.
#[derive(Debug)]
struct Believing(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Believing {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
