//! A snapshot in force: checked, with the TLS side, the program and the origins of every binding built (invariant I1: whole or not at all).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use countersign_snapshot::{
    CheckProblem, CheckedBinding, CheckedSnapshot, ClientAuthMode, Generation, OriginId, PlainHttp,
    SealingKey, ServerCertificate, ServerCertificateId, ServerName, Service, Snapshot,
    SnapshotDigest, StrictTransport,
};
use countersign_tls::{BindingTls, BuildTlsError, ServerCredential, TlsContext, TrustContext};
use countersign_trust::{Certificate, UnixTime, Validity};
use http::HeaderValue;

use crate::Limits;
use crate::http::{OpenKeyError, RequestSigner};
use crate::origin::{BuildOriginError, Origin, Origins};

/// Everything that requests are decided by, as one immutable value.
#[derive(Debug)]
pub(crate) struct Enforced {
    digest: SnapshotDigest,
    checked: CheckedSnapshot,
    /// Opened keys, for the next snapshot.
    credentials: Credentials,
    /// Of what is presented to origins.
    client_validities: Vec<Validity>,
    bindings: Vec<Arc<EnforcedBinding>>,
    origins: Origins,
    signer: Option<RequestSigner>,
}

/// A binding with what serving it needs.
#[derive(Debug)]
pub(crate) struct EnforcedBinding {
    checked: Arc<CheckedBinding>,
    /// None when it is served without TLS.
    tls: Option<Arc<BindingTls>>,
    trust: TrustContext,
    origin: Arc<Origin>,
    strict_transport: Option<HeaderValue>,
}

/// Why a snapshot cannot be enforced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Check(Vec<CheckProblem>),
    #[error("binding {binding}")]
    Tls {
        binding: String,
        source: BuildTlsError,
    },
    #[error("origin {origin}")]
    Origin {
        origin: OriginId,
        source: BuildOriginError,
    },
    #[error("what requests are signed with")]
    Signer(#[from] OpenKeyError),
    #[error("binding {binding} refers to what is not in the snapshot")]
    Dangling { binding: String },
}

impl Enforced {
    /// Builds everything. What did not change is taken over from `previous`: parsed certificates, compiled rules, opened keys, the TLS side of
    /// bindings, and pools of origins with their connections.
    pub(crate) fn build(
        snapshot: Snapshot,
        digest: SnapshotDigest,
        sealing_key: &SealingKey,
        tls: &Arc<TlsContext>,
        previous: Option<&Enforced>,
        limits: &Limits,
    ) -> Result<Self, BuildError> {
        let before = previous.map(|previous| &previous.checked);
        let checked = CheckedSnapshot::check_after(snapshot, before).map_err(BuildError::Check)?;
        let origins = Origins::build(
            &checked,
            sealing_key,
            tls,
            previous.map(|previous| &previous.origins),
            limits,
        )
        .map_err(|(origin, source)| BuildError::Origin { origin, source })?;
        let credentials = server_credentials(&checked, sealing_key, previous)?;
        let signer = RequestSigner::open(checked.forwarding_keys(), sealing_key, tls.clock())?;
        let bindings = checked
            .bindings()
            .iter()
            .map(|binding| {
                EnforcedBinding::build(binding, &credentials, &origins, tls).map(Arc::new)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            digest,
            client_validities: client_validities(&checked),
            checked,
            credentials,
            bindings,
            origins,
            signer,
        })
    }

    pub(crate) fn generation(&self) -> Generation {
        self.checked.generation()
    }

    pub(crate) fn digest(&self) -> SnapshotDigest {
        self.digest
    }

    /// How many of the certificates that are presented to clients, and to origins, have less than 30 % of their lifetime left.
    pub(crate) fn ending_soon(&self, now: UnixTime) -> [usize; 2] {
        let soon = |validity: &Validity| validity.ends_soon(now);
        let server = self.credentials.values().map(ServerCredential::validity);
        [
            server.filter(soon).count(),
            self.client_validities.iter().filter(|it| soon(it)).count(),
        ]
    }

    pub(crate) fn origins(&self) -> &Origins {
        &self.origins
    }

    /// What signs requests; none where no key is in the snapshot.
    pub(crate) fn signer(&self) -> Option<&RequestSigner> {
        self.signer.as_ref()
    }

    /// What a name is bound to. The one way from a name to a policy, for handshakes and requests.
    pub(crate) fn resolve(&self, name: &ServerName) -> Option<&Arc<EnforcedBinding>> {
        self.bindings.get(self.checked.resolve(name)?)
    }
}

