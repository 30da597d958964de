//! TLS towards origins. Verification is always on.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use countersign_snapshot::{
    ClientCredential, ClientCredentialId, OriginTls, OriginTrust, SealError, SealingKey, TlsVersion,
};
use countersign_trust::Reason;
use rustls::client::{ClientConfig, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::clock::RustlsClock;
use crate::provider::versions;
use crate::server_credential::{KeyFault, certify};
use crate::{Alert, OriginStream, TlsContext, TlsError};

use credential::{Shown, Witness};
use verifier::OriginVerifier;

mod credential;
mod verifier;

/// Which application protocols an origin is offered.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OriginAlpn {
    /// `http/1.1`
    Http1,
    /// `h2`, then `http/1.1`: the origin chooses
    Http1AndHttp2,
    /// `h2`
    Http2,
    /// No ALPN: a protocol that has none, such as MQTT.
    None,
}

/// Connects to one origin under its TLS policy. Sessions are its own; another trust or credential is another connector.
#[derive(Clone)]
pub struct OriginConnector {
    connector: TlsConnector,
    server_name: Option<ServerName<'static>>,
    shown: Arc<Shown>,
    only_if_asked: bool,
}

/// Why a connector cannot be built.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BuildOriginError {
    /// A certificate of the bundle cannot be a trust anchor.
    #[error("certificate {position} of the origin's CA bundle cannot be read")]
    AuthorityUnreadable {
        /// From 0.
        position: usize,
    },
    /// The private key does not belong to the certificate.
    #[error("the private key of client credential {credential} is not the certificate's")]
    CredentialMismatch {
        /// Which one.
        credential: ClientCredentialId,
    },
    /// The sealed private key cannot be opened.
    #[error("the private key of client credential {credential} cannot be opened")]
    CredentialNotOpened {
        /// Which one.
        credential: ClientCredentialId,
        /// Why.
        source: SealError,
    },
    /// The private key is of a kind that cannot be used, or no PKCS#8.
    #[error(
        "the private key of client credential {credential} is no PKCS#8 key of a supported kind"
    )]
    CredentialUnusable {
        /// Which one.
        credential: ClientCredentialId,
    },
    /// Nobody could be believed (invariant I1: an empty pool is no pool).
    #[error("the origin's CA bundle is empty")]
    NoAuthority,
    /// This machine has no store of CAs, or it is empty.
    #[error("this machine's store of CA certificates is empty or cannot be read")]
    NoSystemAuthority,
    /// No version that may be used has a cipher suite.
    #[error("the TLS policy leaves no protocol version with a cipher suite")]
    NothingToNegotiate,
    /// The name to verify is neither a DNS name nor an IP address.
    #[error("the origin's server name is neither a DNS name nor an IP address")]
    ServerName,
}

