//! What trust and rules say together about one client and its request: verdicts per CA set, the facts that rules compare, and the one
//! reason of a refusal.
//!
//! The edge judges with this, and so does whoever explains what the edge did; there is no second way (invariant I2).

mod facts;
mod headers;
mod peer;
mod refused;
mod verdicts;

pub use facts::RequestFacts;
pub use headers::{CONNECTION_HEADERS, is_identity_header};
pub use peer::Peer;
pub use refused::{Refused, is_served};
pub use verdicts::Verdicts;
