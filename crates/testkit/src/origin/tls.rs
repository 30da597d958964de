//! The origin's side of TLS.

use std::io;
use std::sync::Arc;

use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::CertificateDer,
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{Ca, Credential};

pub(super) fn acceptor(credential: &Credential, clients: Option<&Ca>) -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ClientCertVerifier> = match clients {
        None => Arc::new(NoClientAuth),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from(ca.der().to_vec())).unwrap();
            let roots = Arc::new(roots);
            WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
                .build()
                .unwrap()
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(credential.rustls_chain(), credential.rustls_key())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// Runs the server's side of a handshake on a connection whose first bytes were something else.
///
/// # Errors
///
/// When the handshake fails.
pub async fn accept_tls(
    stream: TcpStream,
    credential: &Credential,
) -> io::Result<TlsStream<TcpStream>> {
    acceptor(credential, None).accept(stream).await
}
