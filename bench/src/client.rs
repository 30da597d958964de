//! TLS clients with a certificate.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Group, Target};

/// Opens connections of one kind to one server.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    name: ServerName<'static>,
    connector: TlsConnector,
}

/// Whether a client takes up earlier sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sessions {
    Forget,
    Resume,
}

impl Client {
    /// What a ClientHello to this server looks like.
    pub(crate) fn hello(&self) -> Result<Vec<u8>> {
        let config = Arc::clone(self.connector.config());
        let mut connection = rustls::ClientConnection::new(config, self.name.clone())?;
        let mut hello = Vec::new();
        connection.write_tls(&mut hello)?;
        Ok(hello)
    }

    pub(crate) fn new(target: &Target, alpn: &[u8], sessions: Sessions) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&target.pki.join("server-ca.pem"))? {
            roots.add(certificate)?;
        }
        let key = PrivateKeyDer::from_pem_file(target.pki.join("client.key"))?;
        let provider = CryptoProvider {
            kx_groups: match target.group {
                Group::X25519 => vec![aws_lc_rs::kx_group::X25519],
                Group::X25519mlkem768 => vec![aws_lc_rs::kx_group::X25519MLKEM768],
            },
            ..aws_lc_rs::default_provider()
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(certificates(&target.pki.join("client.pem"))?, key)?;
        config.alpn_protocols = vec![alpn.to_vec()];
        if sessions == Sessions::Forget {
            config.resumption = Resumption::disabled();
        }
        Ok(Self {
            address: target.address,
            name: ServerName::try_from(target.name.clone())?,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Connects and shakes hands.
    pub(crate) async fn connect(&self) -> Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.address).await;
        self.shake_hands(tcp.context("cannot connect")?).await
    }

    /// The same from one of the addresses of this machine.
    pub(crate) async fn connect_from(&self, source: IpAddr) -> Result<TlsStream<TcpStream>> {
        self.shake_hands(dial(self.address, source).await?).await
    }

    async fn shake_hands(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>> {
        tcp.set_nodelay(true)?;
        self.connector
            .connect(self.name.clone(), tcp)
            .await
            .context("the handshake failed")
    }
}

/// Connects from one of the addresses of this machine.
pub(crate) async fn dial(address: SocketAddr, source: IpAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // Ports of connections that have just ended are good enough.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(address).await.context("cannot connect")
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read {}", path.display()))
}
