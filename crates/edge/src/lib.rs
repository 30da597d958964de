//! The data plane of Countersign: an edge node enforces snapshots on the connections and requests of clients.
//!
//! A connection goes through `accept → connection → http → origin`: admitted within budgets, authenticated by TLS under the binding of its
//! server name, judged by one verdict per CA set, decided request by request by the binding's rule program, and proxied to an origin with
//! the client's identity in headers that no client can forge.
//!
//! The crate does **not** know the controller, the store or the administration API: all it enforces comes in a signed snapshot. It does not
//! know rustls either; handshakes are `countersign-tls`'s, decisions about certificates `countersign-trust`'s.
//!
//! Start from [`EdgeConfig`], [`Edge::start`] and [`EdgeHandle`].

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

#[cfg(not(panic = "unwind"))]
compile_error!(
    "a panic has to unwind, so that it stays in its connection: remove `panic = \"abort\"` from the profile"
);

mod accept;
mod access_log;
mod admin;
mod causes;
mod config;
mod connection;
mod edge;
mod enforced;
mod http;
mod http3;
mod limits;
mod metrics;
mod node;
mod offer;
mod origin;
mod otlp;
mod panics;
mod plain;
mod proxy_protocol;
mod rate_limit;
mod registry;
mod relay;
mod revocations;
mod statuses;
mod store;
mod sweep;
mod tcp;

pub use access_log::LogFile;
pub use admin::{Admin, StartAdminError};
pub use config::{AccessLogSink, EdgeConfig, Listen};
pub use edge::{Edge, EdgeHandle, StartError};
pub use limits::Limits;
pub use metrics::document as metrics_document;
pub use otlp::{OtlpLogs, StartOtlpError};
