//! A TLS client that does as it is told and tells what it saw.

mod http;
mod observed;
mod quic;
mod split;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, HandshakeKind, NamedGroup, ProtocolVersion, SupportedProtocolVersion,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    time_provider::TimeProvider,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{Ca, Credential};

pub use self::{
    http::{Body, HttpClient, Response, body, body_with_trailers},
    observed::{CertificateRequest, Sessions},
    quic::{Http3Client, QuicConnection, quic_alert},
    split::Split,
};
pub use rustls::AlertDescription;

/// A TLS client to be set up and then connected as often as wanted; clones share their sessions and observations.
#[derive(Clone, Debug)]
pub struct TlsClient {
    versions: &'static [&'static SupportedProtocolVersion],
    roots: rustls::RootCertStore,
    // rustls resumes a session only with the very objects that were there when it began.
    verifier: Arc<dyn ServerCertVerifier>,
    resolver: Arc<observed::Resolver>,
    alpn: Vec<Vec<u8>>,
    server_name: ServerName<'static>,
    send_sni: bool,
    now: Option<i64>,
    sessions: Arc<Sessions>,
}

impl TlsClient {
    /// A client for `server_name` that trusts any server, speaks TLS 1.2 and 1.3, offers no ALPN and presents no certificate.
    ///
    /// The name goes into the SNI as it is written here, upper case included.
    pub fn new(server_name: &str) -> Self {
        Self {
            versions: rustls::ALL_VERSIONS,
            roots: rustls::RootCertStore::empty(),
            verifier: Arc::new(AnyServer(provider())),
            resolver: Arc::default(),
            alpn: Vec::new(),
            server_name: ServerName::try_from(server_name.to_owned()).unwrap(),
            send_sni: true,
            now: None,
            sessions: Arc::default(),
        }
    }

    /// Verifies servers against this root (and those given before).
    pub fn trusting(mut self, root: &Ca) -> Self {
        let root = CertificateDer::from(root.der().to_vec());
        self.roots.add(root).unwrap();
        let roots = Arc::new(self.roots.clone());
        self.verifier = WebPkiServerVerifier::builder_with_provider(roots, provider())
            .build()
            .unwrap();
        self
    }

    /// Presents this certificate to whoever asks, whether or not it is of an authority they name.
    pub fn presenting(mut self, credential: &Credential) -> Self {
        self.resolver = Arc::new(observed::Resolver::new(credential));
        self
    }

    /// Speaks TLS 1.2 only.
    pub fn tls12(mut self) -> Self {
        self.versions = TLS12;
        self
    }

    /// Speaks TLS 1.3 only.
    pub fn tls13(mut self) -> Self {
        self.versions = TLS13;
        self
    }

    /// Offers these application protocols, most wanted first.
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        self
    }

    /// Sends no SNI.
    pub fn without_sni(mut self) -> Self {
        self.send_sni = false;
        self
    }

    /// Verifies servers as if it were this moment (seconds since the epoch) instead of the real one.
    pub fn at(mut self, now: i64) -> Self {
        self.now = Some(now);
        self
    }

    /// Forgets the sessions it has, and shares none from now on.
    pub fn with_fresh_sessions(mut self) -> Self {
        self.sessions = Arc::default();
        self
    }

    /// The same client, sessions included, for another server name.
    pub fn for_server(mut self, server_name: &str) -> Self {
        self.server_name = ServerName::try_from(server_name.to_owned()).unwrap();
        self
    }

    /// Offers its sessions to every server, not only to the one that gave them: what an attacker would do.
    pub fn offering_sessions_to_anyone(self) -> Self {
        self.sessions.offer_to_anyone();
        self
    }

    /// The sessions it was given.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The last certificate request a server sent in a full handshake; `None` if none did.
    pub fn last_certificate_request(&self) -> Option<CertificateRequest> {
        self.resolver.last_request()
    }

    /// Connects to `address` and completes the handshake.
    ///
    /// # Errors
    ///
    /// When the connection or the handshake fails; [`alert`] says what the server answered. In TLS 1.3 a server's refusal
    /// of the client certificate comes only with the first read.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<Connection<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        self.handshake(stream).await
    }

    /// Completes the handshake over any stream, such as one half of [`tokio::io::duplex`] or a [`Split`].
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    pub async fn handshake<IO>(&self, stream: IO) -> io::Result<Connection<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let connector = TlsConnector::from(Arc::new(self.config()));
        let stream = connector.connect(self.server_name.clone(), stream).await?;
        Ok(Connection {
            stream,
            authority: self.server_name.to_str().into_owned(),
        })
    }

    /// The configuration, for clients of other protocols (QUIC).
    pub fn config(&self) -> ClientConfig {
        let now = Arc::new(Now(self.now));
        let resolver: Arc<observed::Resolver> = Arc::clone(&self.resolver);
        let mut config = ClientConfig::builder_with_details(provider(), now)
            .with_protocol_versions(self.versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&self.verifier))
            .with_client_cert_resolver(resolver);
        config.alpn_protocols = self.alpn.clone();
        config.enable_sni = self.send_sni;
        let sessions: Arc<Sessions> = Arc::clone(&self.sessions);
        config.resumption = rustls::client::Resumption::store(sessions);
        config
    }
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct Connection<IO> {
    /// The decrypted stream.
    pub stream: TlsStream<IO>,
    authority: String,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Connection<IO> {
    /// The protocol version.
    pub fn version(&self) -> ProtocolVersion {
        self.stream.get_ref().1.protocol_version().unwrap()
    }

    /// Whether a session was resumed.
    pub fn resumed(&self) -> bool {
        self.stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The application protocol.
    pub fn alpn(&self) -> Option<String> {
        let name = self.stream.get_ref().1.alpn_protocol()?;
        Some(String::from_utf8_lossy(name).into_owned())
    }

    /// The key exchange group of a full handshake.
    pub fn group(&self) -> Option<NamedGroup> {
        let group = self.stream.get_ref().1.negotiated_key_exchange_group()?;
        Some(group.name())
    }

    /// The server's chain, leaf first.
    pub fn server_chain(&self) -> Vec<Vec<u8>> {
        let chain = self.stream.get_ref().1.peer_certificates();
        chain
            .into_iter()
            .flatten()
            .map(|der| der.to_vec())
            .collect()
    }

    /// Writes these bytes as they are and reads until the server closes.
    ///
    /// # Errors
    ///
    /// When writing or reading fails, for example with an [`alert`]. A server that closes without `close_notify` is not an error.
    pub async fn exchange(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await?;
        let mut answer = Vec::new();
        match self.stream.read_to_end(&mut answer).await {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
            _ => Ok(answer),
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection<IO> {
    /// An HTTP client: HTTP/2 if ALPN chose `h2`, HTTP/1.1 otherwise.
    ///
    /// # Errors
    ///
    /// When the HTTP connection cannot be begun.
    pub async fn http(self) -> Result<HttpClient, hyper::Error> {
        if self.alpn().as_deref() == Some("h2") {
            HttpClient::http2(self.stream, &self.authority).await
        } else {
            HttpClient::http1(self.stream, &self.authority).await
        }
    }
}

/// The alert that ended a handshake or a connection, if one did.
pub fn alert(error: &io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

static TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
static TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

#[derive(Debug)]
struct Now(Option<i64>);

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        let Some(at) = self.0 else {
            return Some(UnixTime::now());
        };
        let since = Duration::from_secs(at.try_into().unwrap());
        Some(UnixTime::since_unix_epoch(since))
    }
}

/// Accepts every server that has the key of the certificate it shows.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
