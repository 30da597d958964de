//! Possession of keys that are for RSASSA-PSS only: RFC 8446 §4.2.3 has schemes of their own for them, which rustls does not know.

use countersign_trust::{Hash, KeyAlgorithm, PssParameters, PublicKey, SignatureAlgorithm};
use rustls::SignatureScheme;

/// `rsa_pss_pss_sha256`, `rsa_pss_pss_sha384` and `rsa_pss_pss_sha512`. rustls offers them in TLS 1.3 only.
pub(crate) const SCHEMES: [SignatureScheme; 3] = [
    SignatureScheme::Unknown(0x0809),
    SignatureScheme::Unknown(0x080a),
    SignatureScheme::Unknown(0x080b),
];

/// Whether the key made the signature, or `None` when the scheme is none of these. "The length of the Salt MUST be equal to the length of
/// the output of the digest algorithm", and the key "MUST use the RSASSA-PSS OID".
pub(crate) fn verify(
    message: &[u8],
    key: &PublicKey,
    scheme: SignatureScheme,
    signature: &[u8],
) -> Option<bool> {
    let (hash, salt) = match u16::from(scheme) {
        0x0809 => (Hash::Sha256, 32),
        0x080a => (Hash::Sha384, 48),
        0x080b => (Hash::Sha512, 64),
        _ => return None,
    };
    let algorithm = SignatureAlgorithm::RsaPss(Some(PssParameters { hash, salt }));
    Some(
        matches!(key.algorithm, KeyAlgorithm::RsaPss(_))
            && key.verify(&algorithm, message, signature).is_ok(),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use countersign_testkit::Pki;
    use countersign_trust::Certificate;

    use super::*;

    fn openssl(directory: &Path, line: &str) {
        let output = Command::new("openssl")
            .args(line.split(' '))
            .current_dir(directory)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// What a fresh key of that kind signs with that hash and salt: accepted under which of the schemes?
    fn accepted(algorithm: &str, hash: &str, salt: u8) -> Vec<u16> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::fs::write(path.join("message"), "a handshake").unwrap();
        openssl(
            path,
            &format!("genpkey -algorithm {algorithm} -pkeyopt rsa_keygen_bits:2048 -out key"),
        );
        openssl(path, "pkey -in key -pubout -outform DER -out spki");
        openssl(
            path,
            &format!(
                "dgst -{hash} -sign key -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:{salt} -out signature message"
            ),
        );
        let [spki, signature] =
            ["spki", "signature"].map(|name| std::fs::read(path.join(name)).unwrap());
        let client = Pki::new().root("root").client("a");
        let client = client.edit(|tbs| tbs.spki = spki).issue();
        let certificate = Certificate::from_der(client.der()).unwrap();
        let verified = |message: &[u8], scheme| {
            verify(message, certificate.public_key(), scheme, &signature).unwrap()
        };
        assert!(!SCHEMES.iter().any(|scheme| verified(b"another", *scheme)));
        let fitting = SCHEMES
            .iter()
            .filter(|scheme| verified(b"a handshake", **scheme));
        fitting.map(|scheme| u16::from(*scheme)).collect()
    }

    #[test]
    fn a_signature_counts_by_its_own_scheme_and_by_a_key_of_this_kind_only() {
        assert_eq!(accepted("rsa-pss", "sha256", 32), [0x0809]);
        assert_eq!(accepted("rsa-pss", "sha384", 48), [0x080a]);
        assert_eq!(accepted("rsa-pss", "sha512", 64), [0x080b]);
        assert!(accepted("rsa-pss", "sha256", 20).is_empty());
        assert!(accepted("rsa", "sha256", 32).is_empty());
    }
}
