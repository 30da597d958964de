//! HTTP: finds the operation, establishes who asks, checks the form of the request, calls a service and shows its answer.

mod activations;
mod api_clients;
mod audit;
mod authenticate;
mod body;
mod ca_sets;
mod call;
mod certificates;
mod client_credentials;
mod crls;
mod declarations;
mod deployments;
mod edge_certificates;
mod edgegrid;
mod explain;
mod extended_key_usage;
mod media;
mod ocsp;
mod openapi;
mod operation;
mod problem;
mod properties;
mod query;
mod rate;
mod revocations;
mod router;
mod serve;
mod sites;
mod stream;
mod versions;
mod wire;

pub use openapi::document as openapi_document;
pub use operation::{Body, Operation, Parameter, ParameterKind, Verb, operations};
pub(crate) use router::router;
pub use serve::{Accept, Connection, Scheme, serve};
pub use wire::api_client as api_client_document;
