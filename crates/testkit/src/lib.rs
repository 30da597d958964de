//! What Countersign's tests stand on: a test PKI, TLS and HTTP clients, origin servers and child processes.
//!
//! It uses nothing that is under test, since a PKI built on the code it is meant to prove proves nothing: certificates are
//! written byte by byte in [`der`], signed with keys from `rcgen`, and checked in this crate's own tests with OpenSSL.
//! It knows no clock: moments are seconds since the epoch, and [`NOW`] is one that every default validity contains.
//!
//! Start with [`Pki`] (certificates), [`client::TlsClient`] (handshakes) and [`origin::Origin`] (a server that says what it got).
//!
//! ```
//! use countersign_testkit::{NOW, Pki};
//!
//! let root = Pki::new().root("Demo Root");
//! let issuing = root.intermediate("Demo Issuing");
//! let alice = issuing.client("alice").issue();
//! let late = issuing.client("late").expired(NOW).issue();
//! let server = issuing.server(["a.test", "*.a.test"]).issue();
//! assert_eq!(alice.chain_der().len(), 2); // leaf and intermediate, as a client sends them
//! assert!(server.chain_pem().starts_with("-----BEGIN CERTIFICATE-----"));
//! # let _ = late;
//! ```
//!
//! Every function panics when it cannot do its work: a broken fixture should end the test that wanted it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod client;
pub mod der;
pub mod ocsp;
pub mod openssl;
pub mod origin;
pub mod pki;
pub mod process;
pub mod quickstart;
pub mod wait;

pub use client::{HttpClient, TlsClient};
pub use ocsp::OcspResponder;
pub use openssl::OpenSsl;
pub use origin::Origin;
pub use pki::{Ca, Credential, Key, KeyKind, KeyUsage, Pki, Request, Tbs};

/// 2026-06-01T00:00:00Z in seconds since the epoch: "now" for tests with a clock of their own.
///
/// [`Pki`]'s default validity (2020 to 2050) contains it, and the time the tests really run at.
pub const NOW: i64 = 1_780_272_000;

/// One day in seconds.
pub const DAY: i64 = 86_400;
