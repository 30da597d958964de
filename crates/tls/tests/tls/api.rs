//! Client certificates at the control API's listener: possession is proven, nothing else is concluded.

use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::Secret;
use countersign_testkit::{Credential, Key, KeyKind, NOW, Pki, TlsClient};
use countersign_tls::ApiTls;
use countersign_trust::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Authorities, Node};

/// The leaf that the listener saw, or that the handshake failed.
async fn shown(api: &ApiTls, client: &TlsClient) -> Result<Option<Vec<u8>>, ()> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let server = async {
        let accepted = api.accept(near, Duration::from_secs(10)).await;
        let (mut stream, chain) = accepted.map_err(|_| ())?;
        let _ = stream.write_all(b"hello").await;
        let _ = stream.shutdown().await;
        Ok(chain.map(|chain| chain.leaf().der().to_vec()))
    };
    let client = async {
        if let Ok(mut connection) = client.handshake(far).await {
            let mut greeting = Vec::new();
            let _ = connection.stream.read_to_end(&mut greeting).await;
        }
    };
    tokio::join!(server, client).0
}

#[tokio::test]
async fn whoever_proves_possession_is_seen_whatever_the_certificate_is_worth() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let server = authorities.servers.server(["api.test"]).issue();
    let key = Secret::new(server.key_pem().into_bytes());
    let clock = Arc::clone(&node.clock) as Arc<dyn Clock>;
    let api = ApiTls::from_pem(server.chain_pem().as_bytes(), &key, clock).unwrap();
    let base = || TlsClient::new("api.test").trusting(&authorities.servers);
    let stranger = Pki::new().root("Stranger");
    let worth_little: [Credential; 3] = [
        stranger.client("a").issue(),
        stranger.client("a").expired(NOW).issue(),
        Pki::new().keys(KeyKind::Rsa2048).self_signed("a").issue(),
    ];
    for client in [base().tls12(), base().tls13()] {
        assert_eq!(shown(&api, &client).await, Ok(None));
    }
    for credential in &worth_little {
        for client in [base().tls12(), base().tls13()] {
            let client = client.presenting(credential);
            let leaf = Ok(Some(credential.der().to_vec()));
            assert_eq!(shown(&api, &client).await, leaf);
            // A resumed session is the same client's.
            assert_eq!(shown(&api, &client).await, leaf);
        }
    }
    let stolen = stranger
        .client("a")
        .issue()
        .with_key(Key::generate(KeyKind::P256));
    for client in [base().tls12(), base().tls13()] {
        assert_eq!(shown(&api, &client.presenting(&stolen)).await, Err(()));
    }
}
