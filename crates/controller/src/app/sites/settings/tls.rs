//! How the edge speaks TLS.

use countersign_api::v1::tls::{
    CipherProfile as WireCiphers, HttpVersions as WireHttp, TlsSettings,
    TlsVersion as WireTlsVersion,
};
use countersign_snapshot::{CipherProfile, HttpVersions, TlsPolicy, TlsVersion};

use crate::app::input::Problems;

pub(super) fn tls_policy(
    settings: TlsSettings,
    pointer: &str,
    problems: &mut Problems,
) -> TlsPolicy {
    if settings.minimum_version > settings.maximum_version {
        problems.add(
            format!("{pointer}/minimumVersion"),
            "invalid-tls-versions",
            "The lowest TLS version is above the highest.",
        );
    }
    let version = |version| match version {
        WireTlsVersion::Tls12 => TlsVersion::Tls12,
        WireTlsVersion::Tls13 => TlsVersion::Tls13,
    };
    TlsPolicy {
        minimum_version: version(settings.minimum_version),
        maximum_version: version(settings.maximum_version),
        ciphers: match settings.cipher_profile {
            WireCiphers::Compatible => CipherProfile::Compatible,
            WireCiphers::Modern => CipherProfile::Modern,
        },
        http: match settings.http_versions {
            WireHttp::Http1 => HttpVersions::Http1,
            WireHttp::Http1AndHttp2 => HttpVersions::Http1AndHttp2,
            WireHttp::Http1ToHttp3 => HttpVersions::Http1ToHttp3,
        },
    }
}
