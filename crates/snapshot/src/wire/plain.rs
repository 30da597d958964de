//! Appended to the body: the bindings that do something with requests without TLS, or say something about them.

use serde::{Deserialize, Serialize};

use super::DecodeError;
use crate::model::{Binding, PlainHttp, Snapshot, StrictTransport};

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct WirePlain {
    binding: String,
    plain_http: WirePlainHttp,
    strict_transport: Option<WireStrictTransport>,
}

#[derive(Debug, Deserialize, Serialize)]
enum WirePlainHttp {
    Refuse,
    Redirect,
    Serve,
}

#[derive(Debug, Deserialize, Serialize)]
struct WireStrictTransport {
    max_age_seconds: u32,
    include_subdomains: bool,
    preload: bool,
}

impl WirePlain {
    pub(super) fn of(binding: &Binding) -> Option<Self> {
        if binding.plain_http == PlainHttp::Refuse && binding.strict_transport.is_none() {
            return None;
        }
        Some(Self {
            binding: binding.id.to_string(),
            plain_http: match binding.plain_http {
                PlainHttp::Refuse => WirePlainHttp::Refuse,
                PlainHttp::Redirect => WirePlainHttp::Redirect,
                PlainHttp::Serve => WirePlainHttp::Serve,
            },
            strict_transport: binding.strict_transport.map(|it| WireStrictTransport {
                max_age_seconds: it.max_age_seconds,
                include_subdomains: it.include_subdomains,
                preload: it.preload,
            }),
        })
    }
}

/// They stand in the order of the bindings, so that reading is linear.
pub(super) fn read(snapshot: &mut Snapshot, entries: Vec<WirePlain>) -> Result<(), DecodeError> {
    let mut bindings = snapshot.bindings.iter_mut();
    for entry in entries {
        let binding = bindings.find(|binding| binding.id.as_str() == entry.binding);
        let binding = binding.ok_or(DecodeError::Structure)?;
        binding.plain_http = match entry.plain_http {
            WirePlainHttp::Refuse => PlainHttp::Refuse,
            WirePlainHttp::Redirect => PlainHttp::Redirect,
            WirePlainHttp::Serve => PlainHttp::Serve,
        };
        binding.strict_transport = entry.strict_transport.map(|it| StrictTransport {
            max_age_seconds: it.max_age_seconds,
            include_subdomains: it.include_subdomains,
            preload: it.preload,
        });
    }
    Ok(())
}
