//! The TLS side of a binding.

use std::sync::Arc;

use countersign_snapshot::{
    CaList, CheckedBinding, ClientAuthMode, HttpVersions, PolicyIdentity, SealError,
    ServerCertificateId, Service, TlsPolicy, TlsVersion,
};
use countersign_trust::{Clock, ParseCertificateError, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoClientAuth, ServerConfig};
use rustls::{DistinguishedName, crypto::CryptoProvider};

use crate::clock::RustlsClock;
use crate::context::BindingKey;
use crate::provider::{prefers_chacha, versions};
use crate::server_credential::ByNameAndScheme;
use crate::verifier::ClientVerifier;
use crate::{ServerCredential, TlsContext, TrustContext};

/// The CA names that a handshake carries may take this much. A longer list makes every handshake slower and is more than what many
/// clients read; it is left out, which lets clients choose among all their certificates.
const CA_LIST_MAX_BYTES: usize = 16 * 1024;

/// What a handshake needs for one binding: the certificates, the TLS policy and the client-auth policy, in rustls's form.
///
/// Bindings that depend on equal inputs share one value, over generations too, so that an unchanged binding keeps its sessions. Sessions are
/// scoped by the policy identity: one made under another policy cannot be resumed (threats C1.1–C1.5).
#[derive(Debug)]
pub struct BindingTls {
    config: Arc<ServerConfig>,
    quic: Option<Arc<ServerConfig>>,
    passes_bytes: bool,
    trust: TrustContext,
    context: Arc<TlsContext>,
    warnings: Vec<BuildTlsWarning>,
}

/// Why the TLS side of a binding cannot be built.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BuildTlsError {
    /// The private key does not belong to the certificate.
    #[error("the private key of server certificate {certificate} is not the certificate's")]
    KeyMismatch {
        /// Which one.
        certificate: ServerCertificateId,
    },
    /// The sealed private key cannot be opened.
    #[error("the private key of server certificate {certificate} cannot be opened")]
    KeyNotOpened {
        /// Which one.
        certificate: ServerCertificateId,
        /// Why.
        source: SealError,
    },
    /// The private key is of a kind that cannot be used, or no PKCS#8.
    #[error(
        "the private key of server certificate {certificate} is no PKCS#8 key of a supported kind"
    )]
    KeyUnusable {
        /// Which one.
        certificate: ServerCertificateId,
    },
    /// There is no certificate to present.
    #[error("there is no server certificate")]
    NoServerCertificate,
    /// The versions and cipher suites leave nothing to negotiate.
    #[error("the TLS policy leaves no protocol version with a cipher suite")]
    NothingToNegotiate,
    /// The system's random number generator failed.
    #[error("the random number generator failed")]
    Random,
    /// The certificate cannot be read.
    #[error("server certificate {certificate} cannot be read")]
    ServerCertificateUnreadable {
        /// Which one.
        certificate: ServerCertificateId,
        /// Why.
        source: ParseCertificateError,
    },
    /// A secret shorter than 32 bytes can be guessed.
    #[error("a ticket secret has at least 32 bytes")]
    TicketSecretTooShort,
}

/// Something about a binding that works and that somebody should look at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BuildTlsWarning {
    /// The list of CA names is longer than 16 KiB and is not sent.
    CaListOmitted {
        /// How long it would be.
        bytes: usize,
    },
    /// A server certificate has less than 30 % of its lifetime left.
    ServerCertificateEndsSoon {
        /// Which one.
        certificate: ServerCertificateId,
        /// When it ends.
        not_after: UnixTime,
    },
    /// A server certificate is expired: clients will refuse it.
    ///
    /// No error: it harms this binding alone, while refusing the snapshot would keep every other change from the network, such as taking
    /// away trust.
    ServerCertificateExpired {
        /// Which one.
        certificate: ServerCertificateId,
        /// Since when.
        not_after: UnixTime,
    },
}

impl BindingTls {
    /// Builds the TLS side of a binding, or finds it among those in use. `credentials` are those that the binding names, in its order.
    ///
    /// # Errors
    /// When there is no credential, or the TLS policy leaves nothing to negotiate.
    pub fn build(
        binding: &CheckedBinding,
        credentials: &[ServerCredential],
        context: &Arc<TlsContext>,
    ) -> Result<Arc<Self>, BuildTlsError> {
        if credentials.is_empty() {
            return Err(BuildTlsError::NoServerCertificate);
        }
        let key = BindingKey {
            policy: binding.policy_identity,
            certificates: credentials.iter().map(ServerCredential::digest).collect(),
            tls: binding.binding.tls,
            ca_list: binding.binding.client_auth.ca_list,
            service: binding.binding.service.clone(),
        };
        context.shared_binding(key, || Self::build_anew(binding, credentials, context))
    }

