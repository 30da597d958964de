//! Appended to the body: the bindings that pass bytes on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DecodeError, milliseconds};
use crate::model::{Binding, ProxyProtocol, Service, Snapshot, TcpService};

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct WireTcp {
    binding: String,
    proxy_protocol: WireProxyProtocol,
    idle_ms: u64,
    alpn: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireProxyProtocol {
    Off,
    V1,
    V2,
    V2WithCertificate,
}

impl WireTcp {
    pub(super) fn of(binding: &Binding) -> Option<Self> {
        let Service::Tcp(tcp) = &binding.service else {
            return None;
        };
        Some(Self {
            binding: binding.id.to_string(),
            proxy_protocol: match tcp.proxy_protocol {
                ProxyProtocol::Off => WireProxyProtocol::Off,
                ProxyProtocol::V1 => WireProxyProtocol::V1,
                ProxyProtocol::V2 => WireProxyProtocol::V2,
                ProxyProtocol::V2WithCertificate => WireProxyProtocol::V2WithCertificate,
            },
            idle_ms: milliseconds(tcp.idle),
            alpn: tcp.alpn.clone(),
        })
    }
}

/// They stand in the order of the bindings, so that reading is linear.
pub(super) fn read(snapshot: &mut Snapshot, entries: Vec<WireTcp>) -> Result<(), DecodeError> {
    let mut bindings = snapshot.bindings.iter_mut();
    for entry in entries {
        let binding = bindings.find(|binding| binding.id.as_str() == entry.binding);
        binding.ok_or(DecodeError::Structure)?.service = Service::Tcp(TcpService {
            proxy_protocol: match entry.proxy_protocol {
                WireProxyProtocol::Off => ProxyProtocol::Off,
                WireProxyProtocol::V1 => ProxyProtocol::V1,
                WireProxyProtocol::V2 => ProxyProtocol::V2,
                WireProxyProtocol::V2WithCertificate => ProxyProtocol::V2WithCertificate,
            },
            idle: Duration::from_millis(entry.idle_ms),
            alpn: entry.alpn,
        });
    }
    Ok(())
}
