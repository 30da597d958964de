//! Names: no name, no binding; one name, one binding, however it is written or cut.

use countersign_testkit::client::Split;
use countersign_tls::{HandshakeLimits, accept};
use countersign_trust::Reason;
use rustls::AlertDescription;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::*;

#[tokio::test]
async fn a_client_without_a_name_is_refused() {
    let node = Node::new(&Authorities::new());
    for client in [client().tls12(), client().tls13()] {
        let client = client.without_sni();
        let refused = node
            .meet("open.test", &client)
            .await
            .refused(Reason::NoServerName, AlertDescription::UnrecognisedName);
        assert_eq!(refused.server_name, None);
    }
}

#[tokio::test]
async fn an_address_is_no_name() {
    let node = Node::new(&Authorities::new());
    node.meet("127.0.0.1", &client())
        .await
        .refused(Reason::NoServerName, AlertDescription::UnrecognisedName);
}

#[tokio::test]
async fn an_unknown_name_is_refused_and_noted() {
    let node = Node::new(&Authorities::new());
    for name in [
        "unknown.test",
        "wild.test",
        "a.b.wild.test",
        "a.test.evil.test",
    ] {
        let refused = node.meet(name, &client()).await.refused(
            Reason::UnknownServerName,
            AlertDescription::UnrecognisedName,
        );
        assert_eq!(refused.server_name.unwrap().as_str(), name);
    }
}

/// Threats C2.1, C2.2: another spelling is not another binding.
#[tokio::test]
async fn every_spelling_of_a_name_gets_its_binding() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    for name in ["A.TEST", "a.TeSt", "X.Wild.test"] {
        node.meet(name, &client())
            .await
            .refused(Reason::Missing, AlertDescription::CertificateRequired);
        let (accepted, _) = node
            .meet(name, &client().presenting(&authorities.alice()))
            .await
            .welcome();
        assert_eq!(accepted.server_name.as_str(), name.to_ascii_lowercase());
    }
}

/// Threat C2.4: wherever the network or the client cuts the ClientHello, the binding is the same.
#[tokio::test]
async fn a_client_hello_cut_at_any_byte_gets_the_same_binding() {
    let node = Node::new(&Authorities::new());
    let hello = first_flight().await;
    for cut in 1..hello.len() {
        let reason = raw(&node, &[&hello[..cut], &hello[cut..]]).await;
        assert_eq!(
            reason,
            Some(AlertDescription::UnrecognisedName),
            "cut at {cut}"
        );
    }
}

#[tokio::test]
async fn a_client_hello_in_many_records_gets_the_same_binding() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let alice = client().presenting(&authorities.alice());
    for size in [1, 2, 3, 5, 16, 100, 1000] {
        let (near, far) = tokio::io::duplex(1 << 16);
        let far = Split::new(far).first_record_in_records_of(size);
        let server = async {
            let mut accepted = node.accept(near).await.unwrap();
            accepted.stream.write_all(b"hello").await.unwrap();
            accepted.stream.shutdown().await.unwrap();
            accepted
        };
        let (accepted, visit) = tokio::join!(server, visit(alice.config(), "a.test", far));
        assert_eq!(visit.unwrap().greeting, b"hello");
        assert!(accepted.verdicts.overall().is_valid(), "records of {size}");
    }
}

/// Cut at every byte and with a certificate that the binding requires: never served without it.
#[tokio::test]
async fn a_cut_client_hello_never_reaches_a_binding_without_its_policy() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    for cut in (1..1500).step_by(37) {
        let (near, far) = tokio::io::duplex(1 << 16);
        let far = Split::new(far).cut_at([cut]);
        let (server, visit) =
            tokio::join!(node.accept(near), visit(client().config(), "a.test", far));
        assert_eq!(server.unwrap_err().reason, Reason::Missing);
        assert!(visit.is_err());
    }
}

/// The ClientHello of a client that asks for a name without a binding, so that the answer is in the clear.
async fn first_flight() -> Vec<u8> {
    let (mut near, far) = tokio::io::duplex(1 << 16);
    let mut hello = vec![0; 4096];
    let config = client().config();
    let (length, _) = tokio::join!(
        async {
            let length = near.read(&mut hello).await.unwrap();
            drop(near);
            length
        },
        visit(config, "unknown.test", far)
    );
    hello.truncate(length);
    assert!(hello.len() > 1000, "the hybrid key share is in it");
    hello
}

async fn raw(node: &Node, pieces: &[&[u8]]) -> Option<AlertDescription> {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let limits = HandshakeLimits::default();
    let server = accept(near, |name| node.lookup(name), &limits);
    let client = async {
        for piece in pieces {
            far.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = [0; 7];
        far.read_exact(&mut answer).await.unwrap();
        drop(far);
        answer
    };
    let (refused, answer) = tokio::join!(server, client);
    assert_eq!(refused.unwrap_err().reason, Reason::UnknownServerName);
    (answer[..6] == [0x15, 3, 3, 0, 2, 2]).then(|| AlertDescription::from(answer[6]))
}