impl EnforcedBinding {
    fn build(
        checked: &Arc<CheckedBinding>,
        credentials: &Credentials,
        origins: &Origins,
        tls: &Arc<TlsContext>,
    ) -> Result<Self, BuildError> {
        let name = || checked.binding.id.to_string();
        let own: Option<Vec<ServerCredential>> = checked
            .binding
            .server_certificates
            .iter()
            .map(|id: &ServerCertificateId| credentials.get(id).cloned())
            .collect();
        let (Some(own), Some(origin)) = (own, origins.of(checked.binding.origin.as_str())) else {
            return Err(BuildError::Dangling { binding: name() });
        };
        let (tls, trust) = if checked.binding.plain_http == PlainHttp::Serve {
            (None, TrustContext::without_tls(checked, tls))
        } else {
            let tls = BindingTls::build(checked, &own, tls).map_err(|source| BuildError::Tls {
                binding: name(),
                source,
            })?;
            for warning in tls.warnings() {
                tracing::warn!(binding = %checked.binding.id, ?warning, "binding works and needs attention");
            }
            let trust = tls.trust().clone();
            (Some(tls), trust)
        };
        Ok(Self {
            checked: Arc::clone(checked),
            tls,
            trust,
            origin: Arc::clone(origin),
            strict_transport: checked.binding.strict_transport.and_then(strict_transport),
        })
    }

    pub(crate) fn checked(&self) -> &CheckedBinding {
        &self.checked
    }

    /// What handshakes for its names need; `None` when it is served without TLS.
    pub(crate) fn tls(&self) -> Option<&Arc<BindingTls>> {
        self.tls.as_ref()
    }

    /// What the verdicts about its clients depend on.
    pub(crate) fn trust(&self) -> &TrustContext {
        &self.trust
    }

    /// Whether requests that come in this way, over TLS or without, are served. Of a binding that passes bytes on there are none.
    pub(crate) fn serves_requests(&self, over_tls: bool) -> bool {
        self.checked.binding.service == Service::Http && self.tls.is_some() == over_tls
    }

    /// The `Strict-Transport-Security` of every answer.
    pub(crate) fn strict_transport(&self) -> Option<&HeaderValue> {
        self.strict_transport.as_ref()
    }

    /// Where requests go when no rule says otherwise.
    pub(crate) fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    pub(crate) fn mode(&self) -> ClientAuthMode {
        self.checked.binding.client_auth.mode
    }

    pub(crate) fn id(&self) -> &str {
        self.checked.binding.id.as_str()
    }
}

/// A credential that rules may choose by either of two names counts once.
fn client_validities(checked: &CheckedSnapshot) -> Vec<Validity> {
    let leaves = checked.client_credentials().iter();
    let leaves: HashSet<&Vec<u8>> = leaves.filter_map(|it| it.chain.first()).collect();
    leaves
        .into_iter()
        .filter_map(|leaf| Certificate::from_der(leaf).ok())
        .map(|leaf| leaf.validity())
        .collect()
}

/// RFC 6797 §6.1.
fn strict_transport(policy: StrictTransport) -> Option<HeaderValue> {
    let mut text = format!("max-age={}", policy.max_age_seconds);
    if policy.include_subdomains {
        text.push_str("; includeSubDomains");
    }
    if policy.preload {
        text.push_str("; preload");
    }
    HeaderValue::try_from(text).ok()
}

type Credentials = HashMap<ServerCertificateId, ServerCredential>;

/// Opens the keys of the server certificates; what is equal in `previous` is open already.
fn server_credentials(
    checked: &CheckedSnapshot,
    sealing_key: &SealingKey,
    previous: Option<&Enforced>,
) -> Result<Credentials, BuildError> {
    let known: HashMap<_, _> = previous
        .map(|previous| previous.checked.server_certificates())
        .unwrap_or_default()
        .iter()
        .map(|certificate| (&certificate.id, certificate))
        .collect();
    let open = |certificate: &ServerCertificate| {
        let is_known = known.get(&certificate.id) == Some(&certificate);
        previous
            .filter(|_| is_known)
            .and_then(|previous| previous.credentials.get(&certificate.id).cloned())
            .map_or_else(|| ServerCredential::open(certificate, sealing_key), Ok)
    };
    checked
        .server_certificates()
        .iter()
        .map(|certificate| {
            open(certificate)
                .map(|credential| (certificate.id.clone(), credential))
                .map_err(|source| BuildError::Tls {
                    binding: format!("with server certificate {}", certificate.id),
                    source,
                })
        })
        .collect()
}
