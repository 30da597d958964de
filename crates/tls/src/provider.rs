//! Which cryptography is offered.

use std::sync::Arc;

use countersign_snapshot::{CipherProfile, TlsVersion};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion};

/// One provider value per cipher profile, shared by every configuration.
#[derive(Debug)]
pub(crate) struct Providers {
    compatible: Arc<CryptoProvider>,
    modern: Arc<CryptoProvider>,
}

impl Providers {
    pub(crate) fn new() -> Self {
        Self {
            compatible: Arc::new(provider(|_| true)),
            modern: Arc::new(provider(is_modern)),
        }
    }

    pub(crate) fn of(&self, profile: CipherProfile) -> &Arc<CryptoProvider> {
        match profile {
            CipherProfile::Compatible => &self.compatible,
            CipherProfile::Modern => &self.modern,
        }
    }
}

/// The protocol versions from `minimum` to `maximum`; empty when they are the wrong way round.
pub(crate) fn versions(
    minimum: TlsVersion,
    maximum: TlsVersion,
) -> &'static [&'static SupportedProtocolVersion] {
    static ONLY_12: [&SupportedProtocolVersion; 1] = [&TLS12];
    static ONLY_13: [&SupportedProtocolVersion; 1] = [&TLS13];
    static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    match (minimum, maximum) {
        (TlsVersion::Tls12, TlsVersion::Tls12) => &ONLY_12,
        (TlsVersion::Tls12, TlsVersion::Tls13) => &BOTH,
        (TlsVersion::Tls13, TlsVersion::Tls13) => &ONLY_13,
        (TlsVersion::Tls13, TlsVersion::Tls12) => &[],
    }
}

fn provider(wanted: fn(&SupportedCipherSuite) -> bool) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(wanted);
    // Our order counts (see `BindingTls::config_for`): TLS 1.3 first, then AES-128-GCM. It is as far out of reach as AES-256-GCM, and with it
    // the key schedule runs on SHA-256, for which processors have instructions; SHA-384 is a quarter of a handshake's work. The sort is
    // stable, so that everything else stays as it is.
    provider
        .cipher_suites
        .sort_by_key(|suite| (suite.tls13().is_none(), is_modern(suite)));
    // The hybrid comes first: recorded traffic, with the identities in it, should stay closed to the machines of tomorrow.
    provider.kx_groups = vec![
        aws_lc_rs::kx_group::X25519MLKEM768,
        aws_lc_rs::kx_group::X25519,
        aws_lc_rs::kx_group::SECP256R1,
        aws_lc_rs::kx_group::SECP384R1,
    ];
    provider
}

/// Deviation: RFC 8446 §9.1 makes TLS_AES_128_GCM_SHA256 mandatory "in the absence of an application profile standard specifying
/// otherwise"; the profile exists for people whose rules ask for 256-bit keys.
fn is_modern(suite: &SupportedCipherSuite) -> bool {
    !matches!(
        suite.suite(),
        CipherSuite::TLS13_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    )
}

/// Whether the first suite of a client that we know too is ChaCha20-Poly1305: it has no instructions for AES, and would pay for it.
pub(crate) fn prefers_chacha(offered: &[CipherSuite]) -> bool {
    let known = aws_lc_rs::ALL_CIPHER_SUITES;
    let first = offered
        .iter()
        .find(|offer| known.iter().any(|suite| suite.suite() == **offer));
    matches!(
        first,
        Some(
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compatible_profile_begins_with_128_bit_keys_in_either_version() {
        let order: Vec<_> = provider(|_| true)
            .cipher_suites
            .iter()
            .map(SupportedCipherSuite::suite)
            .collect();
        assert_eq!(
            order.get(..2).unwrap(),
            [
                CipherSuite::TLS13_AES_128_GCM_SHA256,
                CipherSuite::TLS13_AES_256_GCM_SHA384
            ]
        );
        assert_eq!(
            order.get(3).unwrap(),
            &CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        );
    }

    #[test]
    fn a_client_without_instructions_for_aes_says_so_by_its_order() {
        let grease = CipherSuite::Unknown(0x1a1a);
        let (aes, chacha) = (
            CipherSuite::TLS13_AES_128_GCM_SHA256,
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        );
        assert!(prefers_chacha(&[grease, chacha, aes]));
        assert!(!prefers_chacha(&[grease, aes, chacha]));
        assert!(!prefers_chacha(&[]));
    }

    #[test]
    fn the_modern_profile_has_256_bit_keys_for_both_versions() {
        let modern = provider(is_modern);
        assert!(
            modern
                .cipher_suites
                .iter()
                .any(|suite| suite.tls13().is_some())
        );
        assert!(
            modern
                .cipher_suites
                .iter()
                .any(|suite| suite.tls13().is_none())
        );
        assert!(
            modern
                .cipher_suites
                .iter()
                .all(|suite| !format!("{:?}", suite.suite()).contains("AES_128"))
        );
    }

    #[test]
    fn a_minimum_above_the_maximum_leaves_no_version() {
        assert!(versions(TlsVersion::Tls13, TlsVersion::Tls12).is_empty());
    }
}
