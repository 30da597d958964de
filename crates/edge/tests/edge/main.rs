//! An edge node over real sockets: snapshots made here, clients and origins of the test kit.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod world;

mod access_log;
mod aioquic;
mod curl;
mod cut_off;
mod first_seen;
mod floods;
mod forwarding;
mod grpc_peer;
mod http2_attacks;
mod http3;
mod http3_attacks;
mod https;
mod identity;
mod identity_presets;
mod lifecycle;
mod limits;
mod log_fields;
mod matrix;
mod metrics;
mod names;
mod nghttp2;
mod nginx;
mod origin_http2;
mod origins;
mod otlp;
mod panics;
mod parity;
mod path_origins;
mod paths;
mod plain;
mod refusals;
mod rest;
mod resumption;
mod revocation;
mod rules;
mod rules_table;
mod signatures;
mod tcp;
mod tcp_peers;
mod trust;
mod websocket;
mod websockets_peer;
