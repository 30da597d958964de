//! The headers that tell an origin who the client is.
//!
//! Everything that could be taken for such a header is removed from every request first (invariant I3); what the decision asks for is set
//! afterwards. A test holds that what is removed covers what is set.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use countersign_rules::ForwardIdentity;
use countersign_snapshot::is_identity_header;
use countersign_trust::ValidChain;
use http::header::{HeaderMap, HeaderName};

mod value;
mod write;

pub(crate) use write::Identity;

/// Removes every identity header. Invariant I3: called on every request and on its trailers before anything reads them.
pub(crate) fn strip(headers: &mut HeaderMap) {
    strip_where(headers, is_identity_header);
}

/// Removes every header that the predicate names.
pub(crate) fn strip_where(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    if headers.keys().any(&unwanted) {
        let names: Vec<HeaderName> = headers
            .keys()
            .filter(|name| unwanted(name))
            .cloned()
            .collect();
        for name in names {
            headers.remove(name);
        }
    }
}

/// The headers of one evaluated chain, kept between the requests of a connection: to write certificates anew for each of them costs more
/// than everything else that is done to a request's headers.
#[derive(Debug)]
pub(crate) struct Encoded {
    wanted: ForwardIdentity,
    chain: ValidChain,
    headers: write::Headers,
}

impl Encoded {
    fn is_for(&self, wanted: ForwardIdentity, chain: &ValidChain) -> bool {
        self.wanted == wanted && self.chain.is_same(chain)
    }
}

/// Sets what the decision asks for. The headers were stripped of everything of the kind before. `kept` is what the connection's last
/// request got.
pub(crate) fn write(
    headers: &mut HeaderMap,
    wanted: ForwardIdentity,
    identity: Identity<'_>,
    kept: &ArcSwapOption<Encoded>,
) {
    let Identity::Valid(chain) = identity else {
        set(headers, &write::encode(wanted, identity));
        return;
    };
    if let Some(encoded) = &*kept.load()
        && encoded.is_for(wanted, chain)
    {
        set(headers, &encoded.headers);
        return;
    }
    let encoded = Arc::new(Encoded {
        wanted,
        chain: chain.clone(),
        headers: write::encode(wanted, identity),
    });
    set(headers, &encoded.headers);
    kept.store(Some(encoded));
}

fn set(headers: &mut HeaderMap, encoded: &write::Headers) {
    for (name, value) in encoded {
        headers.insert(name.clone(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_can_be_set_is_stripped() {
        for name in write::NAMES {
            assert!(is_identity_header(&HeaderName::from_static(name)), "{name}");
        }
    }
}
