//! Activations and deployments over a real store and in-memory nodes that verify and check every snapshot.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub
)]

#[path = "engine/activations.rs"]
mod activations;
#[path = "engine/client_credentials.rs"]
mod client_credentials;
#[path = "api/conforms.rs"]
mod conforms;
#[path = "engine/declaration_places.rs"]
mod declaration_places;
#[path = "engine/declarations.rs"]
mod declarations;
#[path = "engine/edge_certificates.rs"]
mod edge_certificates;
#[path = "engine/explain.rs"]
mod explain;
#[path = "engine/https.rs"]
mod https;
#[path = "engine/interruptions.rs"]
mod interruptions;
#[path = "engine/origins.rs"]
mod origins;
#[path = "engine/properties.rs"]
mod properties;
#[path = "engine/sites.rs"]
mod sites;
#[path = "engine/support.rs"]
mod support;