/// Why a connection to an origin failed in TLS.
#[derive(Debug, thiserror::Error)]
pub enum OriginTlsError {
    /// The connection broke.
    #[error("the connection broke during the TLS handshake")]
    Connection(#[source] io::Error),
    /// The handshake failed for another reason.
    #[error("the TLS handshake failed")]
    Failed(#[source] TlsError),
    /// The origin did not ask for our certificate, and has to.
    #[error("the origin did not ask for the client certificate, as it has to by the rules")]
    NotAsked,
    /// The origin does not accept our certificate, or the lack of one.
    #[error("the origin refused the client certificate with the alert `{0}`")]
    RefusedCertificate(Alert),
    /// The host is neither a DNS name nor an IP address, so that nothing can be verified.
    #[error("the origin's host is neither a DNS name nor an IP address")]
    ServerName,
    /// The origin's certificate does not satisfy the trust settings.
    #[error("the origin's certificate is not trusted")]
    Untrusted(#[source] TlsError),
}

impl OriginTlsError {
    /// The reason in the one taxonomy.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Connection(_) | Self::Failed(_) => Reason::OriginUnreachable,
            Self::NotAsked => Reason::OriginDidNotAsk,
            Self::RefusedCertificate(_) => Reason::OriginRefusedCertificate,
            Self::ServerName | Self::Untrusted(_) => Reason::OriginUntrusted,
        }
    }

    /// `missed`: the origin asked for a certificate, and got none.
    fn from_io(error: io::Error, missed: bool) -> Self {
        if let Some(alert) = origin_refused_certificate(&error) {
            return Self::RefusedCertificate(alert);
        }
        match error.downcast::<rustls::Error>() {
            Ok(error @ rustls::Error::InvalidCertificate(_)) => {
                Self::Untrusted(TlsError::new(error))
            }
            // RFC 5246 §7.4.6: a server that gets no certificate may answer with `handshake_failure`, which then says the same as an alert
            // about a certificate.
            Ok(rustls::Error::AlertReceived(alert))
                if missed && alert == AlertDescription::HandshakeFailure =>
            {
                Self::RefusedCertificate(Alert::from_code(u8::from(alert)))
            }
            Ok(error) => Self::Failed(TlsError::new(error)),
            Err(error) => Self::Connection(error),
        }
    }
}

impl OriginConnector {
    /// Builds the connector of an origin. `credential` is the one that the policy names, with the key that opens it.
    ///
    /// # Errors
    /// When there is nobody to believe, or the credential cannot be used.
    pub fn build(
        tls: &OriginTls,
        credential: Option<(&ClientCredential, &SealingKey)>,
        context: &TlsContext,
    ) -> Result<Self, BuildOriginError> {
        let provider = context
            .providers
            .of(countersign_snapshot::CipherProfile::Compatible);
        let (roots, pinned) = match &tls.trust {
            OriginTrust::Bundle(authorities) => {
                (Arc::new(anchors(authorities)?), authorities.as_slice())
            }
            OriginTrust::System => (
                context
                    .system_roots()
                    .ok_or(BuildOriginError::NoSystemAuthority)?,
                [].as_slice(),
            ),
        };
        let chain = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
            .build()
            .map_err(|_| BuildOriginError::NoAuthority)?;
        let verifier = OriginVerifier::new(chain, pinned);
        let builder = ClientConfig::builder_with_details(
            Arc::clone(provider),
            Arc::new(RustlsClock(Arc::clone(context.clock()))),
        )
        .with_protocol_versions(versions(tls.minimum_version, TlsVersion::Tls13))
        .map_err(|_| BuildOriginError::NothingToNegotiate)?
        // Not less than the usual verification: it wraps rustls's own and adds exact certificates of the bundle.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
        let shown = Arc::new(Shown::new(
            credential
                .map(|(credential, key)| open(credential, key))
                .transpose()?,
        ));
        let config = builder.with_client_cert_resolver(Arc::clone(&shown) as _);
        let server_name = tls.server_name.as_deref().map(parse_name).transpose();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            server_name: server_name.map_err(|()| BuildOriginError::ServerName)?,
            shown,
            only_if_asked: false,
        })
    }

    /// The same for an origin that has to ask who we are: one that does not is not spoken to. What is sent to it may rest on its knowing
    /// that it comes from us.
    #[must_use]
    pub fn only_if_asked(self) -> Self {
        Self {
            only_if_asked: true,
            ..self
        }
    }

    /// Runs the handshake over a connection to `host` (a DNS name or an IP address), which is verified unless the policy names another, and
    /// offers these protocols.
    ///
    /// There is no deadline of its own: name look-up, connection and handshake share the caller's.
    ///
    /// # Errors
    /// When the origin is not trusted, refuses us, or the handshake fails. In TLS 1.3 an origin may refuse our certificate only after the
    /// handshake: ask [`origin_refused_certificate`] about the error of the first read.
    pub async fn connect<IO>(
        &self,
        io: IO,
        host: &str,
        alpn: OriginAlpn,
    ) -> Result<OriginStream<IO>, OriginTlsError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => parse_name(host).map_err(|()| OriginTlsError::ServerName)?,
        };
        let (connector, witness) = self.witnessed();
        let stream = connector
            .with_alpn(alpn.protocols())
            .connect(name, io)
            .await
            .map_err(|error| OriginTlsError::from_io(error, self.shown.was_missed()))?;
        if witness.is_some_and(|witness| !witness.was_asked()) {
            return Err(OriginTlsError::NotAsked);
        }
        Ok(OriginStream::new(stream))
    }

    /// The connector of one connection, with somebody who notices whether the origin asks, where it has to.
    ///
    /// A witness is another source of certificates to rustls, which resumes no session with it: every connection is asked anew.
    fn witnessed(&self) -> (Cow<'_, TlsConnector>, Option<Arc<Witness>>) {
        if !self.only_if_asked {
            return (Cow::Borrowed(&self.connector), None);
        }
        let witness = Arc::new(Witness::new(&self.shown));
        let mut config = ClientConfig::clone(self.connector.config());
        config.client_auth_cert_resolver = Arc::clone(&witness) as _;
        (
            Cow::Owned(TlsConnector::from(Arc::new(config))),
            Some(witness),
        )
    }
}

impl OriginConnector {
    /// Whether the origin ever asked for a certificate, and there was none that it could have been shown.
    #[must_use]
    pub fn was_asked_in_vain(&self) -> bool {
        self.shown.was_missed()
    }
}

impl OriginAlpn {
    fn protocols(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http1 => vec![b"http/1.1".to_vec()],
            Self::Http1AndHttp2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Http2 => vec![b"h2".to_vec()],
            Self::None => Vec::new(),
        }
    }
}

impl std::fmt::Debug for OriginConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OriginConnector")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// The alert with which an origin refused our certificate, when that is what the error of a connection means.
#[must_use]
pub fn origin_refused_certificate(error: &io::Error) -> Option<Alert> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Alert::received_in(error).filter(|alert| alert.is_about_a_certificate())
}

fn anchors(authorities: &[Vec<u8>]) -> Result<RootCertStore, BuildOriginError> {
    let mut roots = RootCertStore::empty();
    for (position, der) in authorities.iter().enumerate() {
        roots
            .add(CertificateDer::from(der.as_slice()))
            .map_err(|_| BuildOriginError::AuthorityUnreadable { position })?;
    }
    if roots.is_empty() {
        return Err(BuildOriginError::NoAuthority);
    }
    Ok(roots)
}

fn open(
    credential: &ClientCredential,
    key: &SealingKey,
) -> Result<rustls::sign::CertifiedKey, BuildOriginError> {
    let id = || credential.id.clone();
    let key = key
        .open(ClientCredential::SEAL_CONTEXT, &credential.key)
        .map_err(|source| BuildOriginError::CredentialNotOpened {
            credential: id(),
            source,
        })?;
    certify(&credential.chain, &key).map_err(|fault| match fault {
        KeyFault::Mismatch => BuildOriginError::CredentialMismatch { credential: id() },
        KeyFault::Unusable => BuildOriginError::CredentialUnusable { credential: id() },
    })
}

fn parse_name(name: &str) -> Result<ServerName<'static>, ()> {
    ServerName::try_from(name)
        .map(|name| name.to_owned())
        .map_err(|_| ())
}
