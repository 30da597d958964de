//! What is said to those who come without TLS.

use countersign_api::v1::tls::HttpsSettings;
use countersign_snapshot::StrictTransport;

use crate::app::input::Problems;

/// The lists that browsers are delivered with take nobody who promises less.
const PRELOAD_MIN_SECONDS: u32 = 31_536_000;

/// What is said to those who come without TLS.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Https {
    pub(crate) redirect: bool,
    pub(crate) strict_transport: Option<StrictTransport>,
}

pub(super) fn https(settings: HttpsSettings, pointer: &str, problems: &mut Problems) -> Https {
    let strict_transport = settings
        .strict_transport_security
        .map(|it| StrictTransport {
            max_age_seconds: it.max_age_seconds,
            include_subdomains: it.include_sub_domains,
            preload: it.preload,
        });
    let is_too_little = strict_transport.is_some_and(|it| {
        it.preload && !(it.include_subdomains && it.max_age_seconds >= PRELOAD_MIN_SECONDS)
    });
    if is_too_little {
        problems.add(
            format!("{pointer}/strictTransportSecurity/preload"),
            "preload-needs-more",
            format!(
                "The lists of browsers take a name only with `includeSubDomains` and a `maxAgeSeconds` of at least {PRELOAD_MIN_SECONDS}; set both, or leave `preload` out."
            ),
        );
    }
    Https {
        redirect: settings.redirect,
        strict_transport,
    }
}
