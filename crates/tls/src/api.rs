//! TLS of the control API: its listener and its clients.

mod possession;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::{CipherProfile, Secret, TlsVersion};
use countersign_trust::{Clock, PeerChain};
use rustls::client::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConfig;
use rustls::{ProtocolVersion, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use self::possession::ProofOfPossession;
use crate::TlsStream;
use crate::clock::RustlsClock;
use crate::held::Held;
use crate::provider::{Providers, versions};

/// Accepts the connections of the control API's clients.
///
/// Unlike an edge node it has one identity and one purpose, so that it answers whatever name it is asked for.
#[derive(Clone)]
pub struct ApiTls(TlsAcceptor);

/// Why the API's TLS cannot be set up.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BuildApiTlsError {
    /// The text holds no certificate, or a broken one.
    #[error("the certificates are not valid PEM, or there is none")]
    Certificates,
    /// The text holds no usable private key.
    #[error("the private key is not valid PEM, or of a kind that cannot be used")]
    Key,
    /// The private key does not belong to the certificate.
    #[error("the private key is not the certificate's")]
    KeyMismatch,
    /// This machine has no store of CAs, or it is empty.
    #[error("this machine's store of CA certificates is empty or cannot be read")]
    NoSystemAuthority,
    /// No protocol version has a cipher suite.
    #[error("there is no protocol version with a cipher suite")]
    NothingToNegotiate,
}

impl ApiTls {
    /// Takes a certificate chain (PEM, leaf first) and its private key (PEM: PKCS#8, PKCS#1 or SEC 1).
    ///
    /// # Errors
    /// When one of them cannot be read or they do not belong together.
    pub fn from_pem(
        chain: &[u8],
        key: &Secret,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildApiTlsError> {
        let chain = certificates(chain)?;
        let key = private_key(key)?;
        let providers = Providers::new();
        let mut config = ServerConfig::builder_with_details(
            Arc::clone(providers.of(CipherProfile::Compatible)),
            Arc::new(RustlsClock(clock)),
        )
        .with_protocol_versions(versions(TlsVersion::Tls12, TlsVersion::Tls13))
        .map_err(|_| BuildApiTlsError::NothingToNegotiate)?
        .with_client_cert_verifier(Arc::new(ProofOfPossession {
            algorithms: providers
                .of(CipherProfile::Compatible)
                .signature_verification_algorithms,
        }))
        .with_single_cert(chain, key)
        .map_err(of_identity)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Runs the handshake of a client, who may have a certificate. Of a chain that is handed back it is known that the client holds the key
    /// of its first certificate, now or when the resumed session began; **nothing else**: it may be anybody's.
    ///
    /// # Errors
    /// When it fails or takes longer than `timeout`.
    pub async fn accept<IO>(
        &self,
        io: IO,
        timeout: Duration,
    ) -> io::Result<(TlsStream<IO>, Option<PeerChain>)>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = tokio::time::timeout(timeout, self.0.accept(Held::new(io)));
        let mut stream = handshake.await.map_err(|_| io::ErrorKind::TimedOut)??;
        // Clients of the API that ask nothing get no ticket either.
        let (io, connection) = stream.get_mut();
        io.handshake_done(connection.protocol_version() != Some(ProtocolVersion::TLSv1_3));
        let chain = match stream.get_ref().1.peer_certificates() {
            None | Some([]) => None,
            // The verifier read it already.
            Some(certificates) => {
                Some(PeerChain::from_der(certificates).map_err(|_| io::ErrorKind::InvalidData)?)
            }
        };
        Ok((TlsStream::new(stream), chain))
    }
}

impl std::fmt::Debug for ApiTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiTls").finish_non_exhaustive()
    }
}

/// A client's certificate chain (PEM, leaf first) and its private key (PEM).
#[derive(Clone, Copy, Debug)]
pub struct ApiClientIdentity<'a> {
    /// The chain.
    pub chain: &'a [u8],
    /// The key.
    pub key: &'a Secret,
}

/// The TLS of a client of the control API, for `reqwest`'s preconfigured TLS. It believes the CAs in `authorities` (PEM) and nobody else,
/// or with `None` those of this machine's store. With an `identity` it answers when it is asked for a certificate.
///
/// # Errors
/// When there is no CA, one cannot be read, or the identity cannot be used.
pub fn api_client_config(
    authorities: Option<&[u8]>,
    identity: Option<ApiClientIdentity<'_>>,
    clock: Arc<dyn Clock>,
) -> Result<ClientConfig, BuildApiTlsError> {
    let roots = match authorities {
        None => system_roots().ok_or(BuildApiTlsError::NoSystemAuthority)?,
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(pem)? {
                roots
                    .add(certificate)
                    .map_err(|_| BuildApiTlsError::Certificates)?;
            }
            roots
        }
    };
    let providers = Providers::new();
    let builder = ClientConfig::builder_with_details(
        Arc::clone(providers.of(CipherProfile::Compatible)),
        Arc::new(RustlsClock(clock)),
    )
    .with_protocol_versions(versions(TlsVersion::Tls12, TlsVersion::Tls13))
    .map_err(|_| BuildApiTlsError::NothingToNegotiate)?
    .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(ApiClientIdentity { chain, key }) => builder
            .with_client_auth_cert(certificates(chain)?, private_key(key)?)
            .map_err(of_identity)?,
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The CAs of this machine's own store; `None` when there is not one that can be read (threat C3.1: never an empty pool).
pub(crate) fn system_roots() -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // Stores of real machines hold a few certificates that nobody can read; they vouch for nothing, so leaving them out is safe.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    (!roots.is_empty()).then_some(roots)
}

fn private_key(pem: &Secret) -> Result<PrivateKeyDer<'static>, BuildApiTlsError> {
    PrivateKeyDer::from_pem_slice(pem.expose()).map_err(|_| BuildApiTlsError::Key)
}

/// What is wrong with a chain and its key.
fn of_identity(error: rustls::Error) -> BuildApiTlsError {
    match error {
        rustls::Error::InconsistentKeys(_) => BuildApiTlsError::KeyMismatch,
        rustls::Error::InvalidCertificate(_) => BuildApiTlsError::Certificates,
        _ => BuildApiTlsError::Key,
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildApiTlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(BuildApiTlsError::Certificates),
    }
}
