//! The wire form of a snapshot's body.
//!
//! Types of their own, so that renaming something inside cannot change what edge nodes of another release read. Postcard numbers fields
//! and variants by their order: **append only**, and raise [`FORMAT`] for anything else.

use std::time::Duration;

use countersign_trust::{
    ExtendedKeyUsageRule, Policy, RevocationMode, RevocationPolicy, RevocationScope,
    Sha1Signatures, UnixTime,
};
use serde::{Deserialize, Serialize};

use crate::model;
use crate::{
    CaSetId, Generation, NamePattern, Network, ParseIdError, ParseNameError, SealError,
    SealedSecret, Snapshot, VersionNumber,
};
use forwarding_key::WireForwardingKey;
use origin_asks::WireOriginAsks;
use origin_policy::WireOriginPolicy;
use owner::WireOwner;
use plain::WirePlain;
use property::WireProperty;
use sections::Sections;
use tcp::WireTcp;

mod forwarding_key;
mod origin_asks;
mod origin_policy;
mod owner;
mod plain;
mod property;
pub(crate) mod sections;
mod tcp;

/// The format that this release writes and reads.
const FORMAT: u16 = 1;

/// Why a signed body cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// Written by another release in a form that this one does not know.
    #[error("the snapshot has format {0}, this version reads format {FORMAT}")]
    Format(u16),
    /// The structure does not hold.
    #[error("the snapshot's structure is broken")]
    Structure,
    /// An identifier is none.
    #[error("an identifier in the snapshot is invalid")]
    Id(#[from] ParseIdError),
    /// A name is none.
    #[error("a server name in the snapshot is invalid")]
    Name(#[from] ParseNameError),
    /// A sealed secret is none.
    #[error("a sealed key in the snapshot is invalid")]
    Seal(#[from] SealError),
}

pub(crate) fn encode(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = FORMAT.to_be_bytes().to_vec();
    bytes.extend(encode_infallibly(&Body::from(snapshot)));
    let policies: Vec<_> = snapshot
        .ca_sets
        .iter()
        .filter(|set| set.policy != Policy::default())
        .map(|set| WireCaSetPolicy {
            id: set.id.number(),
            policy: WirePolicy::from(&set.policy),
        })
        .collect();
    let tcp: Vec<_> = snapshot.bindings.iter().filter_map(WireTcp::of).collect();
    let origins: Vec<_> = snapshot
        .origins
        .iter()
        .filter_map(WireOriginPolicy::of)
        .collect();
    let properties: Vec<_> = snapshot
        .bindings
        .iter()
        .filter_map(WireProperty::of)
        .collect();
    let plain: Vec<_> = snapshot.bindings.iter().filter_map(WirePlain::of).collect();
    let owners: Vec<_> = snapshot.ca_sets.iter().filter_map(WireOwner::of).collect();
    let forwarding_keys: Vec<_> = snapshot
        .forwarding_keys
        .iter()
        .map(WireForwardingKey::of)
        .collect();
    let origin_asks: Vec<_> = snapshot
        .origins
        .iter()
        .filter_map(WireOriginAsks::of)
        .collect();
    // A new section goes to the end, here and in `decode`.
    sections::append(
        &mut bytes,
        [
            encode_infallibly(&policies),
            encode_infallibly(&origins),
            encode_infallibly(&tcp),
            encode_infallibly(&properties),
            encode_infallibly(&plain),
            encode_infallibly(&owners),
            encode_infallibly(&forwarding_keys),
            encode_infallibly(&origin_asks),
        ],
    );
    bytes
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Snapshot, DecodeError> {
    let (format, body) = bytes
        .split_first_chunk::<2>()
        .ok_or(DecodeError::Structure)?;
    let format = u16::from_be_bytes(*format);
    if format != FORMAT {
        return Err(DecodeError::Format(format));
    }
    let (wire, rest): (Body, _) =
        postcard::take_from_bytes(body).map_err(|_| DecodeError::Structure)?;
    let mut snapshot: Snapshot = wire.try_into()?;
    let mut sections = Sections::new(rest);
    for WireCaSetPolicy { id, policy } in sections.take()? {
        let set = snapshot
            .ca_sets
            .iter_mut()
            .find(|set| set.id.number() == id);
        set.ok_or(DecodeError::Structure)?.policy = policy.into();
    }
    origin_policies(&mut snapshot, sections.take()?)?;
    tcp::read(&mut snapshot, sections.take()?)?;
    property::read(&mut snapshot, sections.take()?)?;
    plain::read(&mut snapshot, sections.take()?)?;
    owner::read(&mut snapshot, sections.take()?)?;
    forwarding_key::read(&mut snapshot, sections.take()?)?;
    origin_asks::read(&mut snapshot, sections.take()?)?;
    sections.end()?;
    Ok(snapshot)
}

/// They stand in the order of the origins, so that reading is linear.
fn origin_policies(
    snapshot: &mut Snapshot,
    policies: Vec<WireOriginPolicy>,
) -> Result<(), DecodeError> {
    let mut origins = snapshot.origins.iter_mut();
    for wire in policies {
        let origin = origins.find(|origin| origin.id.as_str() == wire.origin);
        let policy = wire.read()?;
        if policy == model::OriginPolicy::default() {
            return Err(DecodeError::Structure);
        }
        origin.ok_or(DecodeError::Structure)?.policy = policy;
    }
    Ok(())
}

/// The canonical bytes of how a CA set's clients are judged, for hashing; none when the set says nothing about it.
pub(crate) fn encode_ca_set_policy(policy: &Policy) -> Vec<u8> {
    let says_nothing = policy.revocation.mode == RevocationMode::Off
        && policy.extended_key_usage == ExtendedKeyUsageRule::default();
    if says_nothing {
        return Vec::new();
    }
    encode_policy(policy)
}

/// The canonical bytes of a policy, for hashing.
pub(crate) fn encode_policy(policy: &Policy) -> Vec<u8> {
    encode_infallibly(&WirePolicy::from(policy))
}

#[expect(
    clippy::expect_used,
    reason = "postcard fails only on sequences of unknown length and on writers that fail; our types have neither"
)]
pub(crate) fn encode_infallibly(value: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(value).expect("plain data in memory")
}

#[derive(Debug, Deserialize, Serialize)]
struct Body {
    network: WireNetwork,
    generation: u64,
    created_micros: i64,
    ca_sets: Vec<WireCaSet>,
    server_certificates: Vec<WireCredential>,
    client_credentials: Vec<WireCredential>,
    origins: Vec<WireOrigin>,
    bindings: Vec<WireBinding>,
}

/// Appended to the body: how the clients of a CA set are judged.
#[derive(Debug, Deserialize, Serialize)]
struct WireCaSetPolicy {
    id: u64,
    policy: WirePolicy,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireNetwork {
    Staging,
    Production,
}

#[derive(Debug, Deserialize, Serialize)]
struct WireCaSet {
    id: u64,
    name: String,
    version: u32,
    allow_sha1: bool,
    certificates: Vec<Vec<u8>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct WireCredential {
    id: String,
    chain: Vec<Vec<u8>>,
    sealed_key: Vec<u8>,
}

#[derive(Debug, Deserialize, Serialize)]
struct WireOrigin {
    id: String,
    endpoints: Vec<WireEndpoint>,
    scheme: WireScheme,
    host_header: WireHostHeader,
    connect_ms: u64,
    first_byte_ms: u64,
    idle_ms: u64,
}

#[derive(Debug, Deserialize, Serialize)]
struct WireEndpoint {
    host: String,
    port: u16,
    weight: u16,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireScheme {
    Http,
    Https(WireOriginTls),
    Tcp,
    Tls(WireOriginTls),
}

#[derive(Debug, Deserialize, Serialize)]
struct WireOriginTls {
    trust: WireOriginTrust,
    server_name: Option<String>,
    minimum_version: WireTlsVersion,
    client_credential: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireOriginTrust {
    Bundle(Vec<Vec<u8>>),
    System,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireHostHeader {
    Custom(String),
    Origin,
    Request,
}

#[derive(Debug, Deserialize, Serialize)]
struct WireBinding {
    id: String,
    names: Vec<String>,
    server_certificates: Vec<String>,
    minimum_version: WireTlsVersion,
    maximum_version: WireTlsVersion,
    ciphers: WireCiphers,
    http: WireHttp,
    client_auth: WireClientAuth,
    rules: String,
    origin: String,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireTlsVersion {
    Tls12,
    Tls13,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireCiphers {
    Compatible,
    Modern,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireHttp {
    Http1,
    Http1AndHttp2,
    Http1ToHttp3,
}

#[derive(Debug, Deserialize, Serialize)]
struct WireClientAuth {
    mode: WireMode,
    ca_sets: Vec<u64>,
    advertise_ca_list: bool,
    policy: WirePolicy,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireMode {
    Off,
    Request,
    Require,
}

impl From<&Snapshot> for Body {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            network: match snapshot.network {
                Network::Staging => WireNetwork::Staging,
                Network::Production => WireNetwork::Production,
            },
            generation: snapshot.generation.number(),
            created_micros: snapshot.created.as_micros(),
            ca_sets: snapshot.ca_sets.iter().map(Into::into).collect(),
            server_certificates: snapshot
                .server_certificates
                .iter()
                .map(|it| credential(it.id.as_str(), &it.chain, &it.key))
                .collect(),
            client_credentials: snapshot
                .client_credentials
                .iter()
                .map(|it| credential(it.id.as_str(), &it.chain, &it.key))
                .collect(),
            origins: snapshot.origins.iter().map(Into::into).collect(),
            bindings: snapshot.bindings.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<Body> for Snapshot {
    type Error = DecodeError;

    fn try_from(wire: Body) -> Result<Self, DecodeError> {
        let mut server_certificates = Vec::with_capacity(wire.server_certificates.len());
        for it in wire.server_certificates {
            server_certificates.push(model::ServerCertificate {
                id: it.id.parse()?,
                chain: it.chain,
                key: SealedSecret::from_bytes(&it.sealed_key)?,
            });
        }
        let mut client_credentials = Vec::with_capacity(wire.client_credentials.len());
        for it in wire.client_credentials {
            client_credentials.push(model::ClientCredential {
                id: it.id.parse()?,
                chain: it.chain,
                key: SealedSecret::from_bytes(&it.sealed_key)?,
            });
        }
        Ok(Self {
            network: match wire.network {
                WireNetwork::Staging => Network::Staging,
                WireNetwork::Production => Network::Production,
            },
            generation: Generation::new(wire.generation),
            created: UnixTime::from_micros(wire.created_micros),
            ca_sets: wire.ca_sets.into_iter().map(Into::into).collect(),
            server_certificates,
            client_credentials,
            origins: try_all(wire.origins)?,
            bindings: try_all(wire.bindings)?,
            forwarding_keys: Vec::new(),
        })
    }
}

fn try_all<W, M: TryFrom<W, Error = DecodeError>>(wire: Vec<W>) -> Result<Vec<M>, DecodeError> {
    wire.into_iter().map(M::try_from).collect()
}

fn credential(id: &str, chain: &[Vec<u8>], key: &SealedSecret) -> WireCredential {
    WireCredential {
        id: id.to_owned(),
        chain: chain.to_vec(),
        sealed_key: key.to_bytes(),
    }
}

impl From<&model::CaSet> for WireCaSet {
    fn from(set: &model::CaSet) -> Self {
        Self {
            id: set.id.number(),
            name: set.name.clone(),
            version: set.version.number(),
            allow_sha1: set.sha1 == Sha1Signatures::Allow,
            certificates: set.certificates.clone(),
        }
    }
}

impl From<WireCaSet> for model::CaSet {
    fn from(wire: WireCaSet) -> Self {
        Self {
            id: CaSetId::new(wire.id),
            owner: None,
            name: wire.name,
            version: VersionNumber::new(wire.version),
            sha1: if wire.allow_sha1 {
                Sha1Signatures::Allow
            } else {
                Sha1Signatures::Refuse
            },
            certificates: wire.certificates,
            policy: Policy::default(),
        }
    }
}

impl From<&model::Origin> for WireOrigin {
    fn from(origin: &model::Origin) -> Self {
        let endpoint = |it: &model::Endpoint| WireEndpoint {
            host: it.host.clone(),
            port: it.port,
            weight: it.weight,
        };
        Self {
            id: origin.id.to_string(),
            endpoints: origin.endpoints.iter().map(endpoint).collect(),
            scheme: match &origin.scheme {
                model::OriginScheme::Http => WireScheme::Http,
                model::OriginScheme::Https(tls) => WireScheme::Https(tls.into()),
                model::OriginScheme::Tcp => WireScheme::Tcp,
                model::OriginScheme::Tls(tls) => WireScheme::Tls(tls.into()),
            },
            host_header: match &origin.host_header {
                model::HostHeader::Custom(host) => WireHostHeader::Custom(host.clone()),
                model::HostHeader::Origin => WireHostHeader::Origin,
                model::HostHeader::Request => WireHostHeader::Request,
            },
            connect_ms: milliseconds(origin.timeouts.connect),
            first_byte_ms: milliseconds(origin.timeouts.first_byte),
            idle_ms: milliseconds(origin.timeouts.idle),
        }
    }
}

impl TryFrom<WireOrigin> for model::Origin {
    type Error = DecodeError;

    fn try_from(wire: WireOrigin) -> Result<Self, DecodeError> {
        let endpoint = |it: WireEndpoint| model::Endpoint {
            host: it.host,
            port: it.port,
            weight: it.weight,
        };
        Ok(Self {
            id: wire.id.parse()?,
            endpoints: wire.endpoints.into_iter().map(endpoint).collect(),
            scheme: match wire.scheme {
                WireScheme::Http => model::OriginScheme::Http,
                WireScheme::Https(tls) => model::OriginScheme::Https(tls.try_into()?),
                WireScheme::Tcp => model::OriginScheme::Tcp,
                WireScheme::Tls(tls) => model::OriginScheme::Tls(tls.try_into()?),
            },
            host_header: match wire.host_header {
                WireHostHeader::Custom(host) => model::HostHeader::Custom(host),
                WireHostHeader::Origin => model::HostHeader::Origin,
                WireHostHeader::Request => model::HostHeader::Request,
            },
            timeouts: model::OriginTimeouts {
                connect: Duration::from_millis(wire.connect_ms),
                first_byte: Duration::from_millis(wire.first_byte_ms),
                idle: Duration::from_millis(wire.idle_ms),
            },
            policy: model::OriginPolicy::default(),
        })
    }
}

/// Whole milliseconds; a longer time than 2^64 of them is the same as that.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<&model::OriginTls> for WireOriginTls {
    fn from(tls: &model::OriginTls) -> Self {
        Self {
            trust: match &tls.trust {
                model::OriginTrust::Bundle(authorities) => {
                    WireOriginTrust::Bundle(authorities.clone())
                }
                model::OriginTrust::System => WireOriginTrust::System,
            },
            server_name: tls.server_name.clone(),
            minimum_version: tls.minimum_version.into(),
            client_credential: tls.client_credential.as_ref().map(ToString::to_string),
        }
    }
}

impl TryFrom<WireOriginTls> for model::OriginTls {
    type Error = DecodeError;

    fn try_from(wire: WireOriginTls) -> Result<Self, DecodeError> {
        Ok(Self {
            trust: match wire.trust {
                WireOriginTrust::Bundle(authorities) => model::OriginTrust::Bundle(authorities),
                WireOriginTrust::System => model::OriginTrust::System,
            },
            server_name: wire.server_name,
            minimum_version: wire.minimum_version.into(),
            client_credential: wire.client_credential.map(|id| id.parse()).transpose()?,
        })
    }
}

impl From<model::TlsVersion> for WireTlsVersion {
    fn from(version: model::TlsVersion) -> Self {
        match version {
            model::TlsVersion::Tls12 => Self::Tls12,
            model::TlsVersion::Tls13 => Self::Tls13,
        }
    }
}

impl From<WireTlsVersion> for model::TlsVersion {
    fn from(wire: WireTlsVersion) -> Self {
        match wire {
            WireTlsVersion::Tls12 => Self::Tls12,
            WireTlsVersion::Tls13 => Self::Tls13,
        }
    }
}

impl From<&model::Binding> for WireBinding {
    fn from(binding: &model::Binding) -> Self {
        Self {
            id: binding.id.to_string(),
            names: binding.names.iter().map(NamePattern::to_string).collect(),
            server_certificates: binding
                .server_certificates
                .iter()
                .map(ToString::to_string)
                .collect(),
            minimum_version: binding.tls.minimum_version.into(),
            maximum_version: binding.tls.maximum_version.into(),
            ciphers: match binding.tls.ciphers {
                model::CipherProfile::Compatible => WireCiphers::Compatible,
                model::CipherProfile::Modern => WireCiphers::Modern,
            },
            http: match binding.tls.http {
                model::HttpVersions::Http1 => WireHttp::Http1,
                model::HttpVersions::Http1AndHttp2 => WireHttp::Http1AndHttp2,
                model::HttpVersions::Http1ToHttp3 => WireHttp::Http1ToHttp3,
            },
            client_auth: (&binding.client_auth).into(),
            rules: binding.rules.clone(),
            origin: binding.origin.to_string(),
        }
    }
}

impl TryFrom<WireBinding> for model::Binding {
    type Error = DecodeError;

    fn try_from(wire: WireBinding) -> Result<Self, DecodeError> {
        let mut names = Vec::with_capacity(wire.names.len());
        for name in &wire.names {
            names.push(name.parse()?);
        }
        let mut server_certificates = Vec::with_capacity(wire.server_certificates.len());
        for id in &wire.server_certificates {
            server_certificates.push(id.parse()?);
        }
        Ok(Self {
            id: wire.id.parse()?,
            names,
            server_certificates,
            tls: model::TlsPolicy {
                minimum_version: wire.minimum_version.into(),
                maximum_version: wire.maximum_version.into(),
                ciphers: match wire.ciphers {
                    WireCiphers::Compatible => model::CipherProfile::Compatible,
                    WireCiphers::Modern => model::CipherProfile::Modern,
                },
                http: match wire.http {
                    WireHttp::Http1 => model::HttpVersions::Http1,
                    WireHttp::Http1AndHttp2 => model::HttpVersions::Http1AndHttp2,
                    WireHttp::Http1ToHttp3 => model::HttpVersions::Http1ToHttp3,
                },
            },
            client_auth: wire.client_auth.into(),
            rules: wire.rules,
            origin: wire.origin.parse()?,
            service: model::Service::Http,
            property: None,
            plain_http: model::PlainHttp::Refuse,
            strict_transport: None,
        })
    }
}

impl From<&model::ClientAuth> for WireClientAuth {
    fn from(auth: &model::ClientAuth) -> Self {
        Self {
            mode: match auth.mode {
                model::ClientAuthMode::Off => WireMode::Off,
                model::ClientAuthMode::Request => WireMode::Request,
                model::ClientAuthMode::Require => WireMode::Require,
            },
            ca_sets: auth.ca_sets.iter().map(|id| id.number()).collect(),
            advertise_ca_list: auth.ca_list == model::CaList::Advertise,
            policy: (&auth.policy).into(),
        }
    }
}

impl From<WireClientAuth> for model::ClientAuth {
    fn from(wire: WireClientAuth) -> Self {
        Self {
            mode: match wire.mode {
                WireMode::Off => model::ClientAuthMode::Off,
                WireMode::Request => model::ClientAuthMode::Request,
                WireMode::Require => model::ClientAuthMode::Require,
            },
            ca_sets: wire.ca_sets.into_iter().map(CaSetId::new).collect(),
            ca_list: if wire.advertise_ca_list {
                model::CaList::Advertise
            } else {
                model::CaList::Omit
            },
            policy: wire.policy.into(),
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct WirePolicy {
    extended_key_usage: WireExtendedKeyUsage,
    revocation_mode: WireRevocationMode,
    revocation_scope: WireRevocationScope,
    stale_grace_seconds: u64,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireExtendedKeyUsage {
    AcceptAbsent,
    AcceptServerAuthUntil(i64),
    Any,
    RequireClientAuth,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireRevocationMode {
    Off,
    Prefer,
    Require,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireRevocationScope {
    Leaf,
    Path,
}

impl From<&Policy> for WirePolicy {
    fn from(policy: &Policy) -> Self {
        Self {
            extended_key_usage: match policy.extended_key_usage {
                ExtendedKeyUsageRule::AcceptAbsent => WireExtendedKeyUsage::AcceptAbsent,
                ExtendedKeyUsageRule::AcceptServerAuthUntil(until) => {
                    WireExtendedKeyUsage::AcceptServerAuthUntil(until.as_micros())
                }
                ExtendedKeyUsageRule::Any => WireExtendedKeyUsage::Any,
                ExtendedKeyUsageRule::RequireClientAuth => WireExtendedKeyUsage::RequireClientAuth,
            },
            revocation_mode: match policy.revocation.mode {
                RevocationMode::Off => WireRevocationMode::Off,
                RevocationMode::Prefer => WireRevocationMode::Prefer,
                RevocationMode::Require => WireRevocationMode::Require,
            },
            revocation_scope: match policy.revocation.scope {
                RevocationScope::Leaf => WireRevocationScope::Leaf,
                RevocationScope::Path => WireRevocationScope::Path,
            },
            stale_grace_seconds: policy.revocation.stale_grace.as_secs(),
        }
    }
}

impl From<WirePolicy> for Policy {
    fn from(wire: WirePolicy) -> Self {
        Self {
            extended_key_usage: match wire.extended_key_usage {
                WireExtendedKeyUsage::AcceptAbsent => ExtendedKeyUsageRule::AcceptAbsent,
                WireExtendedKeyUsage::AcceptServerAuthUntil(micros) => {
                    ExtendedKeyUsageRule::AcceptServerAuthUntil(UnixTime::from_micros(micros))
                }
                WireExtendedKeyUsage::Any => ExtendedKeyUsageRule::Any,
                WireExtendedKeyUsage::RequireClientAuth => ExtendedKeyUsageRule::RequireClientAuth,
            },
            revocation: RevocationPolicy {
                mode: match wire.revocation_mode {
                    WireRevocationMode::Off => RevocationMode::Off,
                    WireRevocationMode::Prefer => RevocationMode::Prefer,
                    WireRevocationMode::Require => RevocationMode::Require,
                },
                scope: match wire.revocation_scope {
                    WireRevocationScope::Leaf => RevocationScope::Leaf,
                    WireRevocationScope::Path => RevocationScope::Path,
                },
                stale_grace: Duration::from_secs(wire.stale_grace_seconds),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
            let with_format = [&FORMAT.to_be_bytes()[..], &bytes].concat();
            if let Ok(snapshot) = decode(&with_format) {
                prop_assert_eq!(decode(&encode(&snapshot)), Ok(snapshot));
            }
        }
    }

    #[test]
    fn a_format_of_another_release_is_named() {
        assert_eq!(decode(&[0, 9, 0]), Err(DecodeError::Format(9)));
        assert_eq!(decode(&[0]), Err(DecodeError::Structure));
    }
}
