//! What one network enforces, as one value.
//!
//! A [`Snapshot`] is the immutable whole of it: CA sets, server certificates, origins and bindings. The controller compiles and signs it,
//! an edge node verifies, checks and enforces it; nothing else passes between the two. The crate also owns the one [`Resolver`] from a
//! server name to a binding, the [`PolicyIdentity`] that says when two bindings decide about clients in the same way, and the sealing of
//! private keys on their way from the store to an edge node. [`Verdicts`], [`RequestFacts`] and [`Refused`] put trust and rules together
//! into what a client and its request are told, for the edge that says it and for whoever explains it.
//!
//! It does **not** know sockets, files, clocks, TLS or HTTP: it turns bytes into a checked model and back.
//!
//! Start from [`Snapshot`] (the model), [`SignedSnapshot`] (its transport form) and [`CheckedSnapshot`] (proof that all of it can be
//! enforced).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
#![warn(missing_docs)]

mod acknowledgement;
mod check;
mod id;
mod ip_range;
mod judge;
mod model;
mod name;
mod policy_identity;
mod resolver;
mod revocation;
mod seal;
mod sign;
mod wire;

pub use acknowledgement::{Acknowledgement, AcknowledgementOutcome};
pub use check::{CheckProblem, CheckedBinding, CheckedCaSet, CheckedSnapshot};
pub use id::{
    BindingId, CaSetId, ClientCredentialId, Generation, Network, NodeId, OriginId, ParseIdError,
    RevocationSequence, ServerCertificateId, VersionNumber,
};
pub use ip_range::{IpRange, ParseIpRangeError};
pub use judge::{
    CONNECTION_HEADERS, Peer, Refused, RequestFacts, Verdicts, is_identity_header, is_served,
};
pub use model::{
    Binding, CaList, CaSet, CipherProfile, ClientAuth, ClientAuthMode, ClientCredential,
    ConnectionSharing, Endpoint, ForwardedForm, ForwardedHeaders, ForwardingKey, HealthCheck,
    HealthCheckKind, HostHeader, HttpVersions, Origin, OriginAsks, OriginLimits, OriginPolicy,
    OriginProtocol, OriginScheme, OriginTimeouts, OriginTls, OriginTrust, Outliers, PlainHttp,
    PropertyVersion, ProxyProtocol, Retries, ServerCertificate, Service, Snapshot, StrictTransport,
    TcpService, TlsPolicy, TlsVersion,
};
pub use name::{NamePattern, ParseNameError, ServerName};
pub use policy_identity::PolicyIdentity;
pub use resolver::Resolver;
pub use revocation::{
    AskedStatus, BodyDigest, CrlReference, DecodeRevocationsError, LoadRevocationsError,
    LoadedRevocations, OcspReference, OcspResponse, OwnedRevocation, RevocationAcknowledgement,
    RevocationBodies, RevocationDigest, RevocationManifest, SignedRevocations, StatusAnswer,
    StatusQuestion, StatusSource, VerifyRevocationsError,
};
pub use seal::{SealError, SealedSecret, SealingKey, Secret};
pub use sign::{SignError, SignedSnapshot, SigningKey, SnapshotDigest, VerifyError, VerifyingKey};
pub use wire::DecodeError;