    fn build_anew(
        binding: &CheckedBinding,
        credentials: &[ServerCredential],
        context: &Arc<TlsContext>,
    ) -> Result<Self, BuildTlsError> {
        let tls = &binding.binding.tls;
        let provider = context.providers.of(tls.ciphers);
        let trust = TrustContext::new(binding, Arc::clone(&context.verdicts));
        let mut warnings = ending(credentials, context.clock.now());
        let verifier = verifier(binding, &trust, provider, &context.clock, &mut warnings);
        let mut config = ServerConfig::builder_with_details(
            Arc::clone(provider),
            Arc::new(RustlsClock(Arc::clone(&context.clock))),
        )
        .with_protocol_versions(versions(tls.minimum_version, tls.maximum_version))
        .map_err(|_| BuildTlsError::NothingToNegotiate)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(ByNameAndScheme::new(
            credentials,
            Arc::clone(&context.staples),
            Arc::clone(&context.clock),
        )));
        config.ignore_client_order = true;
        let service = &binding.binding.service;
        config.alpn_protocols = match (service, tls.http) {
            (Service::Tcp(tcp), _) => tcp.alpn.iter().cloned().map(String::into_bytes).collect(),
            (Service::Http, HttpVersions::Http1) => vec![b"http/1.1".to_vec()],
            (Service::Http, HttpVersions::Http1AndHttp2 | HttpVersions::Http1ToHttp3) => {
                vec![b"h2".to_vec(), b"http/1.1".to_vec()]
            }
        };
        let scope = context.session_scope(binding);
        config.ticketer = context.ticketer(scope.clone());
        config.session_storage = context.sessions(scope);
        // A ticket holds the client's whole chain; one is enough for a client that keeps one connection.
        config.send_tls13_tickets = 1;
        // Threat C5.6: early data would be processed before the client is known to be fresh.
        config.max_early_data_size = 0;
        Ok(Self {
            quic: quic(&config, tls)
                .filter(|_| *service == Service::Http)
                .map(Arc::new),
            passes_bytes: *service != Service::Http,
            config: Arc::new(config),
            trust,
            context: Arc::clone(context),
            warnings,
        })
    }

    /// What the verdicts about its clients depend on.
    #[must_use]
    pub fn trust(&self) -> &TrustContext {
        &self.trust
    }

    /// When another binding decides about clients alike.
    #[must_use]
    pub fn policy_identity(&self) -> PolicyIdentity {
        self.trust.policy_identity()
    }

    /// Whether bytes are passed on as they are; otherwise HTTP is spoken.
    #[must_use]
    pub fn passes_bytes(&self) -> bool {
        self.passes_bytes
    }

    /// What somebody should look at; as of when it was built.
    #[must_use]
    pub fn warnings(&self) -> &[BuildTlsWarning] {
        &self.warnings
    }

    /// The configuration for this client.
    pub(crate) fn config_for(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        ordered_for(&self.config, hello)
    }

    /// The configuration for this client over HTTP/3; `None` when the TLS policy leaves no room for it.
    pub(crate) fn quic_config_for(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        self.quic.as_ref().map(|config| ordered_for(config, hello))
    }

    pub(crate) fn context(&self) -> &Arc<TlsContext> {
        &self.context
    }
}

/// The same configuration for QUIC: the same verifier, certificates, tickets and sessions, so that nothing can be weaker there (threat
/// C2.3). RFC 9001 §4.2: "Clients MUST NOT offer TLS versions older than 1.3", and rustls accepts none older over QUIC.
fn quic(config: &ServerConfig, tls: &TlsPolicy) -> Option<ServerConfig> {
    if tls.maximum_version < TlsVersion::Tls13 || tls.http == HttpVersions::Http1 {
        return None;
    }
    let mut quic = config.clone();
    quic.alpn_protocols = vec![b"h3".to_vec()];
    Some(quic)
}

/// Cipher suites in our order, except for clients to whom AES is expensive.
fn ordered_for(config: &Arc<ServerConfig>, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
    if !prefers_chacha(hello.cipher_suites()) {
        return Arc::clone(config);
    }
    let mut own = ServerConfig::clone(config);
    own.ignore_client_order = false;
    Arc::new(own)
}

/// The certificates that are past their end, or will be soon.
fn ending(credentials: &[ServerCredential], now: UnixTime) -> Vec<BuildTlsWarning> {
    let warning = |credential: &ServerCredential| {
        let (certificate, validity) = (credential.id().clone(), credential.validity());
        let not_after = validity.not_after;
        if not_after < now {
            Some(BuildTlsWarning::ServerCertificateExpired {
                certificate,
                not_after,
            })
        } else if validity.ends_soon(now) {
            Some(BuildTlsWarning::ServerCertificateEndsSoon {
                certificate,
                not_after,
            })
        } else {
            None
        }
    };
    credentials.iter().filter_map(warning).collect()
}

fn verifier(
    binding: &CheckedBinding,
    trust: &TrustContext,
    provider: &CryptoProvider,
    clock: &Arc<dyn Clock>,
    warnings: &mut Vec<BuildTlsWarning>,
) -> Arc<dyn ClientCertVerifier> {
    if trust.mode() == ClientAuthMode::Off {
        return Arc::new(NoClientAuth);
    }
    Arc::new(ClientVerifier {
        trust: trust.clone(),
        hints: hints(binding, warnings),
        algorithms: provider.signature_verification_algorithms,
        clock: Arc::clone(clock),
    })
}

/// RFC 8446 §4.2.4: the subjects of the CAs, each once.
fn hints(binding: &CheckedBinding, warnings: &mut Vec<BuildTlsWarning>) -> Vec<DistinguishedName> {
    /// RFC 8446 §4.2.4: each name has a length of two octets before it.
    const LENGTH_BYTES: usize = 2;
    if binding.binding.client_auth.ca_list == CaList::Omit {
        return Vec::new();
    }
    let mut subjects: Vec<&[u8]> = binding
        .ca_sets
        .iter()
        .flat_map(|set| set.anchors.subjects())
        .collect();
    subjects.sort_unstable();
    subjects.dedup();
    // RFC 8446 §4.2.4: `opaque DistinguishedName<1..2^16-1>`; the empty name of a few odd CAs is 2 octets of DER, which is allowed.
    let bytes = subjects
        .iter()
        .map(|subject| LENGTH_BYTES + subject.len())
        .sum();
    if bytes > CA_LIST_MAX_BYTES {
        warnings.push(BuildTlsWarning::CaListOmitted { bytes });
        return Vec::new();
    }
    subjects
        .into_iter()
        .map(|subject| DistinguishedName::from(subject.to_vec()))
        .collect()
}
