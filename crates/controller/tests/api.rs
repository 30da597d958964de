//! The REST API over a real store, request by request.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub
)]

#[path = "api/activations.rs"]
mod activations;
#[path = "api/audit.rs"]
mod audit;
#[path = "api/authentication.rs"]
mod authentication;
#[path = "api/ca_sets.rs"]
mod ca_sets;
#[path = "api/client.rs"]
mod client;
#[path = "api/client_certificates.rs"]
mod client_certificates;
#[path = "api/conforms.rs"]
mod conforms;
#[path = "api/crl_fetching.rs"]
mod crl_fetching;
#[path = "api/crls.rs"]
mod crls;
#[path = "api/errors.rs"]
mod errors;
#[path = "api/extended_key_usage.rs"]
mod extended_key_usage;
#[path = "api/forwarding_keys.rs"]
mod forwarding_keys;
#[path = "api/log.rs"]
mod log;
#[path = "api/ocsp.rs"]
mod ocsp;
#[path = "api/openapi.rs"]
mod openapi;
#[path = "api/permissions.rs"]
mod permissions;
#[path = "api/properties.rs"]
mod properties;
#[path = "api/revocations.rs"]
mod revocations;
#[path = "api/site_switches.rs"]
mod site_switches;
#[path = "api/sites.rs"]
mod sites;
#[path = "api/support.rs"]
mod support;
#[path = "api/uploads.rs"]
mod uploads;
#[path = "api/vendor_clients.rs"]
mod vendor_clients;
#[path = "api/versions.rs"]
mod versions;
