//! Handshakes: who is asked for a certificate, what is made of it, and what a refused client is told.
//!
//! A [`BindingTls`] is the TLS side of one binding. [`accept`] runs the handshake of a client with the binding of the name that it asks
//! for, and gives the decrypted connection, the chain that the client showed and the verdicts about it, or a [`RefusedHandshake`] with
//! the reason. [`evaluate_peer`] is the trust decision, the same for every protocol, for full and for resumed sessions, and for live
//! connections when trust changes. [`OriginConnector`] is the other direction, [`ApiTls`] the control API's listener.
//!
//! The crate does **not** know HTTP, requests and rules. It is the only one that knows rustls; none of rustls's types is needed to use it.
//!
//! Start from [`TlsContext`] (what a node shares), [`BindingTls`] and [`accept`].

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod accept;
mod alert;
mod answers;
mod api;
mod binding;
mod chain_cache;
mod clock;
mod context;
mod facts;
mod handshake;
mod held;
mod origin;
mod provider;
mod pss_keys;
pub mod quic;
mod refused;
mod server_credential;
mod session_scope;
mod session_store;
mod staples;
mod stream;
mod ticket;
mod trust;
mod verdict_cache;
mod verifier;

pub use accept::{Accepted, HandshakeLimits, Lookup, accept};
pub use alert::Alert;
pub use api::{ApiClientIdentity, ApiTls, BuildApiTlsError, api_client_config};
pub use binding::{BindingTls, BuildTlsError, BuildTlsWarning};
pub use context::{MemoryLimits, TlsContext};
pub use facts::{Alpn, TlsFacts};
pub use origin::{
    BuildOriginError, OriginAlpn, OriginConnector, OriginTlsError, origin_refused_certificate,
};
pub use refused::{HandshakeFault, RefusedHandshake, TlsError};
pub use server_credential::{PresentedCertificate, ServerCredential};
pub use staples::Staple;
pub use stream::{OriginStream, TlsStream};
pub use ticket::TicketSecret;
pub use trust::{TrustContext, evaluate_peer, evaluate_peer_again};
pub use verdict_cache::VerdictLookups;
