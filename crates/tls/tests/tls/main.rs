//! Real handshakes in memory: who is asked, what a refused client is told, what is resumed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub
)]

mod api;
mod client_auth;
mod limits;
mod moving;
mod names;
mod negotiation;
mod openssl;
mod origins;
mod quic;
mod resumption;
mod support;
