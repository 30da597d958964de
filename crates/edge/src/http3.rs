//! HTTP/3: the same handshake decisions, the same connections, the same requests, over QUIC.
//!
//! [`listen`] admits connections and has them authenticated by `countersign_tls::quic`; [`serve`] runs the engine (h3) of one connection over
//! our own [`transport`], which bounds what the engine may see; [`request`] hands each request to [`crate::http::serve`], the one path that
//! requests of every version take.
//!
//! WebSockets over HTTP/3 (RFC 9220) wait for the engine.

mod body;
mod frames;
mod listen;
mod request;
mod serve;
mod settings;
mod transport;

pub(crate) use body::{RequestBodyError, RequestStream};
pub(crate) use listen::{Listener, alt_svc, bind, run};
