//! What the REST APIs say on the wire, and a typed client that says it.
//!
//! The types here exist only to be on the wire: the server makes them out of its own, the client hands them out. [`truststore`] is the
//! vendor's truststore API, field for field; [`control`] and [`v1`] are what lives under `/v1`; [`Problem`] is the form of every error (RFC 9457).
//!
//! It does **not** know the server, its store or TLS: the client is given a configured [`reqwest::Client`].
//!
//! Start from [`Client`], [`truststore::CaSet`] and [`Problem`].

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod client;
pub mod control;
mod problem;
mod timestamp;
pub mod truststore;
pub mod v1;

pub use client::{
    CaSetQuery, CertificateQuery, Client, ClientError, Credentials, EdgeGridCredentials,
    ParseAddressError, VersionQuery,
};
pub use problem::{Problem, ProblemItem};
pub use timestamp::{ParseTimestampError, Timestamp, ValidityDate};
